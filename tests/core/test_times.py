"""What a time can be: by magnitude, then against the clocks; and whose clock a decision is counted under."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Completion, EventTime, Source
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.times import AHEAD_MS, BACK_MS, LATEST_MS, NO_TIME, TimeSource, arrival, parse_time

NOON_MS = 1_767_268_800_000  # 2026-01-01 12:00 UTC
NOW = NOON_MS + 250
DAY_MS = 86_400_000
LIVE = LivePolicy("7-0123abcd", parse({"labels": {"toxicity": {"block": 0.9}}}, "p"))  # late_s 600, future_s 60

READ: list[tuple[Any, int | None]] = [
    (NOON_MS // 1000, NOON_MS),  # seconds
    (NOON_MS / 1000 + 0.25, NOON_MS + 250),
    (NOON_MS, NOON_MS),
    (NOON_MS + 0.75, NOON_MS),
    (NOON_MS * 1000 + 999, NOON_MS),  # microseconds
    (NOON_MS * 1_000_000 + 999_999, NOON_MS),  # nanoseconds
    (1, 1000),  # a second of 1970: no completion's, which the clocks say, not the magnitude
    (0.0004, None),  # under a millisecond of 1970
    (253_402_300_799, 253_402_300_799_000),  # the year 9999, in seconds
    (253_402_300_800, 253_402_300_800),  # a second more is milliseconds: 1978
    (LATEST_MS, LATEST_MS),
    (LATEST_MS + 1, 253_402_300_800),  # microseconds: 1978
    (2**63 - 1, 9_223_372_036_854),  # nanoseconds: 2262
    (LATEST_MS * 1_000_000 + 1, None),  # in no unit
    (10**400, None),
    (0, None),
    (0.0, None),
    (-1, None),  # Kafka's "none"
    (-NOON_MS, None),
    (True, None),
    (float("nan"), None),
    (float("inf"), None),
    (None, None),
    ([], None),
    ({"$date": NOON_MS}, None),
    (str(NOON_MS), NOON_MS),  # a number as text
    (f" {NOON_MS // 1000}.5 ", NOON_MS + 500),
    ("1.7672688e9", NOON_MS),
    ("1.7672688e12", NOON_MS),
    ("1e999", None),
    ("-5", None),
    ("+5", 5000),
    ("9" * 5000, None),
    ("٢٠٢٦", None),
    ("NaN", None),
    ("", None),
    ("now", None),
    ("2026-01-01T12:00:00Z", NOON_MS),
    ("2026-01-01t12:00:00z", NOON_MS),
    ("2026-01-01T12:00:00.123456789Z", NOON_MS + 123),
    ("2026-01-01T12:00:00,5+00:00", NOON_MS + 500),
    ("2026-01-01T13:00:00+0100", NOON_MS),
    ("2026-01-01T13:00:00+01", NOON_MS),
    ("2026-01-01 12:00:00 UTC", NOON_MS),
    ("2026-01-01 12:00", NOON_MS),
    ("2026-01-01T12:00:00", NOON_MS),  # no offset: UTC
    ("20260101T120000Z", NOON_MS),
    ("2026-01-01", None),  # a day is no time
    ("2026-13-01T12:00:00Z", None),
    ("2026-01-01T25:00:00Z", None),
    ("1969-12-31T23:59:59Z", None),
    ("0001-01-01T00:00:00+14:00", None),
    ("9999-12-31T23:59:59.999-14:00", None),  # in UTC the year 10000
    ("9999-12-31T23:59:59Z", 253_402_300_799_000),
    ("2026-01-01T12:00:00Z" + " " * 100, None),  # longer than any time
]


@pytest.mark.parametrize(("raw", "at_ms"), READ, ids=lambda of: repr(of)[:40])
def test_a_time_is_read_by_its_magnitude_or_as_iso_8601(raw: Any, at_ms: int | None) -> None:
    assert parse_time(raw) == at_ms


# --- a record's timestamp, held against the worker's clock
#
#     no record  |<------- BACK_MS -------->| now |<- AHEAD_MS ->|   nobody's clock
#  --------------[--------------------------------------------------]-------------->

ARRIVED = [
    (NOW, NOW, "record"),
    (NOW // 1000, NOW // 1000 * 1000, "record"),  # s
    (NOW * 1000, NOW, "record"),  # µs
    (NOW * 1_000_000, NOW, "record"),  # ns
    (NOW - BACK_MS, NOW - BACK_MS, "record"),
    (NOW - BACK_MS - 1, NOW, "worker"),
    (NOW + AHEAD_MS, NOW + AHEAD_MS, "record"),
    (NOW + AHEAD_MS + 1, NOW, "worker"),
    (0, NOW, "worker"),
    (-1, NOW, "worker"),
    (1, NOW, "worker"),
    (4_102_444_800_000, NOW, "worker"),  # 2100
    (LATEST_MS, NOW, "worker"),
    (2**63 - 1, NOW, "worker"),
    (-(2**63), NOW, "worker"),
]


@pytest.mark.parametrize(("timestamp", "ms", "by"), ARRIVED)
def test_a_record_arrived_by_its_timestamp_or_by_our_clock(timestamp: int, ms: int, by: str) -> None:
    assert arrival(timestamp, False, NOW) == (ms, by)
    assert arrival(timestamp, True, NOW) == (ms, "broker" if by == "record" else by)  # LogAppendTime


# --- which of the three a decision is counted under

#   the producer's time, the record's timestamp -> counted at, by whom, and how the producer's compares
CHOSEN = [
    (None, NOW, NOW, "record", "on_time"),
    (NOW - 5, NOW, NOW - 5, "producer", "on_time"),
    ((NOW - 5) * 1000, NOW, NOW - 5, "producer", "on_time"),  # created in µs
    (NOW // 1000, NOW, NOW - 250, "producer", "on_time"),  # at_ms in s
    (0, NOW, NOW, "record", "replaced"),  # created never set
    ("soon", NOW, NOW, "record", "replaced"),
    (1_677_652_288, NOW, NOW, "record", "replaced"),  # 2023: a sample out of some documentation
    (NOW - DAY_MS, NOW, NOW - DAY_MS, "producer", "too_late"),
    (NOW + DAY_MS, NOW, NOW, "record", "future"),
    ("9999-12-31T23:59:59Z", NOW, NOW, "record", "future"),
    (NOW - 5, NOW * 1000, NOW - 5, "producer", "on_time"),  # a record in µs
    (None, NOW * 1000, NOW, "record", "on_time"),
    (0, NOW * 1000, NOW, "record", "replaced"),
    (None, -1, NOW, "worker", "on_time"),  # nothing says when
    (0, 4_102_444_800_000, NOW, "worker", "replaced"),
    (4_102_444_800, 4_102_444_800_000, NOW, "worker", "future"),  # both of 2100: they agree, and are wrong
]


def inputs(raw: Any, timestamp: int, now_ms: int, *, by_broker: bool = False) -> Inputs:
    completion = Completion.model_validate({"id": "c", "completion": "x"} | ({} if raw is None else {"at_ms": raw}))
    arrived = arrival(timestamp, by_broker, now_ms)
    source = Source(topic="completions", partition=0, offset=7)
    return Inputs(
        "c", source, 1, timestamp, "m", event_ms=completion.at_ms, arrived_ms=arrived.ms, arrived_by=arrived.by
    )  # fmt: skip


@pytest.mark.parametrize(("raw", "timestamp", "at_ms", "by", "time"), CHOSEN)
def test_the_next_best_time_takes_an_impossible_ones_place(
    raw: Any, timestamp: int, at_ms: int, by: str, time: str
) -> None:
    found = decide(inputs(raw, timestamp, NOW), LIVE)
    assert (found.at_ms, found.time_source, found.time) == (at_ms, by, time)
    assert found.record_ms == timestamp  # as it is


RAW = st.one_of(
    st.none(), st.integers(), st.floats(), st.booleans(), st.text(), st.datetimes().map(str), st.lists(st.integers()),
    st.integers(0, 4_000_000_000).flatmap(lambda s: st.sampled_from([s, s * 10**3, s * 10**6, s * 10**9, str(s)])),
)  # fmt: skip
STAMPS = st.integers(-(2**63), 2**63 - 1) | st.integers(NOW // 1000 - 10**9, NOW // 1000 + 10**9).flatmap(
    lambda s: st.sampled_from([s, s * 10**3, s * 10**6, s * 10**9])
)


@given(RAW, STAMPS, st.booleans(), st.integers(NOW, NOW + 10**12))
def test_any_input_gives_a_time_in_bounds_and_its_source(
    raw: Any, timestamp: int, by_broker: bool, now_ms: int
) -> None:
    asked = inputs(raw, timestamp, now_ms, by_broker=by_broker)
    found = decide(asked, LIVE)
    windows = LIVE.policy.windows
    assert found.arrived_ms is not None
    assert now_ms - BACK_MS <= found.arrived_ms <= now_ms + AHEAD_MS
    assert found.arrived_ms - BACK_MS <= found.at_ms <= found.arrived_ms + windows.future_s * 1000
    if found.time is not EventTime.TOO_LATE:
        assert found.at_ms >= found.arrived_ms - windows.late_s * 1000
    own = {TimeSource.PRODUCER: found.event_ms, TimeSource.WORKER: now_ms}
    assert found.at_ms == own.get(found.time_source or TimeSource.RECORD, found.arrived_ms)
    assert (found.arrived_by is TimeSource.BROKER) <= by_broker
    assert (found.event_ms is None) == (raw is None)
    assert found.event_ms == NO_TIME or raw is None or parse_time(raw) == found.event_ms
    # No clock: what was recorded gives the decision again, under this policy, on any machine, at any time.
    assert decide(Inputs.of(found), LIVE) == found
    assert Inputs.of(type(found).model_validate_json(found.model_dump_json())) == Inputs.of(found)


def test_an_older_decision_uses_its_records_timestamp() -> None:
    """A decision from before `arrived_ms` was recorded."""
    source = Source(topic="completions", partition=0, offset=7)
    old = decide(Inputs("c", source, 1, NOW, "m", event_ms=NOW - 5), LIVE)
    assert (old.arrived_ms, old.arrived_by, old.time_source) == (None, None, None)
    assert (old.at_ms, old.time, old.came_ms) == (NOW - 5, EventTime.ON_TIME, NOW)
    assert decide(Inputs.of(old), LIVE) == old
