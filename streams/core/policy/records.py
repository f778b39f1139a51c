"""The records of the `policies` log: policy changes, shadow changes, silences. `log.py` folds them."""

from __future__ import annotations

from typing import Any, Literal

from tidegate.streams.core.fields import Event, Id, Millis


class PolicyChange(Event):
    """One change on the `policies` log: a full snapshot and the version it was made against."""

    kind: Literal["policy"] = "policy"
    """The kind of record, of those on this topic."""
    parent: str | None
    """The version of the policy that it replaces. Null seeds an empty log."""
    policy: dict[str, Any]
    """The whole policy, with the keys of policy.toml; every reader validates it."""
    author: str
    """Who made the change."""
    reason: str
    """Why, in the author's words."""
    at_ms: Millis
    """When it was made, in ms since 1970-01-01 UTC, by the author's clock."""


class ShadowChange(Event):
    """On the `policies` log too: a candidate that runs beside the live policy, or the end of one."""

    kind: Literal["shadow"] = "shadow"
    """The kind of record, of those on this topic."""
    parent: str | None
    """The version of the shadow that it replaces or ends. Null where none runs."""
    policy: dict[str, Any] | None
    """The whole candidate, with the keys of policy.toml. Null ends the shadow."""
    author: str
    """Who made the change."""
    reason: str
    """Why, in the author's words."""
    at_ms: Millis
    """When it was made, in ms since 1970-01-01 UTC, by the author's clock."""


class Silence(Event):
    """On the `policies` log too: alerts that match are still tracked and published, marked as silenced."""

    kind: Literal["silence"] = "silence"
    """The kind of record, of those on this topic."""
    id: Id
    """The silence's name; a later one of that name takes its place."""
    rule: str | None = None
    """The rule that is silenced; `*` in it is any text. Null: every rule."""
    scope: str | None = None
    """The scope that is silenced, as `tenant=acme` or `model=*`. Null: every scope."""
    author: str
    """Who made the change."""
    reason: str
    """Why, in the author's words."""
    at_ms: Millis
    """When it was made, in ms since 1970-01-01 UTC, by the author's clock."""
    until_ms: Millis
    """When it ends, in ms since 1970-01-01 UTC; at or before `at_ms` it takes the silence of that id back."""
