"""What a worker looks for on Kafka: the topics that it uses, and no others."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.support.stacks import Stack
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.errors import TopicsMissing
from tidegate.streams.kafka.discovery import find_topics
from tidegate.streams.topics import used_by

pytestmark = pytest.mark.integration


async def create(kafka: str, names: Iterable[str]) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    try:
        await client.create_topics([NewTopic(name, 2, 1) for name in names])
    finally:
        await client.close()


async def test_topics_that_a_worker_does_not_use_may_be_missing(own_stack: Stack) -> None:
    """A new worker starts on a cluster whose topics were created by the release before."""
    await create(own_stack.kafka, used_by("worker"))
    found = await find_topics(own_stack.kafka)
    assert "replays" not in found.counts
    assert found.partitions == tuple(TopicPartition(t, p) for t in ("completions", "feedback") for p in range(2))


async def test_a_topic_that_a_worker_uses_is_waited_for(own_stack: Stack) -> None:
    await create(own_stack.kafka, [name for name in used_by("worker") if name not in ("rates", "alerts")])
    with pytest.raises(TopicsMissing, match=r"no topic alerts, rates; expected all of them"):
        await find_topics(own_stack.kafka)
