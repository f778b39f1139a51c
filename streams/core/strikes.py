"""Strikes: what a decision weighs, how weights add up and decay, and which thresholds a user stands at. Pure.

`store.apply` does this sum where the counts are kept (in Lua; its in-memory twin does it with this file), so that a
strike is added exactly as often as its completion is counted: once. Nothing here is seen by `decide`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, log2
from typing import Literal, NamedTuple

from tidegate.streams.core.events import Decision, Enforcement, EventTime
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.tables import SMALLEST, Strikes

Enforced = Literal["throttle", "suspend"]
NEGLIGIBLE = 1 / 1000  # of the smallest number that the policy names: less than that is nobody's strikes
AT_ONCE = 500  # crossings of a partition: some 200 kB


class Strike(NamedTuple):
    """What one completion adds to its user's strikes."""

    id: str  # the completion's source position: at most one strike comes from it
    user: str  # `tenant:hmac(user)`
    at_ms: int  # event time
    weight: float  # over 0
    reason: str  # the label and action that weighed most, as `toxicity.block`; of a prompt `prompt.toxicity.block`


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which half-life and thresholds strikes are added up: those of one policy version."""

    half_life_ms: int
    throttle: float | None
    suspend: float | None
    negligible: float  # what is left of a user's strikes is forgotten below this
    policy_version: str

    @property
    def lowest(self) -> float | None:
        """Standing at or above this is enforced; None where nothing is."""
        return self.suspend if self.throttle is None else self.throttle


@dataclass(frozen=True, slots=True)
class NewStrikes:
    """What a span adds to strikes, in offset order."""

    terms: Terms
    strikes: tuple[Strike, ...]


class StrikeBalance(NamedTuple):
    """How a user stands: the decayed sum of their strikes at the event time of the latest one."""

    strikes: float
    at_ms: int


@dataclass(frozen=True, slots=True)
class Crossing:
    """A user was left at or above a threshold by a strike, or somebody undid some: what an enforcement says."""

    id: str
    user: str
    balance: StrikeBalance  # afterwards
    terms: Terms
    reason: str
    author: str | None = None  # only where somebody undid strikes


# --- from decisions to strikes


def terms(live: LivePolicy) -> Terms:
    """The terms of a policy version, also where it gives no weights: what was made before still decays."""
    rules = live.policy.strikes
    by_label = (*rules.weights.values(), *rules.prompt_weights.values())
    weights = [w for label in by_label for w in (label.flag, label.review, label.redact, label.block)]
    smallest = min((n for n in (rules.throttle, rules.suspend, *weights) if n), default=1.0)
    negligible = NEGLIGIBLE * max(smallest, SMALLEST)
    return Terms(rules.half_life_s * 1000, rules.throttle, rules.suspend, negligible, live.version)


def new_strikes(decisions: Iterable[Decision], live: LivePolicy) -> NewStrikes | None:
    """The strikes of a span's decisions, in their order; None where there are none.

    Costs nothing where the policy gives no weights, as it is by default.
    """
    rules = live.policy.strikes
    if not (rules.weights or rules.prompt_weights):
        return None
    strikes = tuple(strike for decision in decisions if (strike := strike_of(decision, rules)) is not None)
    return NewStrikes(terms(live), strikes) if strikes else None


def strike_of(decision: Decision, rules: Strikes) -> Strike | None:
    """What a decision adds to its user's strikes, or None.

    Of several reasons the one that weighs most counts, the others add nothing: labels of one text go together. A
    fault, a producer's failure as such (not the text that was shown before it), a completion that came too late and
    one without a user weigh nothing.
    """
    if (
        not decision.reasons
        or decision.user is None
        or decision.fault is not None
        or decision.time is EventTime.TOO_LATE
    ):
        return None
    most, why = 0.0, ""
    for reason in decision.reasons:
        prompt = reason.of == "prompt"
        weights = (rules.prompt_weights if prompt else rules.weights).get(reason.label)
        weight = getattr(weights, reason.action.value, 0.0)
        if weight > most:
            most, why = weight, f"{'prompt.' if prompt else ''}{reason.label}.{reason.action.value}"
    if not most:
        return None
    return Strike(str(decision.source), f"{decision.scopes.tenant}:{decision.user}", decision.at_ms, most, why)


# --- how they add up


def decayed(strikes: float, for_ms: int, half_life_ms: int) -> float:
    """What is left after that time, 0 or more of it."""
    return float(strikes * 2.0 ** (-for_ms / half_life_ms))


def add(balance: StrikeBalance | None, strike: Strike, half_life_ms: int) -> StrikeBalance:
    """How the user stands with one more strike.

    The sum is the same in whatever order strikes come: one that is older than the latest is decayed to the latest's
    time itself.
    """
    if balance is None:
        return StrikeBalance(strike.weight, strike.at_ms)
    at_ms = max(balance.at_ms, strike.at_ms)
    before = decayed(balance.strikes, at_ms - balance.at_ms, half_life_ms)
    return StrikeBalance(before + decayed(strike.weight, at_ms - strike.at_ms, half_life_ms), at_ms)


def after_undo(
    balance: StrikeBalance, weight: float | None, now_ms: int, half_life_ms: int
) -> tuple[float, StrikeBalance]:
    """The strikes at now_ms, and how the user stands without `weight` of them (None: without any)."""
    at_ms = max(now_ms, balance.at_ms)
    before = decayed(balance.strikes, at_ms - balance.at_ms, half_life_ms)
    return before, StrikeBalance(0.0 if weight is None else max(0.0, before - weight), at_ms)


def negligible_in_ms(strikes: float, terms: Terms) -> int:
    """How long until less than `terms.negligible` is left of them, rounded up."""
    times = strikes / terms.negligible
    return ceil(terms.half_life_ms * log2(times)) if times > 1 else 0


# --- what is enforced


def threshold_reached(strikes: float, terms: Terms) -> tuple[Enforced, float] | None:
    """The strongest enforcement whose threshold is reached, and that threshold."""
    if terms.suspend is not None and strikes >= terms.suspend:
        return "suspend", terms.suspend
    if terms.throttle is not None and strikes >= terms.throttle:
        return "throttle", terms.throttle
    return None


def below_ms(balance: StrikeBalance, threshold: float, half_life_ms: int) -> int:
    """The first millisecond at which less than the threshold is left, if no more come; at_ms where it is already."""
    if balance.strikes < threshold:
        return balance.at_ms
    return balance.at_ms + int(half_life_ms * log2(balance.strikes / threshold)) + 1


def enforcement(crossing: Crossing) -> Enforcement:
    """What is published of a crossing. An undo that leaves the user at a threshold enforces that one."""
    balance, terms = crossing.balance, crossing.terms
    tenant, _, user = crossing.user.rpartition(":")
    action, threshold = threshold_reached(balance.strikes, terms) or ("lifted", None)
    throttle_next = terms.throttle if action == "suspend" else None
    return Enforcement(
        id=crossing.id,
        tenant=tenant,
        user=user,
        action=action,
        strikes=round(balance.strikes, 4),
        threshold=threshold,
        at_ms=balance.at_ms,
        until_ms=None if threshold is None else below_ms(balance, threshold, terms.half_life_ms),
        throttled_until_ms=None if throttle_next is None else below_ms(balance, throttle_next, terms.half_life_ms),
        author=crossing.author,
        reason=crossing.reason,
        policy_version=terms.policy_version,
    )
