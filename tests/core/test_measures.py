"""The kinds of measure: what each is computed from, and which of them a rule may ask for."""

from __future__ import annotations

from typing import get_args

import pytest

from tidegate.streams.core.alerts.facts import AlertFacts
from tidegate.streams.core.measures import (
    CountMeasure,
    Measure,
    MeasureKind,
    ShareMeasure,
    StatisticMeasure,
    find_measure,
    of_kind,
    shadow_measure,
)
from tidegate.streams.core.policy.tables import AlertRule

FAULTS = ShareMeasure("fault", "fault", ("scored", "fault"))


def test_each_kind_of_measure_has_a_name_of_its_own() -> None:
    """A rule may ask for those of `MeasureKind`; a statistic has its place, and no rule yet."""
    kinds = [measure.kind for measure in get_args(Measure)]
    assert kinds == ["share", "count", "statistic"]
    assert get_args(MeasureKind) == ("share", "count")
    for model in (AlertRule, AlertFacts):
        assert model.model_fields["kind"].annotation == MeasureKind


@pytest.mark.parametrize(("kind", "expected"), [("share", ShareMeasure), ("count", CountMeasure)])
def test_a_kind_reads_the_same_counters(kind: str, expected: type[ShareMeasure | CountMeasure]) -> None:
    found = find_measure("fault", [], [])
    assert found == FAULTS
    measure = of_kind(FAULTS, kind)
    assert (type(measure), measure.kind) == (expected, kind)
    assert measure.counters == FAULTS.counters == ("fault", "scored", "fault")
    would = shadow_measure(measure, "9-b")
    assert (type(would), would.name, would.hits) == (expected, "would.fault", "would.9-b.fault")


@pytest.mark.parametrize("kind", ["statistic", "sum", ""])
def test_an_unknown_kind_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=f"fault: unknown kind '{kind}'; expected one of share, count"):
        of_kind(FAULTS, kind)


def test_a_statistic_is_made_of_counters_and_has_no_hits() -> None:
    drift = StatisticMeasure("drift.toxicity", ("score.toxicity.0", "score.toxicity.1"))
    assert (drift.kind, drift.counters) == ("statistic", ("score.toxicity.0", "score.toxicity.1"))
    assert not hasattr(drift, "hits")
