"""The position of an ingest in the log: its lag, by the last fetch responses; and the seek back after an error."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from aiokafka.errors import IllegalStateError

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.ingest.takeover import OwnedPartition

FRESH_MS = 3_000  # a fetch response is this long current: a broker answers within 50 ms, also with nothing


def lags(consumer: Any, owned: Mapping[TopicPartition, OwnedPartition]) -> dict[TopicPartition, int]:
    """Returns the lag of each owned partition, in records after the last applied; -1 if it is unknown.

    A lag of 0 holds only while the broker answers: one that is silent may have more records by now.
    """
    lag_of, now_ms = {}, time.time() * 1000
    for partition, own in owned.items():
        high_water, answered_ms = consumer.highwater(partition), consumer.last_poll_timestamp(partition) or 0
        lag_of[partition] = -1 if high_water is None else max(0, high_water - own.applied)
        if lag_of[partition] == 0:
            own.quarantine_until = 0  # everything that could have been in hand was applied
            if abs(now_ms - answered_ms) > FRESH_MS:
                lag_of[partition] = -1
    return lag_of


def seek_back(consumer: Any, owned: Mapping[TopicPartition, OwnedPartition]) -> None:
    """Seeks every partition to our position: aiokafka may have dropped fetched records after it moved its own."""
    for partition, own in owned.items():
        if own.valid:
            with contextlib.suppress(IllegalStateError):  # revoked meanwhile
                consumer.seek(partition, own.position)
