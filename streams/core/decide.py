"""decide: from the inputs of one completion, and one policy version, to one decision. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple

from tidegate.streams.core.events import (
    Action,
    Decision,
    EventTime,
    FaultReason,
    Reason,
    Scopes,
    Source,
    Span,
    TimeSource,
    WouldBe,
)
from tidegate.streams.core.fields import unchecked
from tidegate.streams.core.measures import PRODUCER_FAILED
from tidegate.streams.core.policy.resolved import LivePolicy, ResolvedLabels
from tidegate.streams.core.times import BACK_MS

ANYWHERE = Scopes()
NOTHING: Mapping[str, Any] = MappingProxyType({})
_FAILED = Reason(label=PRODUCER_FAILED, action=Action.ALLOW, scope="default")
_PRODUCER_TIMES = (
    EventTime.ON_TIME,
    EventTime.TOO_LATE,
)  # the decision counts under the producer's time, if it gave one
_ALLOW, _ON_TIME = Action.ALLOW, EventTime.ON_TIME  # Python 3.11 looks a member up at the price of a function call


class Judged(NamedTuple):
    """What a verdict is made from, except the policy: nothing of who sent the text, where it stood, or when.

    status: `ok`, `failed` (the producer's model gave no whole answer) or `prompt_blocked` (it was not asked).
    fault: why it could not be scored.
    scores: per label the strongest choice's, in [0, 1]; choice_of: per label the index of that choice, from 0.
    by_encoder: labels whose score a cascade's encoder gave; None where one model gives all.
    prompt_scores, prompt_by_encoder: the same of the prompt. spans: pieces of the text, in code points `[start, end)`.
    scopes: tenant, model, route and locale, which choose the thresholds.
    """

    model_version: str
    status: str = "ok"
    fault: FaultReason | None = None
    scores: Mapping[str, float] = NOTHING
    choice_of: Mapping[str, int] = NOTHING
    by_encoder: tuple[str, ...] | None = None
    prompt_scores: Mapping[str, float] = NOTHING
    prompt_by_encoder: tuple[str, ...] | None = None
    spans: Sequence[Span] = ()
    scopes: Scopes = ANYWHERE


class Verdict(NamedTuple):
    """What a policy asks for, of one text: the strongest action, and every reason for it."""

    action: Action
    reasons: tuple[Reason, ...]
    spans: tuple[Span, ...]  # what `redact` hides
    would_be: WouldBe | None  # what the shadow policy asks for; None where none runs
    policy_version: str
    model_version: str


class Inputs(NamedTuple):
    """Everything a decision is made from, except the text and the policy: a `Judged`, its identity and its times."""

    id: str
    source: Source
    epoch: int
    record_ms: int
    model_version: str
    status: str = "ok"
    fault: FaultReason | None = None
    scores: Mapping[str, float] = NOTHING
    choice_of: Mapping[str, int] = NOTHING
    by_encoder: tuple[str, ...] | None = None
    prompt_scores: Mapping[str, float] = NOTHING
    prompt_by_encoder: tuple[str, ...] | None = None
    spans: Sequence[Span] = ()
    scopes: Scopes = ANYWHERE
    event_ms: int | None = None
    user: str | None = None
    conversation: str | None = None
    record_hmac: str | None = None
    origin: Source | None = None
    origin_sha256: str | None = None
    dropped: tuple[str, ...] = ()
    arrived_ms: int | None = None  # None: a decision from before it was recorded; its record_ms stands for it
    arrived_by: TimeSource | None = None
    request_id: str | None = None
    unverified: bool = False

    @classmethod
    def of(cls, decision: Decision) -> Inputs:
        """Returns the inputs of a published decision: `decide(Inputs.of(d), policy) == d` under d's versions."""
        inputs = cls._make(_recorded(decision))
        shadow = decision.would_be
        return inputs._replace(spans=(*decision.spans, *shadow.spans)) if shadow and shadow.spans else inputs


_recorded = attrgetter(*Inputs._fields)  # of a decision


def decide(inputs: Inputs, live: LivePolicy) -> Decision:
    """Decides one completion: the verdict of `judge`, under the completion's identity and times."""
    arrived_ms, by = inputs.arrived_ms, inputs.arrived_by
    time, at_ms = event_time(inputs.event_ms, inputs.record_ms if arrived_ms is None else arrived_ms, live)
    by_producer = by is not None and inputs.event_ms is not None and time in _PRODUCER_TIMES
    action, reasons, spans, would_be = _judge(inputs, live)
    return unchecked(
        Decision,
        {
            "schema_version": 1,
            "id": inputs.id,
            "source": inputs.source,
            "epoch": inputs.epoch,
            "action": action,
            "reasons": reasons,
            "spans": spans,
            "fault": inputs.fault,
            "status": inputs.status,
            "scores": dict(inputs.scores),
            "choice_of": dict(inputs.choice_of),
            "by_encoder": inputs.by_encoder,
            "prompt_scores": dict(inputs.prompt_scores),
            "prompt_by_encoder": inputs.prompt_by_encoder,
            "scopes": inputs.scopes,
            "user": inputs.user,
            "conversation": inputs.conversation,
            "event_ms": inputs.event_ms,
            "record_ms": inputs.record_ms,
            "at_ms": at_ms,
            "time": time,
            "policy_version": live.version,
            "model_version": inputs.model_version,
            "would_be": would_be,
            "record_hmac": inputs.record_hmac,
            "origin": inputs.origin,
            "origin_sha256": inputs.origin_sha256,
            "dropped": inputs.dropped,
            "arrived_ms": arrived_ms,
            "arrived_by": by,
            "time_source": TimeSource.PRODUCER if by_producer else by,
            "request_id": inputs.request_id,
            "unverified": inputs.unverified,
        },
    )


def judge(judged: Judged | Inputs, live: LivePolicy) -> Verdict:
    """The verdict on one text: the strongest action that any score asks for, and every reason for it. Pure.

    Beside it, where the policy has a shadow, what that one would ask for.

    A fault is decided by the route's `fail` setting and carries no scores; a producer's failed completion is allowed,
    unless its text (what was shown before the call failed) has scores that ask for more. `redact` without spans for
    its label becomes `review`: nothing to redact by, so a person looks.
    """
    return Verdict(*_judge(judged, live), live.version, judged.model_version)


def _judge(
    judged: Judged | Inputs, live: LivePolicy
) -> tuple[Action, tuple[Reason, ...], tuple[Span, ...], WouldBe | None]:
    """Returns a verdict without its versions."""
    action, reasons = _strongest(judged, live)
    spans, would_be = tuple(judged.spans), None
    if live.shadow is not None:
        spans, shadows = _split_spans(spans, judged.scores, live) if spans else ((), ())
        would_be = _would_be(judged, live.shadow, shadows)
    return action, reasons, spans, would_be


def decision_key(decision: Decision) -> bytes:
    """The key of a decision's record: one user's decisions, of one tenant, under one key.

    Without a user it is their conversation's, else its own id.
    """
    who = decision.user or decision.conversation or decision.id
    return f"{decision.scopes.tenant}:{who}".encode()


def _would_be(judged: Judged | Inputs, shadow: LivePolicy, spans: tuple[Span, ...]) -> WouldBe:
    action, reasons = _strongest(judged, shadow)
    return unchecked(WouldBe, {"action": action, "reasons": reasons, "spans": spans, "policy_version": shadow.version})


def _split_spans(
    spans: tuple[Span, ...], scores: Mapping[str, float], live: LivePolicy
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Splits spans into those of the live policy, and those that only the shadow requested."""
    thresholds = live.own_redact_from
    live_labels = {label for label, score in scores.items() if score >= thresholds.get(label, 2.0)}
    return tuple([s for s in spans if s.label in live_labels]), tuple([s for s in spans if s.label not in live_labels])


def event_time(event_ms: int | None, arrived_ms: int, live: LivePolicy) -> tuple[EventTime, int]:
    """Returns how the producer's time compares with its record's arrival, and the time to count under (ms)."""
    if event_ms is None:
        return _ON_TIME, arrived_ms
    windows = live.policy.windows
    if event_ms > arrived_ms + windows.future_s * 1000:
        return EventTime.FUTURE, arrived_ms
    if event_ms < arrived_ms - windows.late_s * 1000:
        if event_ms < arrived_ms - BACK_MS:  # NO_TIME too
            return EventTime.REPLACED, arrived_ms
        return EventTime.TOO_LATE, event_ms
    return _ON_TIME, event_ms


def _strongest(judged: Judged | Inputs, live: LivePolicy) -> tuple[Action, tuple[Reason, ...]]:
    if judged.fault is not None:
        faults = live.policy.faults
        route_fail = faults.routes.get(judged.scopes.route)
        action = Action.BLOCK if (route_fail or faults.fail) == "closed" else Action.ALLOW
        scope = "default" if route_fail is None else f"route={judged.scopes.route}"
        return action, (Reason(label="fault", action=action, scope=scope),)
    failed = judged.status == "failed"
    if failed and not judged.scores:
        return _ALLOW, (_FAILED,)
    scores, prompt_scores, lowest = judged.scores, judged.prompt_scores, live.own_lowest
    if max(scores.values(), default=-1.0) < lowest and max(prompt_scores.values(), default=-1.0) < lowest:
        return _ALLOW, (_FAILED,) if failed else ()  # as most completions: half the price of looking each label up
    thresholds, prompt_thresholds = live.resolve(judged.scopes)
    reasons = [
        *_reasons(judged.scores, judged.by_encoder, thresholds, judged),
        *(
            _reasons(judged.prompt_scores, judged.prompt_by_encoder, prompt_thresholds, None)
            if judged.prompt_scores
            else ()
        ),
    ]
    if not reasons:
        return _ALLOW, (_FAILED,) if failed else ()
    reasons.sort(key=lambda r: (-r.action.strength, -(r.score or 0.0), r.label))
    if failed:
        reasons.append(_FAILED)
    return reasons[0].action, tuple(reasons)


def _reasons(
    scores: Mapping[str, float],
    by_encoder: tuple[str, ...] | None,
    thresholds: ResolvedLabels,
    completion: Judged | Inputs | None,
) -> list[Reason]:
    """Returns, for every label whose score reaches a threshold, its strongest reason.

    completion: None for a prompt's scores.
    """
    reasons = []
    for label, score in scores.items():
        # Strongest first; a label that the policy does not name requests nothing.
        for threshold, action, scope in thresholds.get(label, ()):
            if score >= threshold:
                if action is Action.REDACT and not (completion and any(s.label == label for s in completion.spans)):
                    action = Action.REVIEW  # nothing to redact by: a person looks instead
                reasons.append(
                    Reason(
                        label=label,
                        action=action,
                        score=score,
                        threshold=threshold,
                        scope=scope,
                        of="completion" if completion else "prompt",
                        choice=completion.choice_of.get(label, 0) if completion else 0,
                        by=None if by_encoder is None else "encoder" if label in by_encoder else "screen",
                    )
                )
                break
    return reasons
