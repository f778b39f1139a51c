"""One key of a policy, as in the file, set to one value. Pure but for the classifier's labels."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from streams.cli.edge import ExitCode, fail
from streams.cli.policy_file import classifier_labels, plain
from streams.core.parts import AlertRule, Faults, Floor, Thresholds, Windows
from streams.core.policy import Policy, PolicyError, parse
from streams.core.thresholds import LivePolicy

if TYPE_CHECKING:
    from streams.settings import Settings

SCOPED = ("labels", "prompt_labels")  # what a scope may set
_LABELLED = {"labels": Thresholds, "prompt_labels": Thresholds, "floors": Floor}


def changed(settings: Settings, live: LivePolicy, key: str, value: str, selectors: Mapping[str, str]) -> Policy:
    """The live policy with that key set. Ends the command where key or value are wrong, naming what is allowed."""
    path = _path(key)
    _known(settings, live.policy, path, key, scoped=bool(selectors))
    data = plain(live.policy)
    into = _scope(data, live.policy, selectors) if selectors else data
    for part in path[:-1]:
        into = into.setdefault(part, {})
    into[path[-1]] = _value(value)
    try:
        return parse(data, key)
    except PolicyError as error:
        lines = dict.fromkeys(_without_repeat(line, key) for line in str(error).splitlines())
        fail("\n".join(lines) + f"; still policy {live.version}", ExitCode.WRONG)


def _without_repeat(line: str, key: str) -> str:
    return line.removeprefix(f"{key}: ") if line.startswith(f"{key}: {key}") else line


def _path(key: str) -> list[str]:
    """The key's parts; quoted ones may hold dots, as in TOML: faults.routes."a.b"."""
    try:
        data: Any = tomllib.loads(f"{key} = 0") if "\n" not in key and "=" not in key else {}
    except tomllib.TOMLDecodeError:
        data = {}
    path: list[str] = []
    while isinstance(data, dict) and len(data) == 1:
        ((part, data),) = data.items()
        path.append(part)
    if not path:
        fail(f"{key}: not a key; expected one such as labels.toxicity.block; nothing written", ExitCode.WRONG)
    return path


def _value(text: str) -> Any:
    """A TOML value; what is none is a word, so that `off` needs no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"] if "\n" not in text else text
    except tomllib.TOMLDecodeError:
        return text


def _scope(data: dict[str, Any], policy: Policy, selectors: Mapping[str, str]) -> dict[str, Any]:
    """The rule of exactly these selectors, made where there is none."""
    for i, rule in enumerate(policy.scopes):
        if rule.selectors == selectors:
            found: dict[str, Any] = data["scopes"][i]
            return found
    made: dict[str, Any] = dict(selectors)
    data["scopes"].append(made)
    return made


def _known(settings: Settings, policy: Policy, path: list[str], key: str, *, scoped: bool) -> None:
    """Ends the command where no policy has such a key, naming those there are at the first part that is wrong."""
    head, rest = path[0], path[1:]
    if scoped:
        _among(head, SCOPED, key, "a scope sets only labels and prompt_labels")
    if head == "scopes":
        fail(f"{key}: set for a scope with --tenant, --model, --route or --locale; nothing written", ExitCode.WRONG)
    _among(head, Policy.model_fields, key)
    if head in _LABELLED:
        label = rest[0] if rest else ""
        why = f"{label} is no label" if label else ""
        if label not in getattr(policy, head):
            allowed = policy.labels if head == "floors" else classifier_labels(settings)[1]
            _among(label, allowed, key, why)
        _leaf(rest[1:], _LABELLED[head].model_fields, key)
    elif head == "alerts":
        _among(rest[0] if rest else "", policy.alerts, key, "no such rule; a new one comes with `policy apply`")
        _leaf(rest[1:], AlertRule.model_fields, key)
    elif head == "faults" and rest[:1] == ["routes"]:
        if len(rest) != 2:
            fail(f"{key}: expected faults.routes.<route>; nothing written", ExitCode.WRONG)
    elif head in ("faults", "windows"):
        _leaf(rest, (Faults if head == "faults" else Windows).model_fields, key)
    elif rest:
        fail(f"{key}: {head} is a value, it has no keys; nothing written", ExitCode.WRONG)


def _leaf(rest: list[str], allowed: Collection[str], key: str) -> None:
    _among(rest[0] if rest else "", allowed, key)
    if len(rest) > 1:
        fail(f"{key}: {rest[0]} is a value, it has no keys; nothing written", ExitCode.WRONG)


def _among(part: str, allowed: Collection[str], key: str, why: str = "") -> None:
    if part not in allowed:
        said = why or (f"no key {part}" if part else "not a whole key")
        listed = ", ".join(sorted(allowed)) or "(none)"
        fail(f"{key}: {said}; expected one of {listed}; nothing written", ExitCode.WRONG)
