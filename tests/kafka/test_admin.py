"""Topics are created as the table says, once, and never with unequal completions and decisions."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.support.stacks import Stack
from tidegate.streams.embedded import free_port
from tidegate.streams.errors import BrokerUnavailable
from tidegate.streams.kafka.admin import TopicsUnequal, config, ensure_topics
from tidegate.streams.kafka.lookup import partition_counts
from tidegate.streams.topics import TOPICS

NAMES = tuple(topic.name for topic in TOPICS)


async def create(bootstrap: str, **partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, count, 1) for name, count in partitions.items()])
    await admin.close()
    in_a_row = 0
    while in_a_row < 10:  # each time from another broker: brokers get a topic's metadata at different times
        in_a_row = in_a_row + 1 if partitions.items() <= (await partition_counts(bootstrap)).items() else 0


async def test_topics_are_created_once_as_the_table_says(own_stack: Stack) -> None:
    assert await ensure_topics(own_stack.kafka, 6, own_stack.replication) == NAMES
    assert await partition_counts(own_stack.kafka) == {topic.name: topic.partitions or 6 for topic in TOPICS}

    admin = AIOKafkaAdminClient(bootstrap_servers=own_stack.kafka)
    await admin.start()
    for topic in TOPICS:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name)])
        entries = {entry[0]: entry[1] for entry in answer.resources[0][4]}
        assert config(topic, 1, 1_000_000).items() <= entries.items()
    await admin.close()

    assert await ensure_topics(own_stack.kafka, 12, own_stack.replication) == ()
    assert (await partition_counts(own_stack.kafka))["completions"] == 6  # what exists is left as it is


async def test_decisions_and_replays_follow_completions(own_stack: Stack) -> None:
    await create(own_stack.kafka, completions=3)
    await ensure_topics(own_stack.kafka, 12, own_stack.replication)
    counts = await partition_counts(own_stack.kafka)
    assert (counts["decisions"], counts["replays"], counts["feedback"]) == (3, 3, 12)


async def test_unequal_partition_counts_are_refused(own_stack: Stack) -> None:
    """completions and decisions must have the same number; nothing is created."""
    await create(own_stack.kafka, completions=3, decisions=4)
    with pytest.raises(TopicsUnequal, match="completions has 3 partitions and decisions 4; expected the same number"):
        await ensure_topics(own_stack.kafka, 12, own_stack.replication)
    assert await partition_counts(own_stack.kafka) == {"completions": 3, "decisions": 4}


async def test_a_broker_that_is_unavailable_is_named() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(BrokerUnavailable, match=address):
        await ensure_topics(address, 1, 1)


@pytest.mark.parametrize(
    ("name", "replication", "expected"),
    [
        ("completions", 1, {"cleanup.policy": "delete", "retention.ms": "604800000", "max.message.bytes": "1000000"}),
        (
            "moderated-texts",
            1,
            {
                "cleanup.policy": "delete",
                "retention.ms": "86400000",
                "max.message.bytes": "1000000",
                "segment.ms": "3600000",
            },
        ),
        ("policies", 1, {"cleanup.policy": "delete", "retention.ms": "-1", "max.message.bytes": "1000000"}),
        (
            "rates",
            3,
            {
                "cleanup.policy": "compact",
                "retention.ms": "-1",
                "max.message.bytes": "1000000",
                "min.insync.replicas": "2",
            },
        ),
    ],
)
def test_a_topic_s_configuration(name: str, replication: int, expected: dict[str, str]) -> None:
    (topic,) = (topic for topic in TOPICS if topic.name == name)
    assert config(topic, replication, 1_000_000) == expected


def test_the_command_prints_the_topics_it_created(own_stack: Stack) -> None:
    def run(**environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tidegate", "topics"],
            env={**os.environ, **own_stack.env(), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    first, second = run(), run()
    assert (first.returncode, first.stdout) == (0, f"created {', '.join(NAMES)}\n")
    assert (second.returncode, second.stdout) == (0, "every topic exists; nothing created\n")

    wrong = run(TIDEGATE_REPLICATION="none")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("TIDEGATE_REPLICATION: found 'none'; expected ")
