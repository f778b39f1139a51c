"""Where an ingest is in the log: how far behind, as its consumer was last told; and back to there after an error."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import IllegalStateError

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.ingest.takeover import OwnedPartition

SAID_MS = 3_000  # a broker answers a fetch within 50 ms, also where it has nothing


def lags(consumer: Any, owned: Mapping[TopicPartition, OwnedPartition]) -> dict[TopicPartition, int]:
    """Records that wait behind what was applied, for each partition held; -1 where the broker has not said of late.

    Nothing left to read is believed while the broker says so: one that is silent may hold more by now.
    """
    found, now_ms = {}, time.time() * 1000
    for partition, own in owned.items():
        tp = KafkaPartition(*partition)
        high_water, said_ms = consumer.highwater(tp), consumer.last_poll_timestamp(tp) or 0
        found[partition] = -1 if high_water is None else max(0, high_water - own.applied)
        if found[partition] == 0:
            own.quarantine_until = 0  # everything that could have been in hand was applied
            if abs(now_ms - said_ms) > SAID_MS:
                found[partition] = -1
    return found


def seek_back(consumer: Any, owned: Mapping[TopicPartition, OwnedPartition]) -> None:
    """Every partition to where we are: aiokafka may have dropped what it had in hand of any, its position moved on."""
    for partition, own in owned.items():
        if own.valid:
            with contextlib.suppress(IllegalStateError):  # given away meanwhile
                consumer.seek(KafkaPartition(*partition), own.position)
