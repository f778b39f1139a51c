"""The fold of the `policies` log: from every change ever written to the policy that is live. Pure.

Every reader folds from offset 0 with `fold`, so all readers reach the same state. The first valid child of the live
version wins; every other record is skipped, with a reason. A shadow policy has a chain of its own beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json

from tidegate.streams.core.policy.model import Policy, PolicyError, parse, version
from tidegate.streams.core.policy.records import PolicyChange, ShadowChange, Silence
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.silences import with_silence
from tidegate.streams.core.policy.validation import describe_value

WHY_LENGTH = 300  # characters: a writer of the log must not fill or break the log lines of its readers
_VERSION = re.compile(r"\d{1,19}-[0-9a-f]{8}")
_FORMAT = 1  # of records and policies


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """The state of the log up to offset `next`, exclusive."""

    live: LivePolicy | None = None  # with its shadow. None: nothing valid was written yet
    silences: Mapping[str, Silence] = field(default_factory=dict)  # by id; expired ones too, at most MAX_SILENCES
    next: int = 0

    @property
    def shadow(self) -> LivePolicy | None:
        """The candidate that runs beside the live policy."""
        return None if self.live is None else self.live.shadow


class ChangeVerdict(StrEnum):
    """The fold's verdict on one record of the log."""

    APPLIED = "applied"
    SHADOWED = "shadowed"  # a candidate runs beside the live policy
    DROPPED = "dropped"  # it runs no longer
    SILENCED = "silenced"
    LOST = "lost"  # made against a version that is not the live one: another change came first
    INVALID = "invalid"


class Folded(NamedTuple):
    """The log after one record, the verdict on the record, and its reason (empty where none is needed)."""

    log: PolicyLog
    verdict: ChangeVerdict
    why: str

    @property
    def created(self) -> LivePolicy | None:
        """Returns the policy, or the shadow, that this record created; None where it created none."""
        live = self.log.live
        if live is None or self.verdict not in (ChangeVerdict.APPLIED, ChangeVerdict.SHADOWED):
            return None
        return live if self.verdict is ChangeVerdict.APPLIED else live.shadow


def fold(log: PolicyLog, offset: int, value: bytes | None) -> Folded:
    """Folds one more record onto the log. Never raises: an invalid record is skipped, and the live policy stands."""
    after = replace(log, next=offset + 1)
    where = f"policies@{offset}"
    try:
        record: Any = from_json(value or b"", allow_inf_nan=False)
        kind = record.get("kind") if isinstance(record, dict) else None
        _refuse_newer(record, where)
        if kind == "silence":
            silence = Silence.model_validate(record)
            return Folded(replace(after, silences=with_silence(log.silences, silence)), ChangeVerdict.SILENCED, "")
        if kind == "shadow":
            shadow = ShadowChange.model_validate(record)
            candidate = None if shadow.policy is None else parse(shadow.policy, f"{where}: policy")
            return _shadowed(after, offset, shadow.parent, candidate)
        change = PolicyChange.model_validate(record)
        return _applied(after, offset, change.parent, parse(change.policy, f"{where}: policy"))
    except PolicyError as error:
        return Folded(after, ChangeVerdict.INVALID, str(error).split("\n")[0][:WHY_LENGTH])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"])) or "record"
        if first["type"] == "extra_forbidden":
            key = "an unknown key"  # its name is anybody's text
        return Folded(after, ChangeVerdict.INVALID, f"{where}: {key}: {first['msg']}")
    except ValueError:
        return Folded(after, ChangeVerdict.INVALID, f"{where}: not valid JSON")


def _refuse_newer(record: Any, where: str) -> None:
    """Raises PolicyError for a record that a newer Tidegate wrote: "unknown key" would be true, and of no help."""
    policy = record.get("policy") if isinstance(record, dict) else None
    for key, table in (("schema_version", record), ("policy.schema_version", policy)):
        number = table.get("schema_version") if isinstance(table, dict) else None
        if isinstance(number, int) and number > _FORMAT:
            raise PolicyError(
                f"{where}: {key}: {describe_value(number)} is newer than this Tidegate reads, {_FORMAT}; upgrade it"
            )


def _applied(after: PolicyLog, offset: int, parent: str | None, policy: Policy) -> Folded:
    live = after.live
    if parent != (live.version if live else None):
        live_version = live.version if live else "nothing"
        why = f"policies@{offset}: made against {_format_parent(parent, 'an empty log')}, but {live_version} was live"
        return Folded(after, ChangeVerdict.LOST, why)
    # A candidate that becomes the live policy has ended: there is nothing left to compare.
    shadow = live.shadow if live and live.shadow and live.shadow.policy != policy else None
    return Folded(replace(after, live=LivePolicy(version(offset, policy), policy, shadow)), ChangeVerdict.APPLIED, "")


def _shadowed(after: PolicyLog, offset: int, parent: str | None, policy: Policy | None) -> Folded:
    live, where = after.live, f"policies@{offset}"
    if live is None:
        return Folded(after, ChangeVerdict.INVALID, f"{where}: a shadow of nothing: no policy is live")
    if parent != (live.shadow.version if live.shadow else None):
        shadow_version = live.shadow.version if live.shadow else "no shadow"
        return Folded(
            after,
            ChangeVerdict.LOST,
            f"{where}: made against {_format_parent(parent, 'no shadow')}, but {shadow_version} ran",
        )
    if policy is None and live.shadow is None:
        return Folded(after, ChangeVerdict.INVALID, f"{where}: ends a shadow, and none runs")
    if policy == live.policy:
        return Folded(
            after, ChangeVerdict.INVALID, f"{where}: a shadow no different from the live policy {live.version}"
        )
    shadow = None if policy is None else LivePolicy(version(offset, policy), policy)
    changed = LivePolicy(live.version, live.policy, shadow)
    return Folded(replace(after, live=changed), ChangeVerdict.DROPPED if shadow is None else ChangeVerdict.SHADOWED, "")


def _format_parent(parent: str | None, none: str) -> str:
    """A record's parent, safe for a log line: a parent that is no version may be anybody's text."""
    return none if parent is None else parent if _VERSION.fullmatch(parent) else "no version"
