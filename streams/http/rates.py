"""How much a caller may send in a second, in this process: requests, and characters of text."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

BURST_S = 1.0  # what was not used is kept for so long


class TokenBucket:
    """So many a second, on average; at once at most what a second allows.

    A cost over a whole second's is taken where nothing was for a second, and paid off by what comes after it: so that
    no text is too long for every rate, and the average holds.
    """

    def __init__(self, per_s: float) -> None:
        self._per_s, self._most = per_s, max(1.0, per_s * BURST_S)
        self._left, self._at_s = self._most, -math.inf

    def wait_s(self, cost: float, now_s: float) -> float:
        """Returns the seconds until a cost can be taken; 0 where it can be taken now."""
        if now_s > self._at_s:
            self._left = min(self._most, self._left + (now_s - self._at_s) * self._per_s)
            self._at_s = now_s
        return max(0.0, (min(cost, self._most) - self._left) / self._per_s)

    def take(self, cost: float) -> None:
        """Takes a cost for which `wait_s` returned 0."""
        self._left -= cost


class CallerRate:
    """A caller's limits. None is no limit. clock: seconds that only grow."""

    def __init__(
        self,
        requests_per_s: float | None,
        characters_per_s: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = requests_per_s, characters_per_s
        self._requests = None if requests_per_s is None else TokenBucket(requests_per_s)
        self._characters = None if characters_per_s is None else TokenBucket(characters_per_s)
        self._clock = clock

    def take_request(self) -> int:
        """Counts a request. Returns 0, or the ms after which it would be taken: then it is not counted."""
        return self._take(self._requests, 1)

    def take_characters(self, number: int) -> int:
        """Counts the characters of a request, likewise."""
        return self._take(self._characters, number)

    def _take(self, rate: TokenBucket | None, cost: float) -> int:
        if rate is None:
            return 0
        wait_s = rate.wait_s(cost, self._clock())
        if wait_s > 0:
            return math.ceil(wait_s * 1000)
        rate.take(cost)
        return 0
