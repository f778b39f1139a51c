"""What the dashboard makes of the topics' records, and that its picture fits a terminal of 80 columns."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tidegate.streams.demo.account import Account
from tidegate.streams.demo.dashboard import Dashboard, Event
from tidegate.streams.demo.run import POLICY_FILE, DemoResult
from tidegate.streams.demo.summary import summary
from tidegate.streams.demo.traffic import describe_phase
from tidegate.streams.demo.view import WIDTH, Now, StyledLine, format_transition, rules, screen, status_line
from tidegate.streams.policy_log.file import read_policy

POLICY = read_policy(POLICY_FILE)
BUSIEST = max((describe_phase(at_s) for at_s in range(60)), key=len)
NOW = Now(20.0, 60.0, 1_234, 168, 56, BUSIEST, 1_000_000)


def decision(offset: int, action: str = "allow", label: str | None = None, **more: Any) -> Event:
    reason = {"label": label, "action": action, "score": 0.987, "threshold": 0.98, "scope": "default"}
    return {
        "id": f"//pixel-arena/search#c{offset:04}",
        "source": {"topic": "completions", "partition": 0, "offset": offset},
        "epoch": 1,
        "action": action,
        "fault": None,
        "reasons": [reason] if label else [],
        "scopes": {"tenant": "pixel-arena", "model": "wren-mini", "route": "search"},
        "user": "ab12",
        **more,
    }


def rate(scope: str, measure: str, hits: int, total: int = 80) -> Event:
    share = hits / total
    return {"scope": scope, "measure": measure, "window_s": 10, "hits": hits, "total": total, "share": share}


def alert(state: str, previous: str, at_ms: int, *, resent: bool = False, number: int = 1) -> Event:
    return {
        "id": f"f-{state}-{number}", "rule": "producer_failure_rate", "scope": "model=wren-mini",
        "measure": "producer_failed", "window_s": 10, "kind": "share", "above": 0.1, "state": state,
        "previous": previous, "value": 0.456, "at_ms": at_ms, "resent": resent,
    }  # fmt: skip


def dashboard(**topics: list[Event]) -> Dashboard:
    dash = Dashboard()
    for topic, events in topics.items():
        for event in events:
            dash.read(topic, None, json.dumps(event).encode())
    return dash


def width(drawn: StyledLine) -> int:
    return sum(len(text) for text, _ in drawn)


def full() -> Dashboard:
    scopes = {"tenant": ["harbor-shop", "maple-clinic", "pixel-arena"], "model": ["heron-2", "otter-7b", "wren-mini"]}
    dash = dashboard(
        decisions=[decision(n, "block", "identity_attack") for n in range(30)],
        alerts=[alert("firing", "pending", 1_010_000), alert("resolved", "firing", 1_030_000)] * 2,
        rates=[
            rate(f"{kind}={name}", rule.of, 33)
            for rule in POLICY.alerts.values()
            for kind, names in scopes.items()
            for name in names
        ],
    )
    return dash


ACCOUNT = Account(
    by_kafka=11_000, over_http=1_345, decided=12_000, faults=45, dead_letters=300, feedback=1_000, problems=(),
    unanswered=12,
)  # fmt: skip
RESULT = DemoResult(ACCOUNT, full(), 1_000_000, 61.8)


@pytest.mark.parametrize(
    "drawn", [rules(POLICY), screen(Dashboard(), POLICY, NOW, 40), screen(full(), POLICY, NOW, 40), summary(RESULT)]
)
def test_every_line_fits_its_width(drawn: list[StyledLine]) -> None:
    assert ["".join(text for text, _ in status_line) for status_line in drawn if width(status_line) > WIDTH] == []


@pytest.mark.parametrize("height", [24, 30, 39, 60])
@pytest.mark.parametrize("dash", [Dashboard(), full()])
def test_the_picture_is_no_higher_than_the_terminal(dash: Dashboard, height: int) -> None:
    assert len(screen(dash, POLICY, NOW, height)) <= height


def test_a_transition_counts_once_however_often_it_is_published() -> None:
    fired = alert("firing", "pending", 1_010_000)
    again = alert("firing", "firing", 1_015_000, resent=True, number=2)
    dash = dashboard(alerts=[alert("pending", "inactive", 1_007_000), fired, fired, again])
    assert (dash.fired, dash.resolved) == (1, 0)
    dash.read("alerts", None, json.dumps(alert("resolved", "firing", 1_030_000)).encode())
    assert (dash.fired, dash.resolved) == (1, 1)
    assert (dash.incidents[0].fired_ms, dash.incidents[0].resolved_ms) == (1_010_000, 1_030_000)


def test_an_incidents_peak_is_the_highest_rate_while_it_fires() -> None:
    dash = dashboard(alerts=[alert("firing", "pending", 1_010_000)])
    for hits in (40, 60, 20):
        dash.read("rates", None, json.dumps(rate("model=wren-mini", "producer_failed", hits)).encode())
    dash.read("alerts", None, json.dumps(alert("resolved", "firing", 1_030_000)).encode())
    dash.read("rates", None, json.dumps(rate("model=wren-mini", "producer_failed", 79)).encode())
    assert dash.incidents[0].peak == 60 / 80


def test_a_tombstone_removes_its_rate() -> None:
    dash = dashboard(rates=[rate("all", "fault", 0)])
    dash.read("rates", b"all|fault|10", None)
    assert dash.rates == {}


def test_faults_and_dead_letters_are_outcomes_of_their_own() -> None:
    dead = {"source": {"topic": "completions", "partition": 0, "offset": 3}, "epoch": 1, "reason": "not_json"}
    elsewhere = {**dead, "source": {"topic": "feedback", "partition": 0, "offset": 3}}
    again = {**dead, "source": {"topic": "completions", "partition": 0, "offset": 4}, "reason": "redriven"}
    dash = dashboard(
        decisions=[decision(1), decision(2, fault="classifier_error")], **{"dead-letters": [dead, elsewhere, again]}
    )
    assert {str(position): [o.kind for o in found] for position, found in dash.outcomes.items()} == {
        "completions[0]@1": ["decided"], "completions[0]@2": ["faults"],
        "completions[0]@3": ["dead_letters"], "completions[0]@4": ["redriven"],
    }  # fmt: skip


def test_outcomes_of_both_doors_are_apart_and_have_their_ids() -> None:
    over_http = decision(1, id="http-1", source={"topic": "moderations", "partition": 0, "offset": 1})
    dash = dashboard(decisions=[decision(1), over_http])
    assert {str(position): [o.id for o in found] for position, found in dash.outcomes.items()} == {
        "completions[0]@1": ["//pixel-arena/search#c0001"], "moderations[0]@1": ["http-1"],
    }  # fmt: skip
    assert dash.decided == 2


def test_plain_lines_hold_the_same_figures() -> None:
    dash = full()
    assert status_line(dash, NOW) == (
        " 20 s  sent 1,234 by Kafka, 168 over HTTP  decided 30  faults 0  dead letters 0  firing: none"
    )
    assert format_transition(alert("firing", "pending", 0), NOW) == (
        " 20 s  alert firing: producer_failure_rate model=wren-mini, 45.6% (above 10%)"
    )


def test_the_json_result_and_its_problems() -> None:
    assert list(RESULT.to_dict().values()) == [12_345, 11_000, 1_345, 12, 12_000, 45, 300, 0, 1, 1, 61.8]
    assert RESULT.problems == []
    result = DemoResult(ACCOUNT, Dashboard(), 0, 1.0)
    assert result.problems == ["0 alerts fired and none resolved; expected one at least"]
