"""Strikes: the weight of a decision, how weights add up and decay, and which thresholds a user reaches. Pure.

`store.apply` does this sum where the counts are kept (in Lua; its in-memory twin does it with this file), so that a
strike is added exactly as often as its completion is counted: once. `decide` never reads strikes.
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
NEGLIGIBLE = 1 / 1000  # of the smallest number in the policy: fewer strikes than that are forgotten
AT_ONCE = 500  # crossings of a partition: some 200 kB


class Strike(NamedTuple):
    """The strike that one completion adds to its user."""

    id: str  # the completion's source position: at most one strike comes from it
    user: str  # `tenant:hmac(user)`
    at_ms: int  # event time
    weight: float  # over 0
    reason: str  # the label and action that weighed most, as `toxicity.block`; of a prompt `prompt.toxicity.block`


@dataclass(frozen=True, slots=True)
class Terms:
    """The half-life and thresholds of one policy version, under which strikes are added up."""

    half_life_ms: int
    throttle: float | None
    suspend: float | None
    negligible: float  # what is left of a user's strikes is forgotten below this
    policy_version: str

    @property
    def lowest(self) -> float | None:
        """A balance at or above this is enforced; None where no threshold is set."""
        return self.suspend if self.throttle is None else self.throttle


@dataclass(frozen=True, slots=True)
class NewStrikes:
    """The strikes that a record range adds, in offset order."""

    terms: Terms
    strikes: tuple[Strike, ...]


class StrikeBalance(NamedTuple):
    """A user's strikes: their decayed sum at the event time of the latest one."""

    strikes: float
    at_ms: int


@dataclass(frozen=True, slots=True)
class Crossing:
    """A strike left a user at or above a threshold, or an operator undid some: the content of an enforcement."""

    id: str
    user: str
    balance: StrikeBalance  # afterwards
    terms: Terms
    reason: str
    author: str | None = None  # only where somebody undid strikes


# --- from decisions to strikes


def terms(live: LivePolicy) -> Terms:
    """Returns the terms of a policy version, also where it gives no weights: earlier strikes still decay."""
    rules = live.policy.strikes
    by_label = (*rules.weights.values(), *rules.prompt_weights.values())
    weights = [w for label in by_label for w in (label.flag, label.review, label.redact, label.block)]
    smallest = min((n for n in (rules.throttle, rules.suspend, *weights) if n), default=1.0)
    negligible = NEGLIGIBLE * max(smallest, SMALLEST)
    return Terms(rules.half_life_s * 1000, rules.throttle, rules.suspend, negligible, live.version)


def new_strikes(decisions: Iterable[Decision], live: LivePolicy) -> NewStrikes | None:
    """Returns the strikes of a record range's decisions, in their order; None where there are none.

    Costs nothing where the policy gives no weights, as it is by default.
    """
    rules = live.policy.strikes
    if not (rules.weights or rules.prompt_weights):
        return None
    strikes = tuple(strike for decision in decisions if (strike := strike_of(decision, rules)) is not None)
    return NewStrikes(terms(live), strikes) if strikes else None


def strike_of(decision: Decision, rules: Strikes) -> Strike | None:
    """Returns the strike of a decision, or None.

    Of several reasons the one that weighs most counts; the others add nothing: labels of one text go together. A
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
    """Returns what is left of the strikes after for_ms, which is 0 or more."""
    return float(strikes * 2.0 ** (-for_ms / half_life_ms))


def add(balance: StrikeBalance | None, strike: Strike, half_life_ms: int) -> StrikeBalance:
    """Returns the user's balance with one more strike.

    The sum is the same in whatever order strikes come: an older strike than the latest is decayed to the latest's
    time.
    """
    if balance is None:
        return StrikeBalance(strike.weight, strike.at_ms)
    at_ms = max(balance.at_ms, strike.at_ms)
    before = decayed(balance.strikes, at_ms - balance.at_ms, half_life_ms)
    return StrikeBalance(before + decayed(strike.weight, at_ms - strike.at_ms, half_life_ms), at_ms)


def after_undo(
    balance: StrikeBalance, weight: float | None, now_ms: int, half_life_ms: int
) -> tuple[float, StrikeBalance]:
    """Returns the strikes at now_ms, and the balance without `weight` of them (None: without any)."""
    at_ms = max(now_ms, balance.at_ms)
    before = decayed(balance.strikes, at_ms - balance.at_ms, half_life_ms)
    return before, StrikeBalance(0.0 if weight is None else max(0.0, before - weight), at_ms)


def negligible_in_ms(strikes: float, terms: Terms) -> int:
    """Returns how long (ms) until less than `terms.negligible` is left of the strikes, rounded up."""
    times = strikes / terms.negligible
    return ceil(terms.half_life_ms * log2(times)) if times > 1 else 0


# --- what is enforced


def threshold_reached(strikes: float, terms: Terms) -> tuple[Enforced, float] | None:
    """Returns the strongest enforcement whose threshold is reached, and that threshold."""
    if terms.suspend is not None and strikes >= terms.suspend:
        return "suspend", terms.suspend
    if terms.throttle is not None and strikes >= terms.throttle:
        return "throttle", terms.throttle
    return None


def below_ms(balance: StrikeBalance, threshold: float, half_life_ms: int) -> int:
    """Returns the first millisecond with less than the threshold left, if no more come; at_ms where it is already."""
    if balance.strikes < threshold:
        return balance.at_ms
    return balance.at_ms + int(half_life_ms * log2(balance.strikes / threshold)) + 1


def enforcement(crossing: Crossing) -> Enforcement:
    """Builds the event of a crossing. An undo that leaves the user at a threshold enforces that threshold."""
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
