"""Commits applied offsets to the consumer group. They are the fallback where the checkpoint is not trusted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from aiokafka.errors import KafkaError

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.ingest.takeover import OwnedPartition

log = logging.getLogger(__name__)

GROUP_ANSWER_S = 10.0  # for a commit, and for leaving the group: a stop waits no longer for an unavailable broker


class Commits:
    """The committed offsets of one ingest."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._committed: dict[TopicPartition, int] = {}  # as last committed

    def forget(self) -> None:
        """Forgets what was committed: the partitions were revoked, and another worker may commit."""
        self._committed.clear()

    async def commit(self, consumer: Any, owned: Iterable[OwnedPartition]) -> None:
        """Commits what was applied since the last commit."""
        offsets = {own.partition: own.applied for own in owned if own.valid}
        offsets = {tp: offset for tp, offset in offsets.items() if self._committed.get(tp) != offset}
        if not offsets:
            return
        try:
            async with asyncio.timeout(
                GROUP_ANSWER_S
            ):  # the client itself retries for as long as the broker is unavailable
                await consumer.commit(offsets)
            self._committed.update(offsets)
        except (KafkaError, ValueError, TimeoutError) as error:  # rebalanced, or unavailable: the checkpoint has it
            log.info("%s: not committed: %s: %s", self._topic, type(error).__name__, error)
