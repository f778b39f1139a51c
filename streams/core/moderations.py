"""What a worker makes of a moderation that `serve` answered: the same decision, made again from its inputs. Pure."""

from __future__ import annotations

from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Decision, Moderation, Source
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.times import Arrival


def inputs_of(
    moderation: Moderation, source: Source, epoch: int, record_ms: int, arrived: Arrival, record_hmac: str | None
) -> Inputs:
    """Returns the inputs of its decision: what `serve` recorded, and where and when the record came."""
    would_be = moderation.would_be
    return Inputs(
        moderation.id,
        source,
        epoch,
        record_ms,
        moderation.model_version,
        moderation.status,
        moderation.fault,
        moderation.scores,
        moderation.choice_of,
        moderation.by_encoder,
        moderation.prompt_scores,
        moderation.prompt_by_encoder,
        (*moderation.spans, *would_be.spans) if would_be else moderation.spans,
        moderation.scopes,
        event_ms=moderation.event_ms,
        user=moderation.user,
        conversation=moderation.conversation,
        record_hmac=record_hmac,
        dropped=moderation.dropped,
        arrived_ms=arrived.ms,
        arrived_by=arrived.by,
        request_id=moderation.request_id,
    )


def decide_again(inputs: Inputs, moderation: Moderation, live: LivePolicy) -> Decision | None:
    """Returns the decision under the policy that was live for `serve`; None where its verdict is another."""
    decision = decide(inputs, live)
    return decision if _verdict(decision) == _verdict(moderation) else None


def as_recorded(inputs: Inputs, moderation: Moderation, live: LivePolicy) -> Decision:
    """Returns the verdict as the caller got it, `unverified`, under the times of the present policy."""
    recorded = {name: getattr(moderation, name) for name in _VERDICT}
    return decide(inputs._replace(unverified=True), live).model_copy(update=recorded)


_VERDICT = ("action", "reasons", "spans", "would_be", "policy_version")


def _verdict(of: Decision | Moderation) -> tuple[object, ...]:
    return tuple(getattr(of, name) for name in _VERDICT)
