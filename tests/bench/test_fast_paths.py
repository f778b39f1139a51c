"""What is done by hand on the hot path is what the slow way gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import generate_latest

from streams.metrics import Tallies

BOUNDS = (0.01, 0.5, 1)


@given(st.lists(st.tuples(st.sampled_from(["toxicity", "insult"]), st.floats(0, 2))))
def test_a_tally_says_what_a_histogram_says(values: list[tuple[str, float]]) -> None:
    plain, ours = CollectorRegistry(), CollectorRegistry()
    histogram = Histogram("score", "Scores.", ["label"], buckets=BOUNDS, registry=plain)
    tallies = Tallies("score", "Scores.", BOUNDS, "label")
    ours.register(tallies)
    for label, value in values:
        histogram.labels(label).observe(value)
        tallies.of(label).add(value)
    assert said(ours) == said(plain)


def said(registry: CollectorRegistry) -> list[str]:
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]
