"""Creates the topics of `streams/topics.py` that do not exist.

Runs once, before workers (`tidegate topics`, the compose file's `topics` job). It never changes or deletes a topic that
exists: only an operator changes the partitions of a live topic.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from tidegate.streams.errors import TidegateError
from tidegate.streams.kafka.authorization import unavailable_or_refused
from tidegate.streams.kafka.client import Kafka, client_options
from tidegate.streams.topics import DAY_MS, TOPICS, Topic

# A decision goes to its source's partition number, and a replay to its decision's.
FOLLOW = {"decisions": "completions", "replays": "completions", "moderations": "completions"}
REQUEST_TIMEOUT_MS = 30_000
VISIBLE_TIMEOUT_S = 30.0  # from its creation until every broker's metadata shows it
SEGMENT_MS = 3_600_000  # of what is kept for a day: Kafka deletes whole segments, and fills one for a week by default
MIN_INSYNC = 2  # with three replicas or more: acks=all then survives the loss of one broker


class TopicsUnequal(TidegateError):
    """`completions` and `decisions` differ in partitions: add to the smaller one (`kafka-topics --alter`), then start.

    A decision goes to the partition number of its completion, so that both have one order.
    """


class TopicsRefused(TidegateError):
    """Kafka would not create a topic: change what the message names, or create it by hand (docs/how-to/deploy.md)."""


async def ensure_topics(
    bootstrap: Kafka | str, partitions: int, replication: int, *, max_record_bytes: int = 1_000_000
) -> tuple[str, ...]:
    """Returns the names of the topics it created, in the table's order; empty if all existed.

    Raises BrokerUnavailable, TopicsRefused, or TopicsUnequal (and then creates nothing more).
    """
    async with _admin(bootstrap) as admin:
        existing = await _partition_counts(admin)
        _refuse_unequal(existing)
        wanted = {topic: _partitions_of(topic, existing, partitions) for topic in TOPICS if topic.name not in existing}
        created = await _create(
            admin,
            [
                NewTopic(topic.name, count, replication, topic_configs=config(topic, replication, max_record_bytes))
                for topic, count in wanted.items()
            ],
        )
        if wanted:
            await _wait_until_visible(admin, {topic.name for topic in wanted})
            _refuse_unequal(await _partition_counts(admin))
    return tuple(topic.name for topic in wanted if topic.name in created)


def config(topic: Topic, replication: int, max_record_bytes: int) -> dict[str, str]:
    """Returns the configuration to create a topic with, under Kafka's names."""
    entries = {
        "cleanup.policy": topic.cleanup,
        "retention.ms": str(-1 if topic.retention_ms is None else topic.retention_ms),
        "max.message.bytes": str(max_record_bytes),
    }
    if topic.retention_ms is not None and topic.retention_ms <= DAY_MS:
        entries["segment.ms"] = str(SEGMENT_MS)
    if replication > MIN_INSYNC:
        entries["min.insync.replicas"] = str(MIN_INSYNC)
    return entries


def _partitions_of(topic: Topic, existing: dict[str, int], setting: int) -> int:
    """Returns the table's number, else that of the topic it follows, else the setting's."""
    return topic.partitions or existing.get(FOLLOW.get(topic.name, ""), setting)


def _refuse_unequal(existing: dict[str, int]) -> None:
    completions, decisions = existing.get("completions"), existing.get("decisions")
    if completions is not None and decisions is not None and completions != decisions:
        raise TopicsUnequal(
            f"completions has {completions} partitions and decisions {decisions}; expected the same number; "
            "nothing was created: add partitions to the smaller topic, then start again"
        )


@contextlib.asynccontextmanager
async def _admin(bootstrap: Kafka | str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**client_options(bootstrap), request_timeout_ms=REQUEST_TIMEOUT_MS)
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError) as error:
        raise await unavailable_or_refused(bootstrap, error) from error
    finally:
        await admin.close()


async def _partition_counts(admin: AIOKafkaAdminClient) -> dict[str, int]:
    """Returns topic -> number of partitions, for every topic that exists."""
    # All topics are requested, never ours by name: a request for an absent topic can create it, with a wrong number.
    return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[NewTopic]) -> set[str]:
    """Returns the names that this call created: another process may create the same ones at the same time."""
    created = set()
    if topics:
        response = await admin.create_topics(list(topics), timeout_ms=REQUEST_TIMEOUT_MS)
        for name, code, *message in response.topic_errors:
            error = for_code(code)
            if code == 0:
                created.add(name)
            elif error is not TopicAlreadyExistsError:
                raise TopicsRefused(
                    f"{name}: {error.__name__}: {message[0] if message and message[0] else error.description}; "
                    "TIDEGATE_REPLICATION must not exceed the brokers, and creating needs the right to"
                )
    return created


async def _wait_until_visible(admin: AIOKafkaAdminClient, names: set[str]) -> None:
    async with asyncio.timeout(VISIBLE_TIMEOUT_S):
        while not names <= set(await _partition_counts(admin)):  # noqa: ASYNC110 - the broker sends no event for it
            await asyncio.sleep(0.1)
