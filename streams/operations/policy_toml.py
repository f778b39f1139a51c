"""A policy as TOML, and what differs between two. Pure but for the classifier's labels."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import tomlkit

from tidegate.classifiers import MissingLabelError
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.tables import SCOPE_KINDS
from tidegate.streams.core.policy.validation import did_you_mean
from tidegate.streams.moderation.scorer import find_entry, load_scorer

if TYPE_CHECKING:
    from tidegate.streams.operations.deployment import Deployment

_BARE = re.compile(r"[A-Za-z0-9_-]+")  # a key that needs no quotes


def plain(policy: Policy) -> dict[str, Any]:
    """The policy as data, as it stands on the log: every key that has a value."""
    return policy.model_dump(mode="json", exclude_none=True)


def toml(policy: Policy) -> str:
    """The policy as a file that `policy apply` takes back: plain values first, tables after, empty ones left out."""
    document = tomlkit.document()
    data = plain(policy)
    for key, value in sorted(data.items(), key=lambda item: _holds_tables(item[1])):
        if value not in ({}, []):
            document.add(key, _item(value))
    return tomlkit.dumps(document)


def _holds_tables(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict) for one in value))


def _item(value: Any) -> Any:
    if isinstance(value, Mapping):
        holds_tables = all(isinstance(inner, Mapping) for inner in value.values())
        table = tomlkit.table(is_super_table=holds_tables)
        for key, inner in sorted(value.items(), key=lambda item: isinstance(item[1], dict)):
            if inner not in ({}, []):
                table.add(key, _item(inner))
        return table
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        tables = tomlkit.aot()
        for inner in value:
            tables.append(_item(inner))
        return tables
    return tomlkit.item(value)


class Difference(NamedTuple):
    """A key that two policies have other values for; None: it has none."""

    key: str
    was: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.key}: {_as_given(self.was)} -> {_as_given(self.now)}"


def differences(old: Policy, new: Policy) -> list[Difference]:
    """`labels.toxicity.block: 0.98 -> 0.8`, one for every key that changes. Scopes go by their selector."""
    was, now = flat(old), flat(new)
    keys = (key for key in dict.fromkeys([*was, *now]) if was.get(key) != now.get(key))
    return [Difference(key, was.get(key), now.get(key)) for key in keys]


def _as_given(value: Any) -> str:
    """As `policy set` takes it back."""
    return "(not set)" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def flat(policy: Policy) -> dict[str, Any]:
    """`labels.toxicity.block` -> 0.98, every key that has a value."""
    data = plain(policy)
    del data["scopes"]
    flat = dict(_walk(data, ""))
    for rule in policy.scopes:
        found = rule.model_dump(mode="json", exclude_none=True, exclude=set(SCOPE_KINDS))
        flat.update(_walk(found, f"scopes[{rule.selector}]."))
    return flat


def _walk(data: Mapping[str, Any], at: str) -> list[tuple[str, Any]]:
    leaves: list[tuple[str, Any]] = []
    for name, value in data.items():
        key = name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)  # as TOML has it
        leaves += _walk(value, f"{at}{key}.") if isinstance(value, Mapping) else [(at + key, value)]
    return leaves


def classifier_labels(deployment: Deployment) -> tuple[str, Sequence[str]]:
    """The name of the classifier that the deployment names, and its labels; of the manifest, no model is loaded.

    Raises SettingsError or ClassifierError.
    """
    if ":" in deployment.classifier:
        scorer = load_scorer(deployment.classifier)
        return scorer.version, scorer.labels
    name, entry = find_entry(deployment.classifier, deployment.classifier_manifest)
    return name, entry.labels


def labels_checked(deployment: Deployment, policy: Policy, where: str) -> str:
    """`screen-en gives all 6 labels`. Raises MissingLabelError: a worker with this classifier would not start."""
    name, labels = classifier_labels(deployment)
    wanted = list(dict.fromkeys([*policy.labels, *policy.prompt_labels]))
    if missing := [label for label in wanted if label not in labels]:
        raise MissingLabelError(
            f"{where}: labels.{missing[0]}: {name} does not give it{did_you_mean(missing[0], labels)}; expected one of "
            f"{', '.join(labels)}; refused"
        )
    return f"{name} gives all {len(wanted)} labels"
