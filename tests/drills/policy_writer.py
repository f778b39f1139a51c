"""Changes the policy while a drill runs, so that an event that is decided again is decided differently."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from tidegate.streams.core.events import PolicyChange
from tidegate.streams.kafka.producer import Publisher
from tidegate.streams.policy_log.reader import PolicyLogReader

EVERY_S = 2.0


async def change(kafka: str, **thresholds: float) -> str:
    """Sets thresholds of toxicity. Returns the new live version."""
    async with _writing(kafka) as (log, publisher):
        return await _write(log, publisher, thresholds)


@contextlib.asynccontextmanager
async def changing(kafka: str) -> AsyncIterator[None]:
    """Writes another block threshold every EVERY_S, until the context ends."""
    stop = asyncio.Event()

    async def work() -> None:
        async with _writing(kafka) as (log, publisher):
            n = 0
            while not stop.is_set():
                await _write(log, publisher, {"block": 0.9 if n % 2 else 0.8})
                n += 1
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), EVERY_S)

    working = asyncio.create_task(work())
    try:
        yield
    finally:
        stop.set()
        await working


@contextlib.asynccontextmanager
async def _writing(kafka: str) -> AsyncIterator[tuple[PolicyLogReader, Publisher]]:
    log = PolicyLogReader(kafka)
    publisher = Publisher(kafka, idempotent=False, max_record_bytes=1_000_000, client_id="drill")
    await publisher.start()
    try:
        await log.read()
        await log.follow()
        yield log, publisher
    finally:
        await log.stop()
        await publisher.stop()


async def _write(log: PolicyLogReader, publisher: Publisher, thresholds: dict[str, float]) -> str:
    before: Any = log.live
    policy = before.policy.model_dump(mode="json", exclude_none=True)
    policy["labels"]["toxicity"] |= thresholds
    await log.write(
        publisher, PolicyChange(parent=before.version, policy=policy, author="drill", reason="drill", at_ms=1)
    )
    await log.wait_until(lambda now: now.live is not None and now.live.version != before.version)
    return log.live.version
