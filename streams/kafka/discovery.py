"""What a worker needs to know of Kafka before it starts: the topics, whether they fit, and every partition."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.errors import TopicsMissing
from tidegate.streams.kafka.client import Kafka, missing_topic_hint
from tidegate.streams.kafka.lookup import cluster_id, partition_counts
from tidegate.streams.topics import MODERATIONS, SOURCES, used_by


@dataclass(frozen=True, slots=True)
class Topology:
    """The cluster, and the partitions of its topics."""

    cluster: str  # the cluster's own id
    partitions: tuple[TopicPartition, ...]  # every partition of every source topic
    counts: dict[str, int]  # topic -> how many partitions


async def find_topics(kafka: Kafka | str) -> Topology:
    """The topics that a worker reads or writes. Topics of other roles, and of later releases, are not waited for.

    Raises TopicsMissing where one is missing or does not fit, and BrokerUnavailable.
    """
    counts = await partition_counts(kafka)
    missing = [name for name in used_by("worker") if name not in counts]
    if missing:
        raise TopicsMissing(
            f"kafka {kafka}: no topic {', '.join(missing)}; "
            f"expected all of them: run `tidegate topics`{missing_topic_hint(kafka)}; waiting for them"
        )
    if counts["completions"] != counts["decisions"]:
        raise TopicsMissing(
            f"kafka {kafka}: completions has {counts['completions']} partitions, decisions "
            f"{counts['decisions']}; expected the same number; recreate one of them; waiting for that"
        )
    if counts.get(MODERATIONS, 0) > counts["decisions"]:
        raise TopicsMissing(
            f"kafka {kafka}: {MODERATIONS} has {counts[MODERATIONS]} partitions, decisions {counts['decisions']}; "
            "expected the same number; add partitions to decisions and completions; waiting for that"
        )
    partitions = tuple(TopicPartition(topic, p) for topic in SOURCES for p in range(counts.get(topic, 0)))
    return Topology(await cluster_id(kafka), partitions, counts)
