"""What is wrong with a policy, in words for a person at 3 a.m.: which key, what was found, what is allowed.

What is allowed is read off the JSON Schema, so that a range is written down once, in `policy.py`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from typing import Any

from pydantic import ValidationError

Schema = Mapping[str, Any]
SHOWN = 100  # characters of a name or a text, and bits of a number: more tells nobody more
MOST = 20  # problems said of one policy: nobody reads more, and whoever may write to the log must not hold its readers


def problems(where: str, data: Any, error: ValidationError, schema: Schema) -> list[str]:
    """One line a problem, the first of them. where: what was read, as a file's name; schema: of what it should be."""
    # A union says its problem once a branch; it is one problem to a person.
    every = error.errors(include_url=False, include_input=False)
    lines = dict.fromkeys(line for e in every[:MOST] for line in _lines(where, data, e, schema))
    return [*lines, *([f"{where}: and {len(every) - MOST} more problems"] if len(every) > MOST else [])]


def _lines(where: str, data: Any, error: Any, schema: Schema) -> list[str]:
    found, allowed = data, _resolved(schema, schema)
    key = ""
    for part in error["loc"]:
        inner = _inside(allowed, part, schema)
        if inner is None:
            if error["type"] == "extra_forbidden":
                known = allowed.get("properties", ())
                what = f"unknown key{did_you_mean(part, known)}; expected one of {', '.join(known)}"
                return [f"{where}: {_joined(key, part)}: {what}"]
            break  # the branch of a union, as pydantic calls it: no key of ours
        allowed, key = inner, _joined(key, part)
        found = _at(found, part)
    at = f"{where}: {key}" if key else where
    if error["type"] == "value_error":
        return [f"{at}: {line}" for line in error["msg"].removeprefix("Value error, ").split("\n")]
    if error["type"] == "missing":
        return [f"{at}: missing; expected {_wanted(allowed, schema)}"]
    return [f"{at}: found {found_text(found)}; expected {_wanted(allowed, schema)}"]


def did_you_mean(found: object, allowed: Iterable[str]) -> str:
    """` (did you mean block?)`, where one of those allowed looks much like what was found; else nothing."""
    match = difflib.get_close_matches(str(found), allowed, n=1)
    return f" (did you mean {match[0]}?)" if match else ""


def quoted(name: str) -> str:
    """A name as a line can hold it: quoted where it has what would break the line or the terminal."""
    some = name if len(name) <= SHOWN else name[:SHOWN] + "…"
    return some if some.isprintable() else json.dumps(some)


def _joined(key: str, part: str | int) -> str:
    if isinstance(part, int):
        return f"{key}[{part}]"
    return f"{key}.{quoted(part)}" if key else quoted(part)


def _at(found: Any, part: str | int) -> Any:
    if isinstance(found, Mapping):
        return found.get(part)
    return found[part] if isinstance(found, Sequence) and isinstance(part, int) and part < len(found) else None


def _resolved(node: Schema, whole: Schema) -> Schema:
    reference = node.get("$ref")
    return whole["$defs"][reference.rpartition("/")[2]] if reference else node


def _inside(node: Schema, part: str | int, whole: Schema) -> Schema | None:
    """The schema of what stands at `part`, or None where nothing can."""
    if isinstance(part, int):
        inner = node.get("items")
    else:
        inner = node.get("properties", {}).get(part) or node.get("additionalProperties") or None
    return _resolved(inner, whole) if inner else None


def found_text(found: Any) -> str:
    """What was found, in a line."""
    if isinstance(found, bool):
        return "true" if found else "false"
    if found is None:
        return "nothing"
    if isinstance(found, str):
        return repr(found if len(found) <= SHOWN else found[:SHOWN] + "…")
    if isinstance(found, int):  # Python refuses to write one of thousands of digits
        return str(found) if found.bit_length() <= SHOWN else f"a number of {found.bit_length()} bits"
    if isinstance(found, float):
        return f"{found:g}"
    if isinstance(found, date | time):
        return "a date or a time"
    return "a table" if isinstance(found, Mapping) else "a list" if isinstance(found, Sequence) else "something else"


def _wanted(node: Schema, whole: Schema) -> str:
    """What the schema allows, as the end of "expected ..."."""
    node = _resolved(node, whole)
    if "anyOf" in node:
        return " or ".join(_wanted(branch, whole) for branch in node["anyOf"] if branch.get("type") != "null")
    if "const" in node:
        return repr(node["const"]) if isinstance(node["const"], str) else str(node["const"])
    if "enum" in node:
        return "one of " + ", ".join(node["enum"])
    kind = node.get("type")
    if kind in ("number", "integer"):
        return ("a number" if kind == "number" else "a whole number") + _range(node)
    if kind == "string":
        length = f" of {node['minLength']} to {node['maxLength']} characters" if "maxLength" in node else ""
        return f"a string{length}" + (", no control character or `|` among them" if "pattern" in node else "")
    if kind == "array":
        return "a list, each " + _wanted(node["items"], whole)
    if kind == "object":
        known = ", ".join(node.get("properties", ()))
        return f"a table with {known}" if known else "a table"
    return "true or false"


def _range(node: Schema) -> str:
    low, high = node.get("minimum", node.get("exclusiveMinimum")), node.get("maximum", node.get("exclusiveMaximum"))
    if high is None:
        return "" if low is None else f" of at least {low}" if "minimum" in node else f" over {low}"
    return f" in {'[' if 'minimum' in node else '('}{low}, {high}{']' if 'maximum' in node else ')'}"
