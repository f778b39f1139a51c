"""What stands on the `policies` log, next to each other: policies, shadow policies, silences. `log.py` folds them."""

from __future__ import annotations

from typing import Any, Literal

from streams.core.contract import Event, Id, Millis


class PolicyChange(Event):
    """One change on the `policies` log: a full snapshot and the version it was made against."""

    kind: Literal["policy"] = "policy"
    parent: str | None  # version of the policy it replaces; None seeds an empty log
    policy: dict[str, Any]  # as in policy.toml; validated by every reader
    author: str
    reason: str
    at_ms: Millis


class ShadowChange(Event):
    """On the `policies` log too: a candidate that runs beside the live policy, or the end of one."""

    kind: Literal["shadow"] = "shadow"
    parent: str | None  # version of the shadow that it replaces or ends; None where none runs
    policy: dict[str, Any] | None  # None ends it
    author: str
    reason: str
    at_ms: Millis


class Silence(Event):
    """On the `policies` log too: alerts that match are still tracked and published, marked as silenced."""

    kind: Literal["silence"] = "silence"
    id: Id
    rule: str | None = None  # `*` in it is any text; None matches every rule
    scope: str | None = None  # likewise, as `tenant=acme` or `model=*`
    author: str
    reason: str
    at_ms: Millis
    until_ms: Millis  # at or before at_ms: takes the silence of that id back
