"""How far behind a part is, by what the broker last said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

import streams.ingest
from streams.batch import Limits
from streams.fence import Belief, Owned
from streams.ingest import SAID_MS, Ingest
from streams.store import Part

PART = Part("completions", 0)
NOW_MS = 1_000_000_000_000


#  applied  high-water mark  said, ms ago   lag
@pytest.mark.parametrize(
    ("applied", "highwater", "ago_ms", "lag"),
    [
        (10, 10, 50, 0),  # nothing left, as the broker says now
        (10, 10, SAID_MS + 1, -1),  # as it said once: it may hold more by now
        (10, 10, -SAID_MS - 1, -1),  # our clock went back: nobody knows when it said so
        (10, 10, None, -1),
        (10, 25, SAID_MS + 1, 15),  # behind is behind
        (10, None, None, -1),
    ],
)
def test_nothing_left_to_read_is_believed_while_the_broker_says_so(
    monkeypatch: pytest.MonkeyPatch, applied: int, highwater: int | None, ago_ms: int | None, lag: int
) -> None:
    monkeypatch.setattr(streams.ingest.time, "time", lambda: NOW_MS / 1000)

    async def never(*_: Any) -> Any:
        raise AssertionError

    ingest = Ingest("nowhere:1", "g", "completions", Limits(), never, never, never)
    ingest._consumer = SimpleNamespace(
        highwater=lambda _: highwater, last_poll_timestamp=lambda _: None if ago_ms is None else NOW_MS - ago_ms
    )
    ingest.owned[PART] = Owned(PART, 7, position=applied, applied=applied, belief=Belief.BELIEVED)
    assert ingest.lags() == {PART: lag}
