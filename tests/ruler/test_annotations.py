"""What a rule says to people and pagers, changed while its alert fires: its next event has it; nothing else changes.

Buckets are 10 s, the rule's window 30 s, grace 2 s, resend_s 60: an alert sent at 12 s is sent again at 72 s.
"""

from __future__ import annotations

import pytest

from tests.ruler.test_ruler import T0, RulerRig, S, _live
from tests.ruler.test_ruler_lost import LosingRig
from tidegate.streams.core.alerts.status import parse_statuses

ANNOTATIONS = {
    "severity": "critical",
    "labels": {"team": "safety"},
    "summary": "too much of it",
    "runbook": "https://wiki.example.org/toxicity",
    "owner": "trust and safety",
}
PLAIN = {"severity": "warning", "labels": {}, "summary": None, "runbook": None, "owner": None}


def _annotations(event: dict[str, object]) -> dict[str, object]:
    return {name: event[name] for name in ANNOTATIONS}


async def _firing() -> RulerRig:
    rig = RulerRig()
    await rig.own()
    await rig.count(T0, 5, 10)
    await rig.to(12)
    assert rig.alerts == ["10 firing broken"]
    assert _annotations(rig.events("alerts")[0]) == PLAIN
    return rig


async def test_new_annotations_come_with_the_next_event() -> None:
    #   sent     policy 1            sent again
    #   12       20                  72             the same id and fingerprint, no transition
    rig = await _firing()
    await rig.to(20)
    rig.live = _live("1-test", **ANNOTATIONS)
    for second in range(20, 80, 10):
        await rig.count(T0 + second * S, 5, 10)
        await rig.to(second + 10)
    first, again = rig.events("alerts")
    assert rig.alerts == ["10 firing broken", "70 firing broken again"]
    assert (again["id"], again["fingerprint"]) == (first["id"], first["fingerprint"])
    assert (again["policy_version"], _annotations(again)) == ("1-test", ANNOTATIONS)
    (stored,) = parse_statuses(await rig.store.alerts()).values()
    assert {name: getattr(stored, name) for name in ANNOTATIONS} == ANNOTATIONS


async def test_a_backlog_holds_no_new_annotations_back() -> None:
    """Nothing is evaluated while a partition has no owner: the state sent again has them all the same."""
    rig = await _firing()
    rig.epochs.clear()  # no owner sends a heartbeat any more
    await rig.to(40)
    rig.live = _live("1-test", **ANNOTATIONS, above=0.9)
    await rig.to(75)
    _, again = rig.events("alerts")
    assert rig.alerts[1].endswith("firing incomplete again")
    assert _annotations(again) == ANNOTATIONS
    assert again["above"] == 0.1  # as the value beside it was compared


async def test_a_resolution_has_the_annotations_of_the_live_rule() -> None:
    rig = await _firing()
    rig.live = _live("1-test", **ANNOTATIONS)
    await rig.count(T0 + 12 * S, 0, 190)
    await rig.to(22)
    assert rig.alerts == ["10 firing broken", "20 resolved below"]
    assert _annotations(rig.events("alerts")[1]) == ANNOTATIONS


@pytest.mark.parametrize("annotations", [ANNOTATIONS, PLAIN])
async def test_a_lost_store_gets_the_annotations_back(annotations: dict[str, object]) -> None:
    """From the last event on `alerts`, as a rebuild reads it, before anything is evaluated."""
    rig = LosingRig()
    rig.live = _live(for_s=10, **annotations)
    await rig.fire()
    rig.empty_store()
    (restored,) = await rig.published_alerts(None)
    assert {name: getattr(restored, name) for name in annotations} == annotations
    await rig.to(25)
    assert rig.alerts == ["10 pending broken", "20 firing held"]
    (stored,) = parse_statuses(await rig.store.alerts()).values()
    assert stored.model_copy(update={"last_sent_ms": 0}) == restored.model_copy(update={"last_sent_ms": 0})
