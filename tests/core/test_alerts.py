"""The life of an alert, as timelines. One column is one bucket boundary, 10 s after the last.

Each column holds hits/total over the rule's window; below it the state that the alert is then in, and its reason
where that is not plain from the state.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.streams.core.alerts import lifecycle as alerts
from tidegate.streams.core.alerts import status as statuses
from tidegate.streams.core.alerts.lifecycle import Observation, step, wants_users
from tidegate.streams.core.alerts.status import AlertStatus, Transition
from tidegate.streams.core.events import AlertReason, AlertState, Silence
from tidegate.streams.core.measures import find_measure
from tidegate.streams.core.policy.silences import silenced_by
from tidegate.streams.core.policy.tables import AlertRule

S = 1000
T0 = 1_700_000_000 * S


def _rule(**fields: object) -> AlertRule:
    facts = {"of": "label.toxicity", "above": 0.1, "resolve_below": 0.05, "window_s": 30, "for_s": 20, "min_total": 10}
    return AlertRule.model_validate(facts | fields)


class _Timeline:
    """An alert stepped through time."""

    def __init__(self, rule: AlertRule) -> None:
        self.rule, self.status, self.at_ms = rule, None, T0
        self.transitions: list[Transition] = []
        self.sequences: list[int] = []

    status: AlertStatus | None

    def see(self, hits: int, total: int, users: int | None = None, *, incomplete: bool = False) -> str:
        observed = Observation("all", self.at_ms, hits, total, users, incomplete)
        self.status, transition = step(self.status, observed, "r", self.rule)
        if transition:
            self.transitions.append(transition)
            self.sequences.append(self.status.sequence)
        self.at_ms += 10 * S
        return "-" if self.status is None else f"{self.status.state.value} {self.status.reason.value}"


@pytest.mark.parametrize(
    ("rule", "timeline"),
    [
        pytest.param(
            {},
            # for_s 20: broken at 0 and still broken at 20 s
            [
                ("5/10", "pending broken"),
                ("5/10", "pending broken"),
                ("5/10", "firing held"),
                ("5/10", "firing broken"),
            ],
            id="fires after for_s",
        ),
        pytest.param({"for_s": 0}, [("5/10", "firing broken")], id="for_s 0 fires at once"),
        pytest.param({}, [("1/10", "-")], id="as much as `above` is not above it"),
        pytest.param(
            {},
            [
                ("5/10", "pending broken"),
                ("1/10", "resolved between"),
                ("5/10", "pending broken"),
                ("5/10", "pending broken"),
            ],
            id="for_s starts again after one boundary that was not broken",
        ),
        pytest.param(
            {"for_s": 0},
            # 8% is under above (10%), not under resolve_below (5%)
            [
                ("5/10", "firing broken"),
                ("8/100", "firing between"),
                ("5/100", "firing between"),
                ("4/100", "resolved below"),
            ],
            id="hysteresis",
        ),
        pytest.param(
            {"for_s": 0},
            # window 30 s: too few from 10 s on, a whole window of it at 40 s
            [
                ("5/10", "firing broken"),
                ("5/9", "firing too_few"),
                ("0/0", "firing too_few"),
                ("0/0", "firing too_few"),
                ("0/0", "resolved quiet"),
            ],
            id="too few for a whole window is quiet",
        ),
        pytest.param(
            {"for_s": 0},
            [("5/10", "firing broken"), ("5/9", "firing too_few"), ("5/10", "firing broken")]
            + [("5/9", "firing too_few")] * 3
            + [("5/9", "resolved quiet")],
            id="too few is counted from the last time there were enough",
        ),
        pytest.param({}, [("5/10", "pending broken"), ("5/9", "resolved too_few")], id="too few ends pending"),
        pytest.param({}, [("9/9", "-")], id="too few never begins"),
        pytest.param(
            {"kind": "count", "of": "complaint", "above": 10, "resolve_below": 5, "for_s": 0},
            [("10/10", "-"), ("11/11", "firing broken"), ("5/5", "firing between"), ("4/4", "resolved below")],
            id="count looks at hits, whatever the total",
        ),
        pytest.param(
            {"kind": "count", "of": "complaint", "above": 0, "resolve_below": 0, "for_s": 0},
            [("1/1", "firing broken"), ("0/0", "resolved below")],
            id="no hits are below anything",
        ),
        pytest.param(
            # Wilson lower bound at 95%: 2/10 -> 0.068; 20/100 -> 0.143
            {"confidence": 0.95, "for_s": 0},
            [("2/10", "-"), ("20/100", "firing broken"), ("2/10", "firing not_confident")],
            id="confidence: the lower bound must pass too",
        ),
        pytest.param(
            {"for_s": 0},
            [
                ("5/10", "firing broken"),
                ("0/10", "resolved below"),
                ("5/10", "firing broken"),
                ("0/10", "resolved below"),
            ],
            id="a resolved alert fires again",
        ),
    ],
)
def test_timeline(rule: dict[str, object], timeline: list[tuple[str, str]]) -> None:
    life = _Timeline(_rule(**rule))
    for i, (seen, expected) in enumerate(timeline):
        hits, total = map(int, seen.split("/"))
        assert life.see(hits, total) == expected, f"boundary {i}: {seen}"


def test_incomplete_holds_whatever_is_seen() -> None:
    life = _Timeline(_rule(for_s=0))
    assert life.see(5, 10, incomplete=True) == "-"
    assert life.see(5, 10) == "firing broken"
    assert life.see(0, 10, incomplete=True) == "firing incomplete"
    assert life.see(0, 0, incomplete=True) == "firing incomplete"
    assert life.see(0, 10) == "resolved below"


def test_one_user_posting_again_and_again_is_not_an_incident() -> None:
    rule = _rule(min_users=3, for_s=0)
    life = _Timeline(rule)
    assert not wants_users(Observation("all", T0, 1, 10), rule)  # not broken: nobody is asked
    assert wants_users(Observation("all", T0, 5, 10), rule)
    with pytest.raises(ValueError, match="users were not asked"):
        life.see(5, 10)
    assert life.see(5, 10, users=1) == "-"
    assert life.see(5, 10, users=3) == "firing broken"
    assert life.see(5, 10, users=2) == "firing too_few_users"
    assert life.see(0, 10) == "resolved below"


def test_resolved_is_shown_for_an_hour() -> None:
    life = _Timeline(_rule(for_s=0))
    life.see(5, 10)
    life.see(0, 10)
    assert life.status is not None
    since_ms = life.status.since_ms
    for _ in range(359):
        assert life.see(0, 10) == "resolved below"
    assert life.status.since_ms == since_ms
    assert life.see(0, 10) == "inactive below"
    assert life.status.forgotten


def test_an_alert_whose_rule_was_removed_ends() -> None:
    life = _Timeline(_rule(for_s=0))
    life.see(5, 10)
    assert life.status is not None
    status, transition = alerts.end_removed(life.status, life.at_ms)
    assert transition == (AlertState.FIRING, AlertState.RESOLVED, AlertReason.RULE_REMOVED)
    assert status is not None
    assert status.sequence > life.status.sequence
    pending = _Timeline(_rule())
    pending.see(5, 10)
    assert pending.status is not None
    status, transition = alerts.end_removed(pending.status, pending.at_ms)
    assert transition == (AlertState.PENDING, AlertState.RESOLVED, AlertReason.RULE_REMOVED)


def test_an_alert_id_is_never_reused_after_a_lost_store() -> None:
    """An id is fingerprint and boundary, so that a lost store reuses none."""
    life = _Timeline(_rule(for_s=0))
    life.see(5, 10)
    life.see(0, 10)
    assert life.sequences == [T0 // S, T0 // S + 10]
    assert life.status is not None
    event = statuses.alert_event(life.status, life.transitions[-1], "7-abc", None)
    assert event.id == f"{statuses.fingerprint('r', 'all')}-{T0 // S + 10}"
    assert len(event.fingerprint) == 16
    assert (event.previous, event.state, event.resent) == (AlertState.FIRING, AlertState.RESOLVED, False)
    again = statuses.alert_event(life.status, None, "7-abc", "s1")
    assert (again.id, again.previous, again.resent, again.silenced_by) == (event.id, AlertState.RESOLVED, True, "s1")


def test_observe_gives_scopes_with_hits_and_those_with_an_alert() -> None:
    """Scopes with hits are of the rule's kinds."""
    sums = {"label.toxicity": {"all": 3, "tenant=b": 2, "tenant:other": 1}, "scored": {"all": 9, "tenant=a": 4}}
    measure = find_measure("label.toxicity", ["toxicity"], [])
    assert measure is not None
    observations = [
        (o.scope, o.hits, o.total) for o in alerts.observe(_rule(by=["tenant"]), measure, sums, {"tenant=a"}, T0)
    ]
    assert observations == [("tenant:other", 1, 0), ("tenant=a", 0, 4), ("tenant=b", 2, 0)]


SEEN = st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans()).map(
    lambda seen: (min(seen[0], seen[1]), seen[1], seen[2])
)


@given(st.lists(SEEN, max_size=60), st.sampled_from([0, 10, 20, 35]), st.sampled_from(["share", "count"]))
def test_life(seen: list[tuple[int, int, bool]], for_s: int, kind: str) -> None:
    rule = _rule(for_s=for_s, kind=kind, above=0.5 if kind == "share" else 8, resolve_below=None)
    life, broken_since, allowed = (
        _Timeline(rule),
        None,
        {
            AlertState.INACTIVE: {AlertState.PENDING, AlertState.FIRING},
            AlertState.PENDING: {AlertState.FIRING, AlertState.RESOLVED},
            AlertState.FIRING: {AlertState.RESOLVED},
            AlertState.RESOLVED: {AlertState.PENDING, AlertState.FIRING},
        },
    )
    for hits, total, incomplete in seen:
        before, at_ms = len(life.transitions), life.at_ms
        life.see(hits, total, incomplete=incomplete)
        if not incomplete:
            broken = hits / total > 0.5 if kind == "share" and total >= 10 else kind == "count" and hits > 8
            broken_since = (broken_since if broken_since is not None else at_ms) if broken else None
        assert len(life.transitions) - before <= 1
        for previous, state, _ in life.transitions[before:]:
            assert state in allowed[previous]
            assert not incomplete
            if state is AlertState.FIRING:  # never before for_s
                assert broken_since is not None
                assert at_ms - broken_since >= for_s * S
        if life.status is not None:
            assert AlertStatus.model_validate_json(life.status.model_dump_json()) == life.status
    assert len(set(life.sequences)) == len(life.sequences)
    assert life.sequences == sorted(life.sequences)
    was = life.status and life.status.state
    for _ in range(4):  # a window and one boundary of little, or of nothing
        life.see(0, 20)
    if was is AlertState.FIRING:
        assert life.transitions[-1].state is AlertState.RESOLVED
    assert life.status is None or life.status.state in (AlertState.INACTIVE, AlertState.RESOLVED)


def _silence(**fields: object) -> Silence:
    return Silence.model_validate(
        {"id": "s1", "author": "ops", "reason": "known", "at_ms": 10, "until_ms": 20} | fields
    )


@pytest.mark.parametrize(
    ("silences", "now_ms", "expected"),
    [
        ([_silence()], 9, None),
        ([_silence()], 10, "s1"),
        ([_silence()], 20, None),  # [at_ms, until_ms)
        ([_silence(rule="r", scope="all")], 15, "s1"),
        ([_silence(rule="other")], 15, None),
        ([_silence(scope="tenant=a")], 15, None),
        ([_silence(), _silence(at_ms=12, until_ms=12)], 15, None),  # taken back
        ([_silence(id="s2"), _silence()], 15, "s1"),
    ],
)
def test_silenced_by(silences: list[Silence], now_ms: int, expected: str | None) -> None:
    assert silenced_by(silences, "r", "all", now_ms) == expected


def test_what_is_sent_and_queued_is_kept_with_the_status() -> None:
    life = _Timeline(_rule(for_s=0))
    life.see(5, 10)
    assert life.status is not None
    alert = statuses.alert_event(life.status, life.transitions[-1], "7-abc", None)
    queued = statuses.with_unpublished(life.status, alert)
    assert queued.unpublished == (alert,)
    stored = {queued.fingerprint: queued.model_dump_json(), statuses.RULER_KEY: "{}"}
    assert statuses.parse_statuses(stored) == {queued.fingerprint: queued}
    assert statuses.acknowledged(queued, 77) == life.status.model_copy(update={"last_sent_ms": 77})
