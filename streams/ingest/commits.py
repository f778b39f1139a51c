"""What was applied, committed to the consumer group. The checkpoint is the truth; this is for whoever cannot believe it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from tidegate.streams.ingest.takeover import OwnedPartition

log = logging.getLogger(__name__)

ANSWER_S = 10.0  # to a commit, and to leaving the group: on a stop nobody waits longer for a broker that is unavailable


class Commits:
    """One ingest's."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._known: dict[KafkaPartition, int] = {}  # as committed last

    def forget(self) -> None:
        """The partitions were given away: another may commit for them."""
        self._known.clear()

    async def commit(self, consumer: Any, owned: Iterable[OwnedPartition]) -> None:
        """Commits what was applied since the last time."""
        offsets = {KafkaPartition(*own.partition): own.applied for own in owned if own.valid}
        offsets = {tp: offset for tp, offset in offsets.items() if self._known.get(tp) != offset}
        if not offsets:
            return
        try:
            async with asyncio.timeout(ANSWER_S):  # the client itself asks for as long as the broker is unavailable
                await consumer.commit(offsets)
            self._known.update(offsets)
        except (KafkaError, ValueError, TimeoutError) as error:  # rebalanced meanwhile, or away: the checkpoint knows
            log.info("%s: not committed: %s: %s", self._topic, type(error).__name__, error)
