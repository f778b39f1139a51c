"""The policies that were live at each offset of the `policies` log, as far back as one process has folded it. Pure."""

from __future__ import annotations

from bisect import bisect_right

from tidegate.streams.core.policy.resolved import LivePolicy

MOST = 1000  # changes of the policy or its shadow: some MB


class PastPolicies:
    """What was live, with its shadow, from which offset on; the oldest are dropped beyond MOST."""

    def __init__(self) -> None:
        self._from: list[int] = []
        self._live: list[LivePolicy | None] = []
        self.next = 0  # the log is folded up to here, exclusive

    def begin(self, at: int, live: LivePolicy | None) -> None:
        """Starts with the state that a fold begins with; what was known of a log before is forgotten."""
        self._from, self._live, self.next = [at], [live], at

    def add(self, next_: int, live: LivePolicy | None) -> None:
        """Takes the state of the log up to `next_`, exclusive, which is the next one or the same again."""
        if not self._live or live is not self._live[-1]:
            self._from.append(next_)
            self._live.append(live)
            del self._from[:-MOST], self._live[:-MOST]
        self.next = next_

    def fold(self, offset: int, before: LivePolicy | None, next_: int, live: LivePolicy | None) -> None:
        """Takes the state after the record at an offset. before: the state before it, where the fold begins there."""
        if offset != self.next:  # the fold began, or began again
            self.begin(offset, before)
        self.add(next_, live)

    def at(self, next_: int) -> LivePolicy | None:
        """Returns what was live after the records before `next_`; None where that is not known, or nothing was."""
        place = bisect_right(self._from, next_) - 1
        return self._live[place] if place >= 0 else None

    def since(self, version: str, shadow: str | None) -> int:
        """Returns after which offset, exclusive, that policy was live beside that shadow (None: beside none).

        0 where it never was, as far as is known.
        """
        for next_, live in zip(reversed(self._from), reversed(self._live), strict=True):
            if live and live.version == version and (live.shadow.version if live.shadow else None) == shadow:
                return next_
        return 0
