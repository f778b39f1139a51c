"""Shares, the Wilson bound, and which rates are said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.streams.core.policy.model import Policy, parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.changes import LastPublished, RateKey, window_rates
from tidegate.streams.core.rates.rates import counters_by_window, keep_ms, published_rates, share, wilson_lower
from tidegate.streams.core.rates.windows import Buckets, Window

S = 1000


@pytest.mark.parametrize(
    ("hits", "total", "min_total", "expected"),
    [
        (1, 4, 1, 0.25),
        (0, 4, 4, 0.0),
        (4, 4, 5, None),  # 4 < 5: too few to say
        (0, 0, 0, None),  # a share of nothing
    ],
)
def test_share(hits: int, total: int, min_total: int, expected: float | None) -> None:
    assert share(hits, total, min_total) == expected


@pytest.mark.parametrize(
    ("hits", "total", "confidence", "expected"),
    [
        # z = 1.6449, z² = 2.7055: (0.1 + 2.7055/200 - 1.6449 * sqrt((0.09 + 2.7055/400) / 100)) / (1 + 2.7055/100)
        (10, 100, 0.95, 0.06072),
        (100, 1000, 0.95, 0.08546),  # the same share of more: surer
        (10, 100, 0.6, 0.09266),  # asking for less certainty
        (0, 100, 0.95, 0.0),
        (0, 0, 0.95, 0.0),
    ],
)
def test_wilson_lower(hits: int, total: int, confidence: float, expected: float) -> None:
    assert wilson_lower(hits, total, confidence) == pytest.approx(expected, abs=5e-5)


@given(st.integers(1, 10_000), st.data())
def test_wilson_lower_is_below_the_share_and_grows_with_the_hits(total: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(1, total))
    low = wilson_lower(hits, total, 0.95)
    assert 0 <= low < hits / total
    assert low >= wilson_lower(hits - 1, total, 0.95)


def _policy(**alerts: dict[str, object]) -> Policy:
    return Policy.model_validate(
        {
            "labels": {"toxicity": {}},
            "prompt_labels": {"attack": {}},
            "windows": {"bucket_s": 10, "rate_window_s": 20},
            "alerts": alerts,
        }
    )


def test_every_rate_is_published_once() -> None:
    """Of every label, action, failure and kind of feedback."""
    policy = _policy(
        complaints={"of": "complaint", "kind": "count", "above": 1, "window_s": 600},
        toxic={"of": "label.toxicity", "above": 0.1, "window_s": 20, "min_total": 50},
        toxic_long={"of": "label.toxicity", "above": 0.1, "window_s": 60, "min_total": 50},
    )
    assert {(a.measure.name, a.window_s): a.min_total for a in published_rates(LivePolicy("0-a", policy))} == {
        ("label.toxicity", 20): 1,  # the dashboard's and the rule's: the smaller min_total
        ("label.toxicity", 60): 50,
        ("prompt.attack", 20): 1,
        **{(f"action.{action}", 20): 1 for action in ("allow", "flag", "review", "redact", "block")},
        ("fault", 20): 1,
        ("producer_failed", 20): 1,
        ("satisfaction", 3600): 1,  # no rule: an hour
        ("complaint", 600): 1,
        ("overturned", 3600): 1,
    }
    assert counters_by_window(published_rates(LivePolicy("0-a", policy)))[60] == {"label.toxicity", "scored"}


def test_a_shadows_rates_use_the_live_window_and_end_with_it() -> None:
    """Of a shadow the same rates are published as of the live policy, and they end with the shadow."""
    live = _policy(toxic={"of": "label.toxicity", "above": 0.1, "window_s": 40})
    candidate = Policy.model_validate({
        "labels": {"insult": {}},
        "windows": {"bucket_s": 1, "rate_window_s": 3},
        "alerts": {
            "quiet": {"of": "label.insult", "above": 0.1, "window_s": 50},
            "loud": {"of": "fault", "above": 0.1, "window_s": 55, "min_total": 7, "shadow": True},
            "complaints": {"of": "complaint", "kind": "count", "above": 1, "window_s": 70, "shadow": True},
        },
    })  # fmt: skip
    alone = {(a.measure.name, a.window_s) for a in published_rates(LivePolicy("0-a", live))}
    beside = published_rates(LivePolicy("0-a", live, LivePolicy("9-b", candidate)))
    names = {(a.measure.name, a.window_s) for a in beside}
    assert alone <= names
    assert names - alone == {
        ("would.label.insult", 20),  # its labels, not the live policy's
        *((f"would.action.{action}", 20) for action in ("allow", "flag", "review", "redact", "block")),
        ("would.fault", 20),
        ("would.producer_failed", 20),
        ("would.fault", 60),  # its rule's 55 s, in buckets of 10 s; nothing for the rule that alerts nobody
        ("complaint", 70),  # no policy changes what people say
    }
    fault = next(a for a in beside if (a.measure.name, a.window_s) == ("would.fault", 60))
    assert (fault.measure.hits, fault.measure.total) == ("would.9-b.fault", ("would.9-b.scored", "would.9-b.fault"))
    assert fault.min_total == 7


class _PublishedRates:
    def __init__(self) -> None:
        self.rates = [
            a
            for a in published_rates(LivePolicy("0-a", _policy()))
            if a.measure.name in ("label.toxicity", "action.allow")
        ]
        self.buckets = Buckets({"label.toxicity": 20, "scored": 20, "action.allow": 20})
        self.windows: dict[int, Window] = {20: self.buckets.window(20, ["label.toxicity", "scored", "action.allow"])}
        self.published = LastPublished()

    def put(self, start_s: int, **counts: int) -> None:
        self.buckets.put("p", start_s * S, {f"{k.replace('_', '.')}|all": n for k, n in counts.items()})

    def publish(self, end_s: int, *, incomplete: bool = False, at_most: int = 100) -> dict[str, tuple[int, int] | None]:
        changes = self.published.changes(
            self.rates, self.windows, end_s * S, end_s * S, incomplete=incomplete, at_most=at_most
        )
        return {str(key): None if rate is None else (rate.hits, rate.total) for key, rate in changes}


TOXIC, ALLOW = "all|label.toxicity|20", "all|action.allow|20"


def test_changed_rates_are_published_and_quiet_ones_retracted() -> None:
    """A scope that goes quiet gets a tombstone for each of its rates."""
    #  scored   4     2
    #         [----)[----)[----)[----)
    #          0    10    20    30    40 s
    rig = _PublishedRates()
    rig.put(0, scored=4, action_allow=4)
    assert rig.publish(20) == {TOXIC: (0, 4), ALLOW: (4, 4)}
    assert rig.publish(20) == {}
    rig.put(10, scored=2, action_allow=2)
    assert rig.publish(20) == {ALLOW: (6, 6)}  # still no toxic hits: its share is the 0 it was
    rig.put(10, scored=2, action_allow=1, label_toxicity=1)
    assert rig.publish(20) == {TOXIC: (1, 6), ALLOW: (5, 6)}
    assert rig.publish(30) == {TOXIC: (1, 2), ALLOW: (1, 2)}
    assert rig.publish(40) == {TOXIC: None, ALLOW: None}
    assert rig.publish(50) == {}
    assert rig.published.scopes == set()


def test_all_rates_are_published_again_when_completeness_changes() -> None:
    """When the window becomes incomplete, or complete again."""
    rig = _PublishedRates()
    rig.put(0, scored=4, action_allow=4)
    rig.publish(20)
    assert rig.publish(20, incomplete=True) == {TOXIC: (0, 4), ALLOW: (4, 4)}
    assert rig.publish(20, incomplete=True) == {}
    assert rig.publish(20) == {TOXIC: (0, 4), ALLOW: (4, 4)}


def test_another_workers_rates_are_retracted_where_none_is_left() -> None:
    rig = _PublishedRates()
    rig.published = LastPublished(
        RateKey(scope, of, 20) for scope in ("tenant=gone", "all") for of in ("label.toxicity", "action.allow")
    )
    rig.put(0, scored=4, action_allow=4)
    gone = {"tenant=gone|label.toxicity|20": None, "tenant=gone|action.allow|20": None}
    assert rig.publish(20) == {TOXIC: (0, 4), ALLOW: (4, 4), **gone}
    assert rig.publish(20) == {}


def test_changed_scopes_take_turns_and_all_never_waits() -> None:
    """Where more scopes changed than are published at once."""
    rig = _PublishedRates()
    scopes = [f"tenant={name}" for name in "abc"]
    published: list[set[str]] = []
    for n in (1, 2, 3):
        counts = {f"{counter}|{scope}": n for counter in ("scored", "action.allow") for scope in ("all", *scopes)}
        rig.buckets.put("p", 0, counts)
        published.append({key.split("|")[0] for key in rig.publish(20, at_most=3)})
        assert "all" in published[-1]
        assert len(published[-1]) == 2
    assert set().union(*published) == {"all", *scopes}  # each had its turn
    assert rig.published.waiting == 2
    assert rig.publish(20) != {}
    assert (rig.published.waiting, rig.publish(20)) == (0, {})


def test_rates_that_a_new_policy_drops_are_retracted() -> None:
    rig = _PublishedRates()
    rig.put(0, scored=4, action_allow=4)
    rig.publish(20)
    rig.rates = [a for a in rig.rates if a.measure.name == "action.allow"]
    assert rig.published.tombstones(rig.rates, 10) == [(RateKey("all", "label.toxicity", 20), None)]
    assert rig.published.tombstones(rig.rates, 10) == []


def test_many_rates_are_retracted_in_turns() -> None:
    rig = _PublishedRates()
    rig.published = LastPublished(RateKey(f"tenant=t{n}", "would.label.toxicity", 20) for n in range(5))
    assert [len(rig.published.tombstones(rig.rates, 2)) for _ in range(4)] == [2, 2, 1, 0]
    assert rig.published.scopes == set()


def test_rates_that_left_rebuilt_windows_are_retracted() -> None:
    """What left the windows while they were built again."""
    rig = _PublishedRates()
    rig.put(0, scored=4, action_allow=4)
    rig.publish(20)
    again = _PublishedRates()  # other windows, in which nothing of that scope is left, and so nothing changes
    again.published = rig.published
    assert again.publish(20) == {}
    again.published.recheck_all()
    assert again.publish(20) == {TOXIC: None, ALLOW: None}


def test_window_rates_are_every_rate_of_a_window() -> None:
    rig = _PublishedRates()
    rig.put(0, scored=4, action_allow=3, label_toxicity=1)
    found = window_rates(rig.rates, rig.windows[20].at(20 * S), 20 * S)
    assert [(rate.measure, rate.scope, rate.hits, rate.total, rate.share) for rate in found] == [
        ("label.toxicity", "all", 1, 4, 0.25),
        ("action.allow", "all", 3, 4, 0.75),
    ]


#  written     bucket  window          late or ahead            needed after its last write
KEPT = [
    ({}, (10 + 300) * S + 600 * S),  # late_s 600: longer than 60 s and 5 min ahead
    ({"late_s": 0}, (10 + 300) * S + 360 * S),
    ({"late_s": 0, "future_s": 86_400}, (10 + 300) * S + 86_700 * S),
]


@pytest.mark.parametrize(("windows", "expected"), KEPT)
def test_a_bucket_is_kept_for_the_longest_window_and_lateness(windows: dict[str, int], expected: int) -> None:
    """And for how far ahead of the clock it may be written."""
    live = LivePolicy("7-0123abcd", parse({"labels": {"toxicity": {"block": 0.9}}, "windows": windows}, "p"))
    assert keep_ms(live, feedback=False) == expected
