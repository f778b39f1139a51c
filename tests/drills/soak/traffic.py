"""Sends completions at a rate that can change, each until it is acknowledged, and records the acknowledged offsets."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.drills.fleet import event
from tidegate.streams.demo.texts import FINE, fine

BAD_TENANT = "t0"  # a third of the traffic, and an incident without end
BAD = "You are a worthless idiot."  # blocked by the model that Tidegate carries: 0.99 (README.md)
TEXTS = 5_000  # different ones, generated beforehand: to generate one costs as much as to send it
EVERY_S = 0.05  # between two reads of the clock
CATCH_UP_S = 1.0  # after an outage so many seconds of traffic are sent at once; the rest is dropped


class TrafficProducer:
    """A producer. `acked`: partition -> a byte for each offset, 1 where it was acknowledged."""

    def __init__(self, kafka: str, rng: random.Random) -> None:
        self._kafka = kafka
        tenants = list(FINE)
        self._texts = [fine(rng, rng.choice(tenants)) for _ in range(TEXTS)]
        self.per_s = 0.0
        self.generated = 0
        self.sent = 0  # acknowledged
        self.acked: dict[int, bytearray] = defaultdict(bytearray)
        self.first_since: dict[int, int] = {}  # partition -> first offset sent since `mark_start`
        self._era = 0
        self._extra = 0
        self._over = False
        self._sending: set[asyncio.Task[None]] = set()

    def mark_start(self) -> None:
        """Clears `first_since`: completions that are sent from now on fill it."""
        self.first_since, self._era = {}, self._era + 1

    def burst(self, completions: int) -> None:
        """Sends that many more, at once."""
        self._extra += completions

    def completion(self) -> bytes:
        n, self.generated = self.generated, self.generated + 1
        text = BAD if f"t{n % 3}" == BAD_TENANT else self._texts[n % TEXTS]
        return event(n, text, at_ms=int(time.time() * 1000))

    async def run(self) -> None:
        """Sends until `end`."""
        async with AIOKafkaProducer(
            bootstrap_servers=self._kafka, acks="all", linger_ms=5, request_timeout_ms=30_000
        ) as producer:
            due = time.monotonic()
            while not self._over:
                await asyncio.sleep(EVERY_S)
                now = time.monotonic()
                due = max(due, now - CATCH_UP_S)
                many, self._extra = int((now - due) * self.per_s) + self._extra, 0
                if self.per_s:
                    due += int((now - due) * self.per_s) / self.per_s
                else:
                    due = now
                for _ in range(many):
                    await self._send(producer, self.completion())
            while self._sending:
                await asyncio.wait(self._sending)

    def end(self) -> None:
        self._over = True

    async def _send(self, producer: Any, value: bytes) -> None:
        era = self._era
        key = str(self.generated % 97).encode()
        try:
            future = await producer.send("completions", value, key=key)
        except KafkaError:
            future = None
        task = asyncio.create_task(self._acknowledged(producer, value, key, future, era))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _acknowledged(self, producer: Any, value: bytes, key: bytes, future: Any, era: int) -> None:
        while True:
            try:
                meta = await (future if future is not None else producer.send_and_wait("completions", value, key=key))
                break
            except KafkaError:
                future, era = None, self._era
                await asyncio.sleep(0.2)
        self.sent += 1
        offsets = self.acked[meta.partition]
        if len(offsets) <= meta.offset:
            offsets.extend(bytes(meta.offset + 1 - len(offsets)))
        offsets[meta.offset] = 1
        if era == self._era:
            first = self.first_since.get(meta.partition)
            self.first_since[meta.partition] = meta.offset if first is None else min(first, meta.offset)

    @property
    def end_offsets(self) -> dict[int, int]:
        """Partition -> the offset after the last acknowledged one."""
        return {partition: len(offsets) for partition, offsets in self.acked.items()}

    def lost(self, sent: set[tuple[int, int]]) -> int:
        """The number of acknowledged positions that are not on the topic."""
        return sum(
            (partition, offset) not in sent
            for partition, offsets in self.acked.items()
            for offset, acknowledged in enumerate(offsets)
            if acknowledged
        )
