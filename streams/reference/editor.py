"""The policy's JSON Schema as editors of TOML read it: Even Better TOML and whatever else is built on taplo.

They read draft 7 and leave out what later drafts brought (seen with taplo 0.9.3, on `prefixItems`). In draft 7 nothing
beside a `$ref` counts, so there is none: every key carries its own description. TOML has no null. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DIALECT = "http://json-schema.org/draft-07/schema#"
ID = "urn:tidegate:policy:1"  # a name, not a place: the file stands in schemas/, and is written by `tidegate schemas`
TITLE = "Policy"

# What the model checks by code and a schema can say too. By the path of the table.
_MORE: Mapping[str, Mapping[str, Any]] = {
    "scopes[]": {"anyOf": [{"required": [kind]} for kind in ("tenant", "model", "route", "locale")]},
    "alerts.<name>": {
        "if": {"properties": {"kind": {"const": "share"}}},  # also where it is left out: that is the default
        "then": {"properties": {"above": {"maximum": 1}}},
    },
    "alerts.<name>.by": {"minItems": 1},
}
_NAMES = {"routes": "<route>", "alerts": "<name>"}  # of tables whose keys are anybody's; the others' are labels


def for_editors(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The model's schema with every reference followed, and a title and description on every key."""
    made = _node(schema, schema, "")
    del made["$defs"]
    return {"$schema": DIALECT, "$id": ID, **made, "title": TITLE}


def _node(node: Mapping[str, Any], whole: Mapping[str, Any], at: str) -> dict[str, Any]:
    made = dict(node)
    if (reference := made.pop("$ref", None)) is not None:
        made = {**whole["$defs"][reference.rpartition("/")[2]], **made}  # a key's own words win over its table's
    if "anyOf" in made:
        branches = [branch for branch in made.pop("anyOf") if branch.get("type") != "null"]
        made |= branches[0] if len(branches) == 1 else {"anyOf": branches}
    if made.get("default", made) is None:
        del made["default"]
    if at:
        made["title"] = at
    if "properties" in made:
        made["properties"] = {
            key: _node(inner, whole, f"{at}.{key}" if at else key) for key, inner in made["properties"].items()
        }
    if isinstance(values := made.get("additionalProperties"), Mapping):
        name = _NAMES.get(at.rpartition(".")[2], "<label>")
        made["additionalProperties"] = _node(values, whole, f"{at}.{name}")
        made["additionalProperties"].setdefault("description", made["description"])
        if name != "<route>":
            made["propertyNames"] = {"minLength": 1, "maxLength": 64}
    if isinstance(items := made.get("items"), Mapping):
        made["items"] = _node(items, whole, f"{at}[]")
        made["items"].setdefault("description", made["description"])
    return made | dict(_MORE.get(at, {}))
