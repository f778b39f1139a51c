"""One key of a policy, as in the file: set to one value, or taken out. Pure but for the classifier's labels.

Which keys there are is read off the model's JSON Schema: a key that the model gets can be set the same day.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from tidegate.streams.core.policy.model import Policy, PolicyError, parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.validation import did_you_mean
from tidegate.streams.errors import RequestInvalid
from tidegate.streams.operations.policy_toml import classifier_labels, plain

if TYPE_CHECKING:
    from tidegate.streams.operations.deployment import Deployment

Path = tuple[str, ...]
SCOPED_TABLES = ("labels", "prompt_labels")
SCOPED = (*SCOPED_TABLES, "mask", "fallbacks")  # what a scope may set
# Tables whose keys are labels, and the table that says which there are; None: the classifier does.
_OF_LABELS: dict[Path, str | None] = {
    ("labels",): None,
    ("prompt_labels",): None,
    ("floors",): "labels",
    ("prompt_floors",): "prompt_labels",
    ("strikes", "weights"): "labels",
    ("strikes", "prompt_weights"): "prompt_labels",
}
_RULES: Path = ("alerts",)


def with_key(deployment: Deployment, live: LivePolicy, key: str, value: str, selectors: Mapping[str, str]) -> Policy:
    """The live policy with that key set. Raises RequestInvalid, which names what is allowed."""
    path, given = _path(key), _value(value)
    _require_key(deployment, live.policy, path, key, given, scoped=bool(selectors))
    data = plain(live.policy)
    into = _rule(data, selectors, make=True) if selectors else data
    for part in path[:-1]:
        into = into.setdefault(part, {})
    into[path[-1]] = given
    return _parsed(data, key, live)


def without_key(live: LivePolicy, key: str | None, selectors: Mapping[str, str]) -> Policy:
    """The live policy without that key, or table; or without the rule of these selectors, where no key is given.

    Raises RequestInvalid, which names what is set.
    """
    data = plain(live.policy)
    if key is None and not selectors:
        _refuse("expected a key such as labels.toxicity.redact, or a scope such as --tenant acme")
    into = _rule(data, selectors, make=False) if selectors else data
    path = _path(key) if key is not None else ()
    for depth, part in enumerate(path):
        if not isinstance(into, dict) or part not in into:
            there = ", ".join(sorted(into)) if isinstance(into, dict) and into else "(nothing)"
            _refuse(f"{key}: not set; {'.'.join(path[:depth]) or 'the policy'} has {there}")
        if depth < len(path) - 1:
            into = into[part]
    if path:
        del into[path[-1]]
    else:
        data["scopes"].remove(into)
    for rule in data["scopes"]:
        for place in SCOPED_TABLES:
            rule[place] = {label: set_ for label, set_ in rule.get(place, {}).items() if set_}
    # A rule that sets nothing is none. A label that has no threshold is one all the same: it is looked at.
    data["scopes"] = [rule for rule in data["scopes"] if any(rule.get(place) for place in SCOPED)]
    return _parsed(data, key or "scopes", live)


def _parsed(data: dict[str, Any], key: str, live: LivePolicy) -> Policy:
    try:
        return parse(data, key)
    except PolicyError as error:
        lines = dict.fromkeys(_selected(_without_repeat(line, key), data) for line in str(error).splitlines())
        raise RequestInvalid("\n".join(lines) + f"; still policy {live.version}") from None


def _without_repeat(line: str, key: str) -> str:
    return line.removeprefix(f"{key}: ") if line.startswith(f"{key}: {key}") else line


def _selected(line: str, data: dict[str, Any]) -> str:
    """The line with a rule's selectors in place of its number, which nobody sees who sets a key."""
    return re.sub(r"scopes\[(\d+)\]", lambda found: f"scopes[{_selector(data['scopes'][int(found[1])])}]", line)


def _selector(rule: Mapping[str, Any]) -> str:
    return ",".join(f"{kind}={name}" for kind, name in rule.items() if kind not in SCOPED)


def _path(key: str) -> Path:
    """The key's parts; quoted ones may hold dots, as in TOML: faults.routes."a.b"."""
    try:
        data: Any = tomllib.loads(f"{key} = 0") if "\n" not in key and "=" not in key else {}
    except (ValueError, RecursionError):
        data = {}
    path: list[str] = []
    while isinstance(data, dict) and len(data) == 1:
        ((part, data),) = data.items()
        path.append(part)
    if not path:
        _refuse(f"{key}: not a key; expected one such as labels.toxicity.block")
    return tuple(path)


def _value(text: str) -> Any:
    """A TOML value; what is none is a word, so that `off` needs no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"] if "\n" not in text else text
    except (ValueError, RecursionError):
        return text


def _rule(data: dict[str, Any], selectors: Mapping[str, str], *, make: bool) -> dict[str, Any]:
    """The rule of exactly these selectors; where there is none it is made, or RequestInvalid raised."""
    every: list[dict[str, Any]] = data["scopes"]
    for rule in every:
        if {key: value for key, value in rule.items() if key not in SCOPED} == dict(selectors):
            return rule
    if not make:
        there = "; ".join(map(_selector, every)) or "(none)"
        _refuse(f"no rule for {_selector(selectors)}; expected one of {there}")
    every.append(dict(selectors))
    return every[-1]


def _require_key(deployment: Deployment, policy: Policy, path: Path, key: str, given: Any, *, scoped: bool) -> None:
    """Raises RequestInvalid where no policy has such a key, naming those there are at the first part that is wrong."""
    if scoped and path[0] not in SCOPED:
        _require_one_of(path[0], SCOPED, key, "a scope sets only labels, prompt_labels, mask and fallbacks")
    if path[0] == "scopes":
        _refuse(f"{key}: set for a scope with --tenant, --model, --route or --locale")
    schema = Policy.model_json_schema()
    node: Mapping[str, Any] = schema
    for depth, part in enumerate(path):
        if (keys := node.get("properties")) is not None:
            _require_one_of(part, keys, key)
            node = keys[part]
        elif (values := node.get("additionalProperties")) is not None:
            _require_name(
                deployment, policy, path[:depth], part, key, whole=depth == len(path) - 1 and isinstance(given, dict)
            )
            node = values
        else:
            _refuse(f"{key}: {path[depth - 1]} is a value, it has no keys")
        if (reference := node.get("$ref")) is not None:
            node = schema["$defs"][reference.rpartition("/")[2]]
    if not isinstance(given, dict):  # a whole table may be given as one: { flag = 0.5 }
        if "properties" in node:
            _require_one_of("", node["properties"], key)
        elif "additionalProperties" in node and path not in _OF_LABELS and path != _RULES:
            _refuse(f"{key}: expected {key}.<{path[-1].removesuffix('s')}>")
        elif "additionalProperties" in node:
            _require_name(deployment, policy, path, "", key, whole=False)


def _require_name(deployment: Deployment, policy: Policy, table: Path, name: str, key: str, *, whole: bool) -> None:
    """Raises RequestInvalid where a table of labels or rules has no such name and gets none in this way."""
    if table not in _OF_LABELS and table != _RULES:
        return  # routes, or the labels of an alert rule: their names are the author's
    there: Any = policy
    for part in table:
        there = getattr(there, part)
    if name in there:
        return
    if table in _OF_LABELS:
        of = _OF_LABELS[table]
        labels = classifier_labels(deployment)[1] if of is None else getattr(policy, of)
        _require_one_of(name, labels, key, f"{name} is no label" if name else "")
    elif table == _RULES and not (name and whole):
        new = "'{ of = \"fault\", above = 0.1 }'"
        _require_one_of(name, there, key, f"no such rule; a new one is set whole, as {new}" if name else "")


def _require_one_of(part: str, allowed: Collection[str], key: str, why: str = "") -> None:
    if part not in allowed:
        found = (why or (f"no key {part}" if part else "not a whole key")) + did_you_mean(part, allowed)
        _refuse(f"{key}: {found}; expected one of {', '.join(sorted(allowed)) or '(none)'}")


def _refuse(message: str) -> NoReturn:
    raise RequestInvalid(f"{message}; nothing written")
