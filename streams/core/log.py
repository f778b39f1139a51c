"""The `policies` log, folded: from every change ever written to the policy that is live. Pure.

Every reader folds from offset 0 with this function, so all of them arrive at the same state: the first valid child
of the live version wins, everything else is skipped, and why is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json

from streams.core.events import PolicyChange, Silence
from streams.core.policy import PolicyError, parse, version
from streams.core.thresholds import LivePolicy

WHY_LENGTH = 300  # characters: whoever may write to the log must not fill or break the lines of those who read it
_VERSION = re.compile(r"\d{1,19}-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """What the log says up to `next`, exclusive."""

    live: LivePolicy | None = None  # None: nothing valid was written yet
    silences: Mapping[str, Silence] = field(default_factory=dict)  # by id; expired ones too
    next: int = 0


class Verdict(StrEnum):
    """What became of one record of the log."""

    APPLIED = "applied"
    SILENCED = "silenced"
    LOST = "lost"  # made against a version that is not the live one: another change came first
    INVALID = "invalid"


class Folded(NamedTuple):
    """The log after one record, what became of it, and why in words (empty where there is nothing to say)."""

    log: PolicyLog
    verdict: Verdict
    why: str


def fold(log: PolicyLog, offset: int, value: bytes | None) -> Folded:
    """The log with one more record. Never raises: an invalid record is skipped, and the live policy stands."""
    after = replace(log, next=offset + 1)
    where = f"policies@{offset}"
    try:
        record: Any = from_json(value or b"", allow_inf_nan=False)
        if isinstance(record, dict) and record.get("kind") == "silence":
            silence = Silence.model_validate(record)
            return Folded(replace(after, silences={**log.silences, silence.id: silence}), Verdict.SILENCED, "")
        change = PolicyChange.model_validate(record)
        policy = parse(change.policy, f"{where}: policy")
    except PolicyError as error:
        return Folded(after, Verdict.INVALID, str(error).splitlines()[0][:WHY_LENGTH])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"])) or "record"
        if first["type"] == "extra_forbidden":
            key = "an unknown key"  # its name is anybody's text
        return Folded(after, Verdict.INVALID, f"{where}: {key}: {first['msg']}")
    except ValueError:
        return Folded(after, Verdict.INVALID, f"{where}: not valid JSON")
    live = None if log.live is None else log.live.version
    if change.parent != live:
        made = "an empty log" if change.parent is None else "no version"
        if change.parent is not None and _VERSION.fullmatch(change.parent):
            made = change.parent
        why = f"{where}: made against {made}, but {live or 'nothing'} was live"
        return Folded(after, Verdict.LOST, why)
    return Folded(replace(after, live=LivePolicy(version(offset, policy), policy)), Verdict.APPLIED, "")
