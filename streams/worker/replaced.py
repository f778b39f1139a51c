"""Counts times that were replaced or read in another unit: a metric by tenant, and one warning a minute.

A replaced time moves a completion to another bucket, and the counts do not show it to the producer. Tenants are
bounded: only live names get a label, at most `limit` of them ever; all others count as `other`.
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

WARN_AGAIN_S = 60.0
OTHER = "other"
_AS_GIVEN = (EventTime.ON_TIME, EventTime.TOO_LATE)  # Python 3.11 looks a member up at the price of a function call
_PRODUCER, _RECORD = "producer", "record"
_DESCRIPTION = {
    (_PRODUCER, "none"): "producer's time is no time",
    (_PRODUCER, "past"): "producer's time long past",
    (_PRODUCER, "future"): "producer's time ahead",
    (_RECORD, "unit"): "record timestamp not in milliseconds",
    (_RECORD, "none"): "record without a timestamp",
    (_RECORD, "past"): "record timestamp long past",
    (_RECORD, "future"): "record timestamp ahead",
}


class ReplacedTimes:
    """Counts the replaced times of one worker, over all its topics."""

    def __init__(
        self, count: Callable[[str, str, str, int], None], limit: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """count: `Metrics.count_times_replaced`: a tenant, whose times, why they were replaced, how many."""
        self._count, self._limit, self._clock = count, limit, clock
        self._labels: set[str] = set()  # tenants that have a label of their own: a label is never removed
        self._since: Counter[tuple[str, str]] = Counter()  # since the last warning
        self._tenants: set[str] = set()
        self._first = ""
        self._warned_at = float("-inf")

    def count(self, results: Iterable[Decision | ReceivedFeedback | DeadLetter], names: ScopeLimiter) -> None:
        """Counts the times that were replaced among results that were published and counted."""
        replaced: Counter[tuple[str, str, str]] = Counter()
        for result in results:
            if isinstance(result, DeadLetter) or _plain(result):
                continue
            kinds = _kinds_of_decision(result) if isinstance(result, Decision) else _kinds_of_feedback(result)
            if kinds:
                tenant = result.scopes.tenant if isinstance(result, Decision) else result.feedback.tenant or UNKNOWN
                label = self._label(tenant, names)
                replaced.update((label, *kind) for kind in kinds)
                self._first = self._first or f"{result.source}, record timestamp {result.record_ms}"
        for (tenant, whose, why), n in replaced.items():
            self._count(tenant, whose, why, n)
            self._since[whose, why] += n
            self._tenants.add(tenant)
        if self._since:  # also those of the minute before, with the next record range
            self._warn()

    def _label(self, tenant: str, names: ScopeLimiter) -> str:
        if tenant not in self._labels:
            if len(self._labels) >= self._limit or not names.admitted("tenant", tenant):
                return OTHER
            self._labels.add(tenant)
        return tenant

    def _warn(self) -> None:
        now = self._clock()
        if now - self._warned_at < WARN_AGAIN_S:
            return
        kinds = ", ".join(f"{_DESCRIPTION[kind]} {n}" for kind, n in sorted(self._since.items()))
        log.warning(
            "times: %s; of %d tenants, the first %s; expected milliseconds since 1970 near now; "
            "counted under the next best time; tidegate_times_replaced_total says whose",
            kinds, len(self._tenants), self._first,
        )  # fmt: skip
        self._warned_at, self._first = now, ""
        self._since.clear()
        self._tenants.clear()


def _plain(result: Decision | ReceivedFeedback) -> bool:
    """Whether nothing was replaced, as for nearly all results: cheap, on the hot path."""
    if isinstance(result, Decision):
        return result.arrived_ms == result.record_ms and result.time in _AS_GIVEN
    return result.arrived.ms == result.record_ms


def _kinds_of_decision(decision: Decision) -> list[tuple[str, str]]:
    kinds = []
    if decision.time is EventTime.FUTURE:
        kinds.append((_PRODUCER, "future"))
    elif decision.time is EventTime.REPLACED:
        kinds.append((_PRODUCER, "none" if decision.event_ms == NO_TIME else "past"))
    if decision.arrived_ms is not None and decision.arrived_by is not None:
        kinds += _of_record(decision.record_ms, Arrival(decision.arrived_ms, decision.arrived_by))
    return kinds


def _kinds_of_feedback(received: ReceivedFeedback) -> list[tuple[str, str]]:
    return _of_record(received.record_ms, received.arrived)


def _of_record(record_ms: int, arrived: Arrival) -> list[tuple[str, str]]:
    if arrived.ms == record_ms:
        return []
    if arrived.by is not TimeSource.WORKER:
        return [(_RECORD, "unit")]
    if record_ms <= 0:
        return [(_RECORD, "none")]
    return [(_RECORD, "past" if record_ms < arrived.ms else "future")]
