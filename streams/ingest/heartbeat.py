"""The heartbeat, once a second: of every owned partition to the store, and of the event loop to its watchdog."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import sys
from collections.abc import Iterable, MutableMapping
from typing import Protocol

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.ingest import Ingest
from tidegate.streams.tasks import EXIT_BUG

log = logging.getLogger(__name__)

PERIOD_S = 1.0
HUNG_S = 120.0  # an event loop or an ingest that does nothing for this long is stuck: exit, to be restarted


class Heartbeats(Protocol):
    """What a heartbeat needs of the store (`store/__init__.py` describes it)."""

    async def heartbeat(
        self, partition: TopicPartition, epoch: int, lag: int, watermark_ms: int, counted: int = 0
    ) -> bool: ...


async def heartbeat_loop(
    store: Heartbeats, ingests: Iterable[Ingest], waiting_for: MutableMapping[str, str], stop: asyncio.Event
) -> None:
    """Writes heartbeat and lag of every owned partition. waiting_for: gets `redis` while it is unavailable."""
    while not stop.is_set():
        faulthandler.dump_traceback_later(HUNG_S, exit=True, file=sys.stderr)
        for ingest in tuple(ingests):  # another may begin meanwhile
            if ingest.stalled_s() > HUNG_S:
                log.critical("%s: not polled for %g s; exiting without a commit", ingest.topic, HUNG_S)
                logging.shutdown()
                os._exit(EXIT_BUG)
            try:
                await _heartbeat(store, ingest)
                waiting_for.pop("redis", None)
            except StoreUnavailable as error:
                waiting_for["redis"] = str(error)
        await asyncio.sleep(PERIOD_S)


async def _heartbeat(store: Heartbeats, ingest: Ingest) -> None:
    for partition, lag in ingest.lags().items():
        owned = ingest.owned.get(partition)
        if owned is not None and not await store.heartbeat(partition, owned.epoch, lag, 0, owned.applied):
            ingest.retake(owned, "another worker claimed it, or the store came back older")
