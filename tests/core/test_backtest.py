"""Which alerts would have fired: by hand on timelines, and held against the ruler itself.

Buckets are 10 s. Decisions come at T + some seconds, in event time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Decision, Feedback, FeedbackKind, Scopes, Source
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.aggregate import Aggregate, ReceivedFeedback, aggregate, aggregate_feedback
from tidegate.streams.core.series import scoped
from tidegate.streams.core.simulation.backtest import Backtest, BacktestResult, FirstScopes
from tidegate.streams.core.times import Arrival, TimeSource
from tidegate.streams.kafka.producer import Message
from tidegate.streams.ruler.ruler import Ruler
from tidegate.streams.store import Apply, Checkpoint, Marker
from tidegate.streams.store.memory import MemoryStore

S = 1000
T = 1_700_000_000 * S
RULE = {"of": "label.toxicity", "above": 0.5, "resolve_below": 0.25, "window_s": 20, "for_s": 0, "min_total": 2}


def policy(**rules: dict[str, Any]) -> LivePolicy:
    data = {
        "schema_version": 1,
        "labels": {"toxicity": {"flag": 0.5}},
        "windows": {"bucket_s": 10, "rate_window_s": 10, "grace_s": 2, "late_s": 60, "future_s": 5},
        "alerts": rules or {"toxic": RULE},
    }
    return LivePolicy("3-abc", parse(data, "p"))


def inputs(
    at_s: float, toxicity: float, tenant: str = "t1", user: str | None = None, record_s: float | None = None
) -> Inputs:
    return Inputs(
        id=f"c{at_s}", source=Source(topic="completions", partition=0, offset=0), epoch=1, model_version="m",
        record_ms=T + int((at_s if record_s is None else record_s) * S), event_ms=T + int(at_s * S),
        scores={"toxicity": toxicity}, scopes=Scopes(tenant=tenant), user=user,
    )  # fmt: skip


def backtested(
    live: LivePolicy, entries: Sequence[Inputs], since_s: int, until_s: int, limit: int = 1000
) -> BacktestResult:
    test = Backtest(live, FirstScopes(limit))
    test.add([decide(one, live) for one in entries])
    return test.run(T + since_s * S, T + until_s * S)


def format_transitions(result: BacktestResult) -> list[str]:
    return [f"{(a.at_ms - T) // S} {a.scope} {a.state.value} {a.reason.value}" for a in result.transitions]


#  toxic   2    2    0    0
#  total   2    2    4    4
#        [----)[----)[----)[----)
#        0    10    20    30    40
WAVE = [
    *[inputs(at, 0.9) for at in (1, 2, 11, 12)],
    *[inputs(at, 0.1) for at in (21, 22, 23, 24, 31, 32, 33, 34)],
]


def test_an_alert_fires_and_resolves_at_window_boundaries() -> None:
    found = backtested(policy(), WAVE, 0, 60)
    # at 10: 2 of 2; at 20: 4 of 4; at 30: 2 of 6 = 33%, between; at 40: 0 of 8, below
    assert format_transitions(found) == ["10 all firing broken", "40 all resolved below"]
    (firing,) = found.firings
    assert (firing.fired_ms, firing.resolved_ms, firing.peak) == (T + 10 * S, T + 40 * S, 1.0)


def test_for_s_holds_it_back_and_what_passes_before_never_fires() -> None:
    held = policy(toxic=RULE | {"for_s": 10}, waits=RULE | {"for_s": 30})
    found = backtested(held, WAVE, 0, 60)
    # both pending at 10, broken again at 20: the first fires; at 30 neither is broken
    assert [f"{a.rule} {line}" for a, line in zip(found.transitions, format_transitions(found), strict=True)] == [
        "toxic 10 all pending broken", "waits 10 all pending broken", "toxic 20 all firing held",
        "waits 30 all resolved between", "toxic 40 all resolved below",
    ]  # fmt: skip
    assert [(f.rule, f.pending_ms, f.fired_ms) for f in found.firings] == [("toxic", T + 10 * S, T + 20 * S)]


def test_a_firing_at_the_ranges_start_is_listed_with_its_start() -> None:
    found = backtested(policy(toxic=RULE | {"for_s": 10}), WAVE, 20, 30)
    assert format_transitions(found) == ["20 all firing held"]
    (firing,) = found.firings
    assert (firing.pending_ms, firing.fired_ms, firing.resolved_ms) == (T + 10 * S, T + 20 * S, None)
    (earlier,) = backtested(policy(), WAVE, 20, 60).firings  # for_s 0: followed for one bucket before the range
    assert (earlier.fired_ms, earlier.resolved_ms) == (T + 10 * S, T + 40 * S)
    assert format_transitions(backtested(policy(), WAVE, 20, 60)) == ["40 all resolved below"]


def test_an_alert_that_ended_before_the_range_is_not_of_it() -> None:
    # fires at 10, is resolved at 40; the other rule, which never fires, has alerts followed from -20 on
    found = backtested(policy(toxic=RULE, waits=RULE | {"for_s": 60}), WAVE, 50, 90)
    assert (found.transitions, found.firings) == ([], [])


def test_lead_is_the_longest_window_and_as_long_as_a_rule_waits() -> None:
    test = Backtest(policy(a=RULE | {"window_s": 300}, b=RULE | {"for_s": 90}), FirstScopes(9))
    assert test.lead_ms == (300 + 90 + 10) * S  # and a bucket


def test_a_quiet_time_is_passed_over_and_alerts_still_end_in_it() -> None:
    # quiet: too few from 40 on, for a whole window at 60; the next wave is 3 years later
    later = 100_000_000
    wave = [inputs(1, 0.9), inputs(2, 0.9), inputs(later + 1, 0.9), inputs(later + 2, 0.9)]
    found = backtested(policy(), wave, -1_000_000, later + 60)
    assert format_transitions(found) == [
        "10 all firing broken",
        "50 all resolved quiet",
        f"{later + 10} all firing broken",
        f"{later + 50} all resolved quiet",
    ]


def test_users_are_counted_exactly_and_only_where_a_rule_asks() -> None:
    rule = RULE | {"min_users": 2}
    one, two = ([inputs(at, 0.9, user=user) for at, user in ((1, "u1"), (2, user2))] for user2 in ("u1", "u2"))
    assert format_transitions(backtested(policy(toxic=rule), one, 0, 20)) == []
    (alert,) = backtested(policy(toxic=rule), two, 0, 20).transitions
    assert alert.users == 2


def test_names_beyond_the_limit_count_together() -> None:
    waves = [inputs(at, 0.9, tenant=f"t{at}") for at in (1, 2, 3, 4)]
    rule = RULE | {"by": ["tenant"], "min_total": 1}
    names = FirstScopes(2)
    test = Backtest(policy(toxic=rule), names)
    test.add([decide(one, test.live) for one in waves])
    assert format_transitions(test.run(T, T + 10 * S)) == [
        f"10 {scope} firing broken" for scope in ("tenant:other", "tenant=t1", "tenant=t2")
    ]
    assert names.overflowed == {"tenant"}


def received(feedback: Feedback, at_ms: int, who: str | None = None) -> ReceivedFeedback:
    source = Source(topic="feedback", partition=0, offset=0)
    return ReceivedFeedback(feedback, Arrival(at_ms, TimeSource.RECORD), who, source, at_ms)


def test_rules_on_feedback_look_at_feedback() -> None:
    live = policy(complaints={"kind": "count", "of": "complaint", "above": 1, "window_s": 20, "for_s": 0})
    test = Backtest(live, FirstScopes(9))
    feedback = [Feedback(id=f"f{n}", completion_id="c", kind=FeedbackKind.COMPLAINT) for n in (1, 2)]
    test.add_feedback([received(entry, T + n * S) for n, entry in enumerate(feedback)])
    assert format_transitions(test.run(T, T + 60 * S)) == ["10 all firing broken", "30 all resolved below"]


def test_time_is_judged_by_the_candidate_policy() -> None:
    # 40 s late: the one policy counts it where it was, the other not at all
    late = [inputs(at, 0.9, record_s=at + 40) for at in (1, 2)]
    strict = parse(
        policy().policy.model_dump(mode="json") | {"windows": {"bucket_s": 10, "rate_window_s": 10, "late_s": 30}}, "p"
    )
    assert format_transitions(backtested(policy(), late, 0, 20)) == ["10 all firing broken"]
    assert format_transitions(backtested(LivePolicy("v", strict), late, 0, 20)) == []


# --- the same as the ruler

tenant = st.sampled_from(("t1", "t2"))
user = st.sampled_from(("u1", "u2", None))
arrivals = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from((0.1, 0.9)), tenant, user, st.booleans()), min_size=1, max_size=40
).map(lambda found: sorted(found, key=lambda one: one[0]))
RULES = {
    "share": RULE | {"by": ["all", "tenant"], "for_s": 10, "severity": "critical", "labels": {"team": "a"}},
    "users": RULE | {"min_users": 2, "window_s": 40},
    "sure": RULE | {"confidence": 0.9, "above": 0.2, "resolve_below": 0.1},
    "complaints": {"kind": "count", "of": "complaint", "above": 1, "window_s": 30, "for_s": 0, "by": ["all", "tenant"]},
}


@settings(max_examples=40, deadline=None)
@example([(0, 0.1, "t2", "u1", True)] * 2 + [(10, 0.1, "t1", "u1", True), (30, 0.1, "t1", "u1", True)])  # two at 40 s
@given(arrivals)
def test_the_backtest_of_ordered_records_equals_the_ruler(
    drawn: list[tuple[int, float, str, str | None, bool]],
) -> None:
    live = policy(**RULES)
    test = Backtest(live, FirstScopes(9))
    records: list[tuple[int, Decision | ReceivedFeedback]] = []
    for at_s, toxicity, name, who, complains in drawn:
        if complains:
            feedback = Feedback(id="f", completion_id="c", kind=FeedbackKind.COMPLAINT, tenant=name, user=who)
            records.append((at_s, received(feedback, T + at_s * S, who)))
        else:
            records.append((at_s, decide(inputs(at_s, toxicity, name, who), live)))
    test.add([one for _, one in records if isinstance(one, Decision)])
    test.add_feedback([one for _, one in records if isinstance(one, ReceivedFeedback)])
    by_ruler = asyncio.run(ruler_evaluated(live, records, 500))
    by_backtest = [alert.model_dump(mode="json") for alert in test.run(T, T + 500 * S).transitions]
    assert sorted(by_backtest, key=_when) == sorted(by_ruler, key=_when)


def _when(alert: dict[str, Any]) -> tuple[int, str]:
    """Of one boundary the ruler says alerts as it has come to know them, a what-if by rule and scope."""
    return alert["at_ms"], alert["id"]


async def ruler_evaluated(
    live: LivePolicy, records: Sequence[tuple[int, Decision | ReceivedFeedback]], until_s: int
) -> list[dict[str, Any]]:
    """What the ruler publishes when it looks once a second while the records come: transitions only."""
    now_ms, partitions, sent = (
        T - 20 * S,
        [TopicPartition("completions", 0), TopicPartition("feedback", 0)],
        list[Message](),
    )
    store = MemoryStore(lambda: now_ms)

    async def publish(messages: Sequence[Message]) -> None:
        sent.extend(messages)

    epochs = {}
    for partition, claim in zip(partitions, await store.claim(partitions, "w"), strict=True):
        epochs[partition] = claim.epoch
        await store.reset(partition, claim.epoch, Checkpoint(0, "cluster", 1, None))
    ruler = Ruler(store, publish, lambda: partitions, lambda: live, tuple, "w")
    waiting = list(records)
    while now_ms < T + (until_s + 3) * S:
        now_ms += S
        while waiting and T + waiting[0][0] * S <= now_ms:
            _, one = waiting.pop(0)
            partition = partitions[isinstance(one, ReceivedFeedback)]
            sums = _aggregate(one, live)
            start = store.partitions[partition].next or 0
            mark = Marker(start, now_ms, "0" * 16)
            (done,) = await store.apply(
                [Apply(partition, epochs[partition], start, start + 1, mark, sums, now_ms, 0, keep_ms=3600 * S)]
            )
            assert done.applied == "applied"
        for partition, epoch in epochs.items():
            await store.heartbeat(partition, epoch, 0, 0)
        assert await ruler.run_once()
    alerts = [json.loads(m.value) for m in sent if m.topic == "alerts" and m.value]
    return [alert for alert in alerts if not alert["resent"]]


def _aggregate(one: Decision | ReceivedFeedback, live: LivePolicy) -> Aggregate:
    if isinstance(one, ReceivedFeedback):
        return aggregate_feedback([one], 0, live, scoped)
    return aggregate([one], 0, live, scoped)


@settings(max_examples=40, deadline=None)
@given(arrivals)
def test_what_counts_the_same_under_both_is_counted_once(found: list[tuple[int, float, str, str | None, bool]]) -> None:
    one = policy(toxic=RULE | {"by": ["all", "tenant"]})
    two = policy(toxic=RULE | {"above": 0.3}, blocked=RULE | {"of": "action.flag", "window_s": 30})
    decided = [decide(inputs(at_s, toxicity, name), one) for at_s, toxicity, name, _, _ in found]
    sides = [Backtest(live, FirstScopes(9)) for live in (one, two)]
    both = sides[0].shared_with(sides[1])
    assert both is not None
    for decision in decided:
        if decision.reasons:
            sides[0].add([decision])
            sides[1].add([decision])
        else:
            both.add([decision])
    for side in sides:
        whole = Backtest(side.live, FirstScopes(9))
        whole.add(decided)
        assert side.run(T, T + 500 * S) == whole.run(T, T + 500 * S)


def test_different_windows_or_user_counts_share_no_counting() -> None:
    """Nothing counts the same where time is cut differently or users are counted."""
    coarse = parse(policy().policy.model_dump(mode="json") | {"windows": {"bucket_s": 20, "rate_window_s": 20}}, "p")
    for other in (LivePolicy("v", coarse), policy(toxic=RULE | {"min_users": 2})):
        assert Backtest(policy(), FirstScopes(9)).shared_with(Backtest(other, FirstScopes(9))) is None
