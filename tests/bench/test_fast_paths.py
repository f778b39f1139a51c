"""What is done by hand on the hot path is what the slow way gives."""

from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import generate_latest
from pydantic_core import to_json

from tidegate.streams.core.events import Action, Decision, Reason, Scopes, Source
from tidegate.streams.core.fields import unchecked
from tidegate.streams.metrics import FastHistograms

BOUNDS = (0.01, 0.5, 1)


@given(st.lists(st.tuples(st.sampled_from(["toxicity", "insult"]), st.floats(0, 2))))
def test_a_fast_histogram_equals_prometheus_own(values: list[tuple[str, float]]) -> None:
    plain, ours = CollectorRegistry(), CollectorRegistry()
    histogram = Histogram("score", "Scores.", ["label"], buckets=BOUNDS, registry=plain)
    tallies = FastHistograms("score", "Scores.", BOUNDS, "label")
    ours.register(tallies)
    for label, value in values:
        histogram.labels(label).observe(value)
        tallies.of(label).add(value)
    assert published(ours) == published(plain)


def published(registry: CollectorRegistry) -> list[str]:
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


def test_a_known_event_is_the_one_that_validation_makes() -> None:
    slow = Decision(
        id="c1",
        source=Source(topic="completions", partition=3, offset=88),
        epoch=7,
        action=Action.FLAG,
        reasons=(Reason(label="toxicity", action=Action.FLAG, score=0.6, threshold=0.5, scope="default"),),
        scores={"toxicity": 0.6},
        scopes=Scopes(tenant="acme"),
        record_ms=5,
        at_ms=5,
        policy_version="0-abc",
        model_version="m@1",
    )
    fast = unchecked(Decision, {name: getattr(slow, name) for name in Decision.model_fields})
    assert fast == slow
    assert fast.model_fields_set >= slow.model_fields_set
    assert to_json(fast) == to_json(slow)
    assert Decision.model_validate_json(to_json(fast)) == slow
    assert fast.model_copy(update={"epoch": 8}) == slow.model_copy(update={"epoch": 8})
    assert copy.deepcopy(fast) == slow
    assert hash(fast.source) == hash(slow.source)
