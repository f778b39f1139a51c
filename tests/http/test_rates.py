"""A caller's rate: so many a second on average, and when to come again. The clock is moved by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tidegate.streams.http.rates import CallerRate


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_requests_over_the_rate_wait_and_then_pass() -> None:
    clock = Clock()
    rate = CallerRate(2, None, clock)
    assert [rate.take_request() for _ in range(3)] == [0, 0, 500]
    clock.now_s += 0.25
    assert rate.take_request() == 250
    clock.now_s += 0.25
    assert [rate.take_request() for _ in range(2)] == [0, 500]


def test_a_pause_saves_up_no_more_than_a_second() -> None:
    clock = Clock()
    rate = CallerRate(2, None, clock)
    clock.now_s += 3600
    assert [rate.take_request() for _ in range(3)] == [0, 0, 500]


def test_a_slow_rate_takes_one_request() -> None:
    clock = Clock()
    rate = CallerRate(0.1, None, clock)
    assert [rate.take_request() for _ in range(2)] == [0, 10_000]


def test_a_long_text_passes_once_and_is_paid_off() -> None:
    #  250 characters at 100 a second: taken at once; what is left is -150, and for 100 more 2.5 s pass
    clock = Clock()
    rate = CallerRate(None, 100, clock)
    assert rate.take_characters(250) == 0
    assert rate.take_characters(100) == 2500
    clock.now_s += 2.5
    assert rate.take_characters(100) == 0


def test_no_limit_is_no_limit() -> None:
    rate = CallerRate(None, None, Clock())
    assert [rate.take_request() for _ in range(10_000)] == [0] * 10_000
    assert rate.take_characters(10**9) == 0


@given(
    per_s=st.floats(0.5, 1000),
    calls=st.lists(st.tuples(st.floats(0, 3), st.integers(0, 3000)), min_size=1, max_size=40),
)
def test_the_average_is_held_whatever_is_sent(per_s: float, calls: list[tuple[float, int]]) -> None:
    """What was taken before the last cost is within the time that passed and one second; a wait is never too short."""
    clock = Clock()
    rate = CallerRate(None, per_s, clock)
    taken = last = 0
    for pause_s, cost in calls:
        clock.now_s += pause_s
        wait_ms = rate.take_characters(cost)
        if wait_ms:
            clock.now_s += wait_ms / 1000 + 1e-6
            assert rate.take_characters(cost) == 0
        taken, last = taken + cost, cost
        assert taken - last <= (clock.now_s - 100) * per_s + max(1.0, per_s) + 1e-3
