"""Messages about an invalid policy, for a person at 3 a.m.: the key, the value found, the values allowed.

The values allowed are read from the JSON Schema, so that a range is written down once, in `tables.py`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from typing import Any

from pydantic import ValidationError

from tidegate.streams.core.fields import LINE, WEB_URL

Schema = Mapping[str, Any]
SHOWN = 100  # characters of a name or a text, and bits of a number: more would not help a reader
# Problems listed of one policy: nobody reads more, and a writer of the log must not stall its readers.
MAX_PROBLEMS = 20
_PATTERNS = {LINE: "in one line", WEB_URL: "a URL that begins with http:// or https://, without a user or spaces"}
_NAME_PATTERN = "no control character or `|` among them"


def problems(where: str, data: Any, error: ValidationError, schema: Schema) -> list[str]:
    """Returns one line a problem, at most MAX_PROBLEMS.

    where: the source, as a file's name. schema: of a valid value.
    """
    # A union reports its problem once a branch; it is one problem to a person.
    errors = error.errors(include_url=False, include_input=False)
    lines = dict.fromkeys(line for e in errors[:MAX_PROBLEMS] for line in _describe_error(where, data, e, schema))
    more = len(errors) - MAX_PROBLEMS
    return [*lines, *([f"{where}: and {more} more problems"] if more > 0 else [])]


def _describe_error(where: str, data: Any, error: Any, schema: Schema) -> list[str]:
    value, allowed = data, _resolve_reference(schema, schema)
    key = ""
    for step in error["loc"]:
        inner = _schema_at(allowed, step, schema)
        if inner is None:
            if error["type"] == "extra_forbidden":
                allowed_keys = allowed.get("properties", ())
                what = f"unknown key{did_you_mean(step, allowed_keys)}; expected one of {', '.join(allowed_keys)}"
                return [f"{where}: {_join_key(key, step)}: {what}"]
            break  # the branch of a union, as pydantic calls it: no key of ours
        allowed, key = inner, _join_key(key, step)
        value = _value_at(value, step)
    at = f"{where}: {key}" if key else where
    if error["type"] == "value_error":
        return [f"{at}: {line}" for line in error["msg"].removeprefix("Value error, ").split("\n")]
    if error["type"] == "missing":
        return [f"{at}: missing; expected {_describe_allowed(allowed, schema)}"]
    return [f"{at}: found {describe_value(value)}; expected {_describe_allowed(allowed, schema)}"]


def did_you_mean(found: object, allowed: Iterable[str]) -> str:
    """Returns ` (did you mean block?)` where an allowed name is close to `found`; else an empty string."""
    match = difflib.get_close_matches(str(found), allowed, n=1)
    return f" (did you mean {match[0]}?)" if match else ""


def quoted(name: str) -> str:
    """A name, safe for one line: quoted where it holds characters that would break the line or the terminal."""
    start = name if len(name) <= SHOWN else name[:SHOWN] + "…"
    return start if start.isprintable() else json.dumps(start)


def _join_key(key: str, step: str | int) -> str:
    if isinstance(step, int):
        return f"{key}[{step}]"
    return f"{key}.{quoted(step)}" if key else quoted(step)


def _value_at(value: Any, step: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    return value[step] if isinstance(value, Sequence) and isinstance(step, int) and step < len(value) else None


def _resolve_reference(node: Schema, root: Schema) -> Schema:
    reference = node.get("$ref")
    return root["$defs"][reference.rpartition("/")[2]] if reference else node


def _schema_at(node: Schema, step: str | int, root: Schema) -> Schema | None:
    """Returns the schema of the value at `step`, or None where nothing is allowed there."""
    if isinstance(step, int):
        lists = [branch for branch in node.get("anyOf", (node,)) if "items" in branch]  # a key may be left out: null
        inner = lists[0]["items"] if lists else None
    else:
        inner = node.get("properties", {}).get(step) or node.get("additionalProperties") or None
    return _resolve_reference(inner, root) if inner else None


def describe_value(value: Any) -> str:
    """Describes a value in one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return repr(value if len(value) <= SHOWN else value[:SHOWN] + "…")
    if isinstance(value, int):  # Python refuses to write one of thousands of digits
        return str(value) if value.bit_length() <= SHOWN else f"a number of {value.bit_length()} bits"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, date | time):
        return "a date or a time"
    return "a table" if isinstance(value, Mapping) else "a list" if isinstance(value, Sequence) else "something else"


def _describe_allowed(node: Schema, root: Schema) -> str:
    """Describes what the schema allows, as the end of "expected ..."."""
    node = _resolve_reference(node, root)
    if "anyOf" in node:
        return " or ".join(_describe_allowed(branch, root) for branch in node["anyOf"] if branch.get("type") != "null")
    if "const" in node:
        return repr(node["const"]) if isinstance(node["const"], str) else str(node["const"])
    if "enum" in node:
        return "one of " + ", ".join(node["enum"])
    kind = node.get("type")
    if kind in ("number", "integer"):
        return ("a number" if kind == "number" else "a whole number") + _describe_range(node)
    if kind == "string":
        length = f" of {node['minLength']} to {node['maxLength']} characters" if "maxLength" in node else ""
        pattern = node.get("pattern")
        return f"a string{length}" + ("" if pattern is None else f", {_PATTERNS.get(pattern, _NAME_PATTERN)}")
    if kind == "array":
        length = f" of {node['minItems']} to {node['maxItems']}" if "maxItems" in node else ""
        return f"a list{length}, each " + _describe_allowed(node["items"], root)
    if kind == "object":
        keys = ", ".join(node.get("properties", ()))
        return f"a table with {keys}" if keys else "a table"
    return "true or false"


def _describe_range(node: Schema) -> str:
    low, high = node.get("minimum", node.get("exclusiveMinimum")), node.get("maximum", node.get("exclusiveMaximum"))
    if high is None:
        return "" if low is None else f" of at least {low}" if "minimum" in node else f" over {low}"
    return f" in {'[' if 'minimum' in node else '('}{low}, {high}{']' if 'maximum' in node else ')'}"
