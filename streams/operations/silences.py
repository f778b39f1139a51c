"""Silences: added, listed, ended. Kept on the `policies` log, so that a lost Redis does not lose them."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass

from tidegate.streams.core.alerts.status import AlertStatus
from tidegate.streams.core.events import AlertState, Silence
from tidegate.streams.core.policy.rules import active_rules
from tidegate.streams.core.policy.silences import matches
from tidegate.streams.errors import RequestInvalid, RequestRefused, StoreUnavailable
from tidegate.streams.operations.alerts import stored_alerts
from tidegate.streams.operations.deployment import Deployment, Note, unheeded
from tidegate.streams.operations.policy_change import Attribution
from tidegate.streams.policy_log.history import append, read_log

LONGEST_S = 366 * 86_400  # what is known for longer than a year is a rule to be changed
_SCOPE = re.compile(r"all|(tenant|model|route)(=.+|:other)")
_STARRED = re.compile(r"\*.*|[a-z:]+\*.*|(tenant|model|route)=.*")  # a scope with `*` in it that could be one


@dataclass(frozen=True)
class SilenceAdded:
    """A silence that was written, and what it matches now."""

    silence: Silence
    kept: bool  # False: too many silences end later, and this one is in no force
    rules: list[str]  # of the live policy
    unknown_rule: bool  # it names a rule that the live policy has none of
    matched: list[AlertStatus]  # pending or firing
    now_ms: int  # the store's time
    store_unavailable: str = ""  # why it is not known what it matches


def check_scope(scope: str | None) -> None:
    """Raises RequestInvalid where no alert can have that scope."""
    if scope is not None and not (_STARRED if "*" in scope else _SCOPE).fullmatch(scope):
        raise RequestInvalid("expected all, tenant=…, model=… or route=…; nothing silenced")


def check_duration(for_s: int) -> None:
    """Raises RequestInvalid where it is longer than a year."""
    if for_s > LONGEST_S:
        raise RequestInvalid(f"expected at most {LONGEST_S // 86_400}d; nothing silenced")


async def add_silence(
    deployment: Deployment,
    by: Attribution,
    for_s: int,
    *,
    rule: str | None = None,
    scope: str | None = None,
    note: Note = unheeded,
) -> SilenceAdded:
    """Silences alerts of a rule and a scope, `*` being any text in both; None matches all.

    Raises RequestInvalid, BrokerUnavailable. An unavailable Redis is an answer: it is silenced all the same.
    """
    check_duration(for_s)
    check_scope(scope)
    now_ms = int(time.time() * 1000)
    silence = Silence(
        id=f"s-{secrets.token_hex(4)}", rule=rule, scope=scope, author=by.author, reason=by.reason,
        at_ms=now_ms, until_ms=now_ms + for_s * 1000,
    )  # fmt: skip
    history, _ = await append(deployment, silence, note)
    live, kept = history.log.live, silence.id in history.log.silences
    rules = sorted({name for name, _, _ in active_rules(live)}) if live else []
    anywhere = silence.model_copy(update={"scope": None})
    unknown = rule is not None and not any(matches(anywhere, name, "") for name in rules)
    if not kept:
        return SilenceAdded(silence, kept, rules, unknown, [], now_ms)
    try:
        store_ms, every = await stored_alerts(deployment)
    except StoreUnavailable as error:
        return SilenceAdded(
            silence, kept, rules, unknown, [], now_ms, str(error).removesuffix("; waiting for it")
        )  # fmt: skip
    found = [
        alert
        for alert in every
        if alert.state in (AlertState.FIRING, AlertState.PENDING) and matches(silence, alert.rule, alert.scope)
    ]
    return SilenceAdded(silence, kept, rules, unknown, found, store_ms)


async def list_silences(
    deployment: Deployment, now_ms: int, *, expired: bool = False, note: Note = unheeded
) -> list[Silence]:
    """Those in force at that time. expired: those that have ended, too. Raises BrokerUnavailable."""
    silences = (await read_log(deployment, note)).log.silences.values()
    return [silence for silence in silences if expired or silence.until_ms > now_ms]


async def expire_silence(deployment: Deployment, id_: str, by: Attribution, note: Note = unheeded) -> Silence:
    """Ends a silence now. Raises RequestRefused where it is not in force, BrokerUnavailable."""
    now_ms = int(time.time() * 1000)
    found = {silence.id: silence for silence in await list_silences(deployment, now_ms, note=note)}
    if id_ not in found:
        raise RequestRefused(f"{id_}: no such silence in force; expected one of {', '.join(found) or '(none)'}")
    ended = found[id_].model_copy(
        update={"until_ms": now_ms, "at_ms": now_ms, "author": by.author, "reason": by.reason}
    )
    await append(deployment, ended, note)
    return ended
