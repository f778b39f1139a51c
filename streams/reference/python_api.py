"""The reference of the public Python API, made from its signatures and docstrings (`docs/reference/python.md`)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

import tidegate


def python_api() -> str:
    """Markdown: a section for each name of `tidegate.__all__`, functions and classes in the order of the alphabet."""
    return "\n\n".join(_section(name, getattr(tidegate, name)) for name in sorted(tidegate.__all__, key=str.lower))


def _section(name: str, thing: Any) -> str:
    if isinstance(thing, str):
        return f"### `{name}`\n\nTidegate's version, as `0.1.0`."
    lines = [f"### `{name}`", "```python\n" + _signature(name, thing) + "\n```", _doc(thing)]
    if inspect.isclass(thing):
        fields = list(_fields(thing))
        if fields:
            lines.append("\n".join(fields))
        lines += [
            f"**`{name}.{method.__name__}`**\n\n```python\n{_signature(method.__name__, method)}\n```\n\n{_doc(method)}"
            for method in _methods(thing)
        ]
    return "\n\n".join(lines)


def _doc(thing: Any) -> str:
    """The docstring; examples in it as code."""
    blocks = (inspect.getdoc(thing) or "").split("\n\n")
    return "\n\n".join(f"```pycon\n{block}\n```" if block.lstrip().startswith(">>>") else block for block in blocks)


def _signature(name: str, thing: Any) -> str:
    kind = "class " if inspect.isclass(thing) else "async def " if inspect.iscoroutinefunction(thing) else "def "
    if inspect.isclass(thing) and (issubclass(thing, BaseModel | tuple) or getattr(thing, "_is_protocol", False)):
        return f"class {name}"
    parameters = str(inspect.signature(thing)).replace("self, ", "").replace("(self)", "()")
    parameters = re.sub(r"(: |-> )'([^']*)'", r"\1\2", parameters)
    return kind + name + parameters.replace(" -> None", "") if inspect.isclass(thing) else kind + name + parameters


def _fields(thing: type[Any]) -> Iterator[str]:
    if issubclass(thing, BaseModel):
        for name, field in thing.model_fields.items():
            yield f"- `{name}`: {' '.join((field.description or '').split())}"
    elif hasattr(thing, "_fields"):
        for name in thing._fields:
            annotation = thing.__annotations__[name]
            yield f"- `{name}`: `{getattr(annotation, '__forward_arg__', annotation)}`"


def _methods(thing: type[Any]) -> Iterator[Any]:
    """Public methods that the class itself writes down, with a docstring."""
    if issubclass(thing, BaseModel):
        return
    for name, method in vars(thing).items():
        if not name.startswith("_") and inspect.isfunction(method) and method.__doc__:
            yield method
