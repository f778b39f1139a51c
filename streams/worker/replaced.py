"""Says whose times were replaced, or read in another unit: a counter by tenant, and one warning a minute.

A time that is replaced moves a completion to another bucket, and a producer that sends such times is not told by its
counts. Tenants are bounded: beside the live names, and at most `limit` of them ever, they count as `other`.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable

from tidegate.streams.core.events import UNKNOWN, DeadLetter, Decision, EventTime, TimeSource
from tidegate.streams.core.rates.aggregate import ReceivedFeedback
from tidegate.streams.core.times import NO_TIME, Arrival
from tidegate.streams.store.scope_limiter import ScopeLimiter

log = logging.getLogger(__name__)

SAY_AGAIN_S = 60.0
OTHER = "other"
_AS_GIVEN = (EventTime.ON_TIME, EventTime.TOO_LATE)  # Python 3.11 looks a member up at the price of a function call
_PRODUCER, _RECORD = "producer", "record"
_SAID = {
    (_PRODUCER, "none"): "producer's time is no time",
    (_PRODUCER, "past"): "producer's time long past",
    (_PRODUCER, "future"): "producer's time ahead",
    (_RECORD, "unit"): "record timestamp not in milliseconds",
    (_RECORD, "none"): "record without a timestamp",
    (_RECORD, "past"): "record timestamp long past",
    (_RECORD, "future"): "record timestamp ahead",
}


class ReplacedTimes:
    """One worker's, for all its topics."""

    def __init__(
        self, count: Callable[[str, str, str, int], None], limit: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """count: of a tenant, whose times, why they were replaced, and how many: `Metrics.times_replaced`."""
        self._count, self._limit, self._clock = count, limit, clock
        self._labels: set[str] = set()  # tenants that have a label of their own: a label is for ever
        self._since: Counter[tuple[str, str]] = Counter()  # since the last warning
        self._tenants: set[str] = set()
        self._first = ""
        self._said_at = float("-inf")

    def note(self, results: Iterable[Decision | ReceivedFeedback | DeadLetter], names: ScopeLimiter) -> None:
        """Counts the times that were replaced among results that were published and counted."""
        found: Counter[tuple[str, str, str]] = Counter()
        for result in results:
            if isinstance(result, DeadLetter) or _plain(result):
                continue
            kinds = _decided(result) if isinstance(result, Decision) else _heard(result)
            if kinds:
                tenant = result.scopes.tenant if isinstance(result, Decision) else result.feedback.tenant or UNKNOWN
                label = self._label(tenant, names)
                found.update((label, *kind) for kind in kinds)
                self._first = self._first or f"{result.source}, record timestamp {result.record_ms}"
        for (tenant, whose, why), n in found.items():
            self._count(tenant, whose, why, n)
            self._since[whose, why] += n
            self._tenants.add(tenant)
        if self._since:  # also of the minute before, with the next span of whatever times
            self._say()

    def _label(self, tenant: str, names: ScopeLimiter) -> str:
        if tenant not in self._labels:
            if len(self._labels) >= self._limit or not names.admitted("tenant", tenant):
                return OTHER
            self._labels.add(tenant)
        return tenant

    def _say(self) -> None:
        now = self._clock()
        if now - self._said_at < SAY_AGAIN_S:
            return
        kinds = ", ".join(f"{_SAID[kind]} {n}" for kind, n in sorted(self._since.items()))
        log.warning(
            "times: %s; of %d tenants, the first %s; expected milliseconds since 1970 near now; "
            "counted under the next best time; tidegate_times_replaced_total says whose",
            kinds, len(self._tenants), self._first,
        )  # fmt: skip
        self._said_at, self._first = now, ""
        self._since.clear()
        self._tenants.clear()


def _plain(result: Decision | ReceivedFeedback) -> bool:
    """Whether nothing was replaced, as it is of nearly all: cheap, on the hot path."""
    if isinstance(result, Decision):
        return result.arrived_ms == result.record_ms and result.time in _AS_GIVEN
    return result.arrived.ms == result.record_ms


def _decided(decision: Decision) -> list[tuple[str, str]]:
    kinds = []
    if decision.time is EventTime.FUTURE:
        kinds.append((_PRODUCER, "future"))
    elif decision.time is EventTime.REPLACED:
        kinds.append((_PRODUCER, "none" if decision.event_ms == NO_TIME else "past"))
    if decision.arrived_ms is not None and decision.arrived_by is not None:
        kinds += _of_record(decision.record_ms, Arrival(decision.arrived_ms, decision.arrived_by))
    return kinds


def _heard(heard: ReceivedFeedback) -> list[tuple[str, str]]:
    return _of_record(heard.record_ms, heard.arrived)


def _of_record(record_ms: int, arrived: Arrival) -> list[tuple[str, str]]:
    if arrived.ms == record_ms:
        return []
    if arrived.by is not TimeSource.WORKER:
        return [(_RECORD, "unit")]
    if record_ms <= 0:
        return [(_RECORD, "none")]
    return [(_RECORD, "past" if record_ms < arrived.ms else "future")]
