"""The policy's JSON Schema as editors of TOML read it: Even Better TOML and whatever else is built on taplo.

They read draft 7 and ignore what later drafts added (seen with taplo 0.9.3, on `prefixItems`). In draft 7 nothing
beside a `$ref` counts, so the schema has none: every key carries its own description. TOML has no null. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DIALECT = "http://json-schema.org/draft-07/schema#"
ID = "urn:tidegate:policy:1"  # a name, not an address: `tidegate schemas` writes the file to schemas/
TITLE = "Policy"

# Checks of the model's code that a schema can express too, by the path of the table.
_MORE: Mapping[str, Mapping[str, Any]] = {
    "scopes[]": {"anyOf": [{"required": [kind]} for kind in ("tenant", "model", "route", "locale")]},
    "alerts.<name>": {
        "if": {"properties": {"kind": {"const": "share"}}},  # also where it is absent: that is the default
        "then": {"properties": {"above": {"maximum": 1}}},
    },
    "alerts.<name>.by": {"minItems": 1},
}
_NAMES = {"routes": "<route>", "alerts": "<name>"}  # tables whose keys the author chooses; the others' are labels


def editor_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the model's schema with every reference followed, and a title and description on every key."""
    inlined = _node(schema, schema, "")
    del inlined["$defs"]
    return {"$schema": DIALECT, "$id": ID, **inlined, "title": TITLE}


def _node(node: Mapping[str, Any], root: Mapping[str, Any], at: str) -> dict[str, Any]:
    copy = dict(node)
    if (reference := copy.pop("$ref", None)) is not None:
        copy = {**root["$defs"][reference.rpartition("/")[2]], **copy}  # a key's own description wins over its table's
    if "anyOf" in copy:
        branches = [branch for branch in copy.pop("anyOf") if branch.get("type") != "null"]
        copy |= branches[0] if len(branches) == 1 else {"anyOf": branches}
    if copy.get("default", copy) is None:
        del copy["default"]
    if at:
        copy["title"] = at
    if "properties" in copy:
        copy["properties"] = {
            key: _node(inner, root, f"{at}.{key}" if at else key) for key, inner in copy["properties"].items()
        }
    if isinstance(values := copy.get("additionalProperties"), Mapping):
        name = _NAMES.get(at.rpartition(".")[2], "<label>")
        copy["additionalProperties"] = _node(values, root, f"{at}.{name}")
        copy["additionalProperties"].setdefault("description", copy["description"])
        if name != "<route>":
            copy.setdefault("propertyNames", {"minLength": 1, "maxLength": 64})
    if isinstance(items := copy.get("items"), Mapping):
        copy["items"] = _node(items, root, f"{at}[]")
        copy["items"].setdefault("description", copy["description"])
    return copy | dict(_MORE.get(at, {}))
