"""Texts that are asked about again and again while they grow, as LiteLLM asks about a stream: counted once each.

Of the calls about one text the strongest is counted, once none came for QUIET_S. A call is about the same text where it
has the same stream, and what was there before stands unchanged at its beginning; else it is a text of its own.
Of a text its length and a hash are kept. No clock here: `now_s` is an argument.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from tidegate.streams.kafka.producer import Message

QUIET_S = 30.0  # after the last call; a model that pauses for longer makes two texts of one
MOST = 10_000  # texts that grow at once: some 20 MB. Of more, the one that was asked about longest ago is counted


@dataclass(frozen=True, slots=True)
class Call:
    """One answered call. stream: of which text, as `stream_name` returns it. strength: of its action, from 0."""

    stream: str
    text: str
    strength: int
    message: Message


@dataclass(slots=True)
class _Grown:
    length: int
    digest: bytes
    strength: int
    message: Message
    last_s: float


class GrowingTexts:
    """The texts of one process that still may grow."""

    def __init__(self, most: int = MOST, quiet_s: float = QUIET_S) -> None:
        self._most, self._quiet_s = most, quiet_s
        self._texts: OrderedDict[str, _Grown] = OrderedDict()  # the one asked about longest ago first

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, call: Call, now_s: float) -> tuple[list[Message], bool]:
        """Returns what is to be counted now, and whether the call is one more about a text that waits."""
        before = self._texts.pop(call.stream, None)
        grown = _Grown(len(call.text), _digest(call.text), call.strength, call.message, now_s)
        same = before is not None and _begins_with(call.text, before)
        counted: list[Message] = []
        if before is not None and same:
            if before.strength > call.strength:  # of equals the later one: its scores are of more of the text
                grown.strength, grown.message = before.strength, before.message
        elif before is not None:
            counted.append(before.message)
        self._texts[call.stream] = grown
        if len(self._texts) > self._most:
            counted.append(self._texts.popitem(last=False)[1].message)
        return counted, same

    def quiet(self, now_s: float) -> list[Message]:
        """Removes and returns what no call was about for `quiet_s`."""
        return [*self._remove(now_s - self._quiet_s)]

    def all(self) -> list[Message]:
        """Removes and returns everything."""
        return [*self._remove(float("inf"))]

    def _remove(self, until_s: float) -> Iterator[Message]:
        while self._texts and next(iter(self._texts.values())).last_s <= until_s:
            yield self._texts.popitem(last=False)[1].message


def stream_name(tenant: str, call_id: str, choice: int) -> str:
    """Returns the name of one text: a hash of whose it is, the caller's id of its calls, and its place among theirs."""
    return hashlib.blake2b(f"{len(tenant)}:{tenant}{call_id}\0{choice}".encode(), digest_size=16).hexdigest()


def owner_of(stream: str, processes: int) -> int:
    """Returns the number of the process that counts the stream."""
    return int(stream, 16) % processes


def _begins_with(text: str, before: _Grown) -> bool:
    return len(text) >= before.length and _digest(text[: before.length]) == before.digest


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
