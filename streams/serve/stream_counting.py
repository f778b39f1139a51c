"""Counts the texts of streams: each by the one process that owns its stream, whichever process answered the calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from tidegate.streams.kafka.producer import Message
from tidegate.streams.serve.growing import QUIET_S, Call, GrowingTexts, owner_of
from tidegate.streams.serve.siblings import Family, NoAnswer, ask
from tidegate.streams.tasks import Tasks
from tidegate.streams.topics import MODERATIONS

LOOK_S = 1.0  # between two looks for texts that grow no more
OWNER_S = 1.0  # for the owner to take a call; then this process counts it itself

COUNT = "count"  # the question to the owner


class StreamCounting:
    """The streams of one process. put: writes records. merged: called for each call that adds no record.

    family: of several processes; a call goes to its owner before it is answered, so that calls of one stream keep
    their order. Where the owner does not answer, the process that asked counts: once more rather than not at all.
    """

    def __init__(
        self,
        put: Callable[[Sequence[Message]], None],
        merged: Callable[[], None],
        family: Family | None = None,
        quiet_s: float = QUIET_S,
    ) -> None:
        self._put, self._merged, self._family = put, merged, family
        self._texts = GrowingTexts(quiet_s=quiet_s)
        self._tasks = Tasks()
        self._closed = False

    @property
    def growing(self) -> int:
        """Texts that are not counted yet."""
        return len(self._texts)

    def start(self) -> None:
        self._tasks.spawn(self._look())

    async def count(self, call: Call) -> None:
        """Counts one answered call, now or later."""
        family = self._family
        owner = 0 if family is None else owner_of(call.stream, family.processes)
        if family is not None and owner != family.number:
            asked = {
                "stream": call.stream,
                "text": call.text,
                "strength": call.strength,
                "key": (call.message.key or b"").decode(),
                "value": (call.message.value or b"").decode(),
            }
            try:
                await ask(family.socket(owner), COUNT, OWNER_S, **asked)
            except NoAnswer:
                self._take(call)
        else:
            self._take(call)

    async def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Takes a call that another process answered, and that this one counts."""
        message = Message(MODERATIONS, asked["key"].encode(), asked["value"].encode())
        self._take(Call(asked["stream"], asked["text"], asked["strength"], message))
        return {}

    async def stop(self) -> None:
        """Hands on what waits: no call adds to it from now on."""
        self._closed = True
        await self._tasks.finish(within_s=0)
        self._put(self._texts.all())

    def _take(self, call: Call) -> None:
        if self._closed:
            self._put([call.message])
            return
        counted, same = self._texts.add(call, time.monotonic())
        if same:
            self._merged()
        self._put(counted)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self._put(self._texts.quiet(time.monotonic()))
