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


class Inputs(NamedTuple):
    """Everything a decision is made from, except the text and the policy."""

    id: str
    source: Source
    epoch: int
    record_ms: int
    model_version: str
    event_ms: int | None = None
    status: str = "ok"
    fault: FaultReason | None = None
    scores: Mapping[str, float] = NOTHING
    choice_of: Mapping[str, int] = NOTHING
    by_encoder: tuple[str, ...] | None = None
    prompt_scores: Mapping[str, float] = NOTHING
    prompt_by_encoder: tuple[str, ...] | None = None
    spans: Sequence[Span] = ()
    scopes: Scopes = ANYWHERE
    user: str | None = None
    conversation: str | None = None
    record_hmac: str | None = None
    origin: Source | None = None
    origin_sha256: str | None = None
    dropped: tuple[str, ...] = ()
    arrived_ms: int | None = None  # None: a decision from before it was recorded; its record_ms stands for it
    arrived_by: TimeSource | None = None

    @classmethod
    def of(cls, decision: Decision) -> Inputs:
        """Returns the inputs of a published decision: `decide(Inputs.of(d), policy) == d` under d's versions."""
        inputs = cls._make(_recorded(decision))
        shadow = decision.would_be
        return inputs._replace(spans=(*decision.spans, *shadow.spans)) if shadow and shadow.spans else inputs


_recorded = attrgetter(*Inputs._fields)  # of a decision


def decide(inputs: Inputs, live: LivePolicy) -> Decision:
    """Decides one completion: the strongest action that any score requests, and every reason for it.

    Where the policy has a shadow, the decision also holds what the shadow would request.

    A fault is decided by the route's `fail` setting and carries no scores; a producer's failed completion is allowed,
    unless its text (what was shown before the call failed) has scores that request more. `redact` without spans for
    its label becomes `review`: there is nothing to redact by, so a person looks.
    """
    arrived_ms, by = inputs.arrived_ms, inputs.arrived_by
    time, at_ms = event_time(inputs.event_ms, inputs.record_ms if arrived_ms is None else arrived_ms, live)
    by_producer = by is not None and inputs.event_ms is not None and time in _PRODUCER_TIMES
    action, reasons = _judge(inputs, live)
    spans, would_be = tuple(inputs.spans), None
    if live.shadow is not None:
        spans, shadows = _split_spans(spans, inputs.scores, live) if spans else ((), ())
        would_be = _would_be(inputs, live.shadow, shadows)
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
            "status": "failed" if inputs.status == "failed" else "ok",
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
        },
    )


def _would_be(inputs: Inputs, shadow: LivePolicy, spans: tuple[Span, ...]) -> WouldBe:
    action, reasons = _judge(inputs, shadow)
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


def _judge(inputs: Inputs, live: LivePolicy) -> tuple[Action, tuple[Reason, ...]]:
    if inputs.fault is not None:
        faults = live.policy.faults
        route_fail = faults.routes.get(inputs.scopes.route)
        action = Action.BLOCK if (route_fail or faults.fail) == "closed" else Action.ALLOW
        scope = "default" if route_fail is None else f"route={inputs.scopes.route}"
        return action, (Reason(label="fault", action=action, scope=scope),)
    failed = inputs.status == "failed"
    if failed and not inputs.scores:
        return _ALLOW, (_FAILED,)
    thresholds, prompt_thresholds = live.resolve(inputs.scopes)
    reasons = [
        *_reasons(inputs.scores, inputs.by_encoder, thresholds, inputs),
        *(
            _reasons(inputs.prompt_scores, inputs.prompt_by_encoder, prompt_thresholds, None)
            if inputs.prompt_scores
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
    completion: Inputs | None,
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
