"""Sends the traffic by both doors, each record at its time, and stores what was acknowledged and answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from tidegate.streams.demo.account import Position, Sent
from tidegate.streams.demo.http_client import HttpClient
from tidegate.streams.demo.traffic import TrafficRecord, about_decision
from tidegate.streams.kafka.writing import producer
from tidegate.streams.settings.settings import Settings


class Sender:
    """Producers on Kafka, and a client of `serve`."""

    def __init__(self, settings: Settings, client: HttpClient) -> None:
        self._settings, self._client = settings, client
        self.acknowledged: set[Position] = set()  # on `completions`
        self.feedback = 0  # acknowledged
        self._asking: dict[str, asyncio.Task[str | None]] = {}  # answer -> the id of its decision

    @property
    def answered(self) -> int:
        """Texts that were answered over HTTP."""
        return len(self._client.answered)

    def sent(self, moderations: Iterable[Position]) -> Sent:
        """Returns what went in. moderations: the positions that `serve` wrote, as read from its topic."""
        client = self._client
        positions = self.acknowledged.union(moderations)
        return Sent(positions, tuple(client.answered), client.not_200, client.given_up, self.feedback)

    async def send(self, records: Iterable[TrafficRecord], began: float) -> None:
        """Returns once all is acknowledged and answered. began: when the first is due, by the monotonic clock."""
        async with producer(self._settings) as plain, producer(self._settings, compression="lz4") as packing:
            sending = []
            for one in records:
                await asyncio.sleep(max(0.0, began + one.at_s - time.monotonic()))
                if one.topic == "moderations":
                    asking = asyncio.to_thread(self._client.ask, one.value or b"")
                    self._asking[one.asked_about] = asyncio.create_task(asking)
                else:
                    sending.append(asyncio.create_task(self._send_one(packing if one.lz4 else plain, one)))
            await asyncio.gather(*sending, *self._asking.values())

    async def _send_one(self, out: Any, one: TrafficRecord) -> None:
        if one.asked_about:
            id = await self._asking[one.asked_about]
            if id is None:
                return  # it was never answered: nobody saw it
            one = about_decision(one, id)
        position = await out.send_and_wait(one.topic, one.value, key=one.key, headers=list(one.headers))
        if one.topic == "feedback":
            self.feedback += 1
        else:
            self.acknowledged.add(Position(position.topic, position.partition, position.offset))
