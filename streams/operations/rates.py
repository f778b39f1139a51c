"""The current rates, as the compacted topic has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pydantic import ValidationError

from tidegate.streams.core.events import Rate
from tidegate.streams.core.measures import WOULD
from tidegate.streams.kafka.reader import read_all
from tidegate.streams.operations.deployment import Deployment, Note, unheeded
from tidegate.streams.topics import RATES


@dataclass(frozen=True)
class CurrentRates:
    """Every current rate: `all` first, and what a shadow would have done under what was done."""

    rates: list[Rate]

    def matching(self, scope: str | None = None, measure: str | None = None, *, zero: bool = False) -> Sequence[Rate]:
        """Those of a scope and a measure; `*` is any text in both. zero: those without hits too."""
        hit = {_place(rate)[:-1] for rate in self.rates if rate.hits}  # or its shadow's: 0 beside 12 is worth seeing
        return [
            rate
            for rate in self.rates
            if (zero or _place(rate)[:-1] in hit)
            and (scope is None or fnmatchcase(rate.scope, scope))
            and (measure is None or fnmatchcase(rate.measure, measure))
        ]


async def current_rates(deployment: Deployment, note: Note = unheeded) -> CurrentRates:
    """The last rate of every key that was not taken back. Raises BrokerUnavailable, TopicsMissing."""
    last: dict[bytes, bytes | None] = {}
    async for record in read_all(deployment.brokers, RATES):
        last[record.key or b""] = record.value
    found = []
    for value in last.values():
        if value is not None:
            try:
                found.append(Rate.read(value))
            except ValidationError:  # somebody else's record: not ours to show
                note("a record on rates is no rate; left out")
    return CurrentRates(sorted(found, key=_place))


def _place(rate: Rate) -> tuple[bool, str, str, int, bool]:
    """Where it stands: `all` first, and what a shadow would have done under what was done."""
    measure = rate.measure.removeprefix(WOULD)
    return rate.scope != "all", rate.scope, measure, rate.window_s, measure != rate.measure
