"""The tables of docs/ that are generated from the code: settings, policy keys, measures, topics, rights.

`python -m tidegate.streams.reference.tables` writes them between the markers `<!-- made: NAME -->` and `<!-- end -->`
of the pages; a test compares the committed pages with these.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tidegate.streams.core.measures import FIXED, WOULD, Counted
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.tables import (
    AlertRule,
    Faults,
    Floor,
    Limits,
    ScopeRule,
    Strikes,
    Thresholds,
    Weights,
    Windows,
)
from tidegate.streams.reference.python_api import python_api
from tidegate.streams.settings.roles import NAMESPACE, REDIS, ROLES, kafka_acls, redis_acl, shell_line
from tidegate.streams.settings.settings import PREFIX, Settings
from tidegate.streams.topics import DAY_MS, TOPICS, Topic

PAGES = tuple(f"docs/reference/{name}.md" for name in ("policy", "python", "rights", "settings", "topics"))
_MARKED = re.compile(r"(<!-- made: (?P<name>[\w.]+) -->\n).*?(<!-- end -->)", re.DOTALL)

# Defaults that differ from machine to machine, in words.
_COMPUTED = {"worker": "host-pid", "score_threads": "CPUs - 1", "policy_file": "the one that Tidegate carries"}
_PATTERNS = {
    "kafka": "host:port, …",
    "redis": "`redis://`, `rediss://` or `unix://`",
    "namespace": "a-z 0-9 `_` `.` `-`, at most 64",
    "worker": "1 to 200 characters, no space or `|`",
    "kafka_password": "text",
    "redis_password": "text",
}


def fill_tables(page: str) -> str:
    """Returns the page with every table between markers replaced. Raises KeyError where a marker names no table."""
    return _MARKED.sub(lambda match: match[1] + "\n" + TABLES[match["name"]]() + "\n\n" + match[3], page)


def settings() -> str:
    """Returns the table of every `TIDEGATE_` variable."""
    properties = Settings.model_json_schema()["properties"]
    rows = [
        (f"`{PREFIX}{name.upper()}`", *_default_and_range(name, node), node["description"])
        for name, node in properties.items()
    ]
    return _table(("variable", "default", "may be", "what"), rows)


def _default_and_range(name: str, node: Mapping[str, Any]) -> tuple[str, str]:
    default = _COMPUTED.get(name) or _code(node.get("default"))
    return default, _PATTERNS.get(name) or _allowed(node, {})


def policy_keys(model: type[BaseModel]) -> Callable[[], str]:
    """Returns a function that makes the table of one section of the policy."""

    def table() -> str:
        schema = model.model_json_schema()
        rows = [
            (f"`{name}`", _allowed(node, schema), _default(name, node, schema), node["description"])
            for name, node in schema["properties"].items()
        ]
        return _table(("key", "may be", "default", "what"), rows)

    return table


def _default(name: str, node: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if name in schema.get("required", ()):
        return "must be given"
    default = node.get("default")
    return "none" if default in (None, {}, []) else "as below" if isinstance(default, dict) else _code(default)


def measures() -> str:
    """Returns the table of the measures of rates and alert rules."""
    rows = [
        ("`label.<label>`", "completions that reach any threshold of that label", "scored completions"),
        ("`prompt.<label>`", "completions whose prompt reaches any threshold of that label", "scored completions"),
    ]
    for name, measure in FIXED.items():
        rows.append((f"`{name}`", f"`{measure.hits}`", _total(measure)))
    rows.append((f"`{WOULD}<measure>`", "the same, of what the shadow policy would have done", "likewise"))
    return _table(("measure", "hits", "total"), rows)


def _total(measure: Counted) -> str:
    """Returns the sum that hits are a share of, as a formula."""
    twice = "".join(f" - `{counter}`" for counter in measure.twice)
    return " + ".join(f"`{counter}`" for counter in measure.total) + twice


def topics() -> str:
    """Returns the table of every topic, as Tidegate creates it."""
    rows = [
        (
            *(f"`{t.name}`", t.key, _retention(t), str(t.partitions or "the setting's")),
            *(", ".join(t.written_by) or "nobody", ", ".join(t.read_by), t.about),
        )
        for t in TOPICS
    ]
    return _table(("topic", "key", "kept", "partitions", "written by", "read by", "what"), rows)


def _retention(topic: Topic) -> str:
    if topic.cleanup == "compact":
        return "compacted"
    return "for ever" if topic.retention_ms is None else f"{topic.retention_ms // DAY_MS} d"


def rights() -> str:
    """Returns the table of each role's rights on Kafka."""
    rows = [
        (
            f"`{role}`",
            right.operation,
            ", ".join(f"`{name}{'*' if right.prefixed else ''}`" for name in right.names_in(NAMESPACE)),
            right.kind,
            right.why,
        )
        for role, rights_of_role in ROLES.items()
        for right in rights_of_role
    ]
    return _table(("role", "may", "what", "a", "why"), rows)


def kafka_commands() -> str:
    """Returns the commands that grant these rights, to users named as their roles."""
    lines = [
        f"kafka-acls.sh --bootstrap-server kafka:9093 --command-config admin.properties \\\n  {shell_line(arguments)}"
        for role in ROLES
        for arguments in kafka_acls(role, role)
    ]
    return "```sh\n" + "\n".join(lines) + "\n```"


def redis_users() -> str:
    """Returns the lines of Redis's `aclfile`, without each user's password."""
    lines = [f"user {' '.join(redis_acl(role, role))} #<SHA-256 of the password, in hex>" for role in REDIS]
    return "```text\n" + "\n".join(lines) + "\n```"


TABLES: dict[str, Callable[[], str]] = {
    "python_api": python_api,
    "settings": settings,
    "measures": measures,
    "topics": topics,
    "rights": rights,
    "kafka_commands": kafka_commands,
    "redis_users": redis_users,
    "policy": policy_keys(Policy),
    "policy.labels": policy_keys(Thresholds),
    "policy.floors": policy_keys(Floor),
    "policy.scopes": policy_keys(ScopeRule),
    "policy.faults": policy_keys(Faults),
    "policy.windows": policy_keys(Windows),
    "policy.limits": policy_keys(Limits),
    "policy.alerts": policy_keys(AlertRule),
    "policy.strikes": policy_keys(Strikes),
    "policy.strikes.weights": policy_keys(Weights),
}


def _allowed(node: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Returns what a JSON Schema allows, as text."""
    if "$ref" in node:
        return "a table"
    if "anyOf" in node:
        return " or ".join(_allowed(branch, schema) for branch in node["anyOf"] if branch.get("type") != "null")
    if "const" in node:
        return _code(node["const"])
    if "enum" in node:
        return ", ".join(_code(value) for value in node["enum"])
    match node.get("type"):
        case "integer" | "number":
            return ("whole number" if node["type"] == "integer" else "number") + _range(node)
        case "array":
            items = node["items"]
            return "a list of tables" if "$ref" in items else f"a list of {_allowed(items, schema)}"
        case "object":
            return "a table"
        case "boolean":
            return "`true`, `false`"
        case _:
            return {"path": "a path", "password": "16 bytes or more"}.get(node.get("format", ""), "text")


def _range(node: Mapping[str, Any]) -> str:
    low, high = node.get("minimum", node.get("exclusiveMinimum")), node.get("maximum", node.get("exclusiveMaximum"))
    if high is None:
        return "" if low is None else f", {low:,} or more"
    brackets = "[" if "minimum" in node else "(", "]" if "maximum" in node else ")"
    return f" in {brackets[0]}{low:,}, {high:,}{brackets[1]}"


def _code(value: Any) -> str:
    match value:
        case None | "":
            return "none"
        case bool():
            return f"`{str(value).lower()}`"
        case list() | tuple():
            return ", ".join(_code(item) for item in value)
        case _:
            return f"`{value}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def main() -> None:
    """Writes the pages, from the root of the repository."""
    for name in PAGES:
        path = Path(name)
        filled = fill_tables(page := path.read_text("utf-8"))
        if filled != page:
            path.write_text(filled, "utf-8")
            sys.stdout.write(f"{name} written\n")


if __name__ == "__main__":
    main()
