"""Reads the last published state of every alert from the topic `alerts`: the ruler resumes from it if Redis has none.

Knows no Kafka client: it reads from a `HistoryReader`.
"""

from __future__ import annotations

from contextlib import aclosing

from pydantic import ValidationError

from tidegate.streams.core.alerts import status as statuses
from tidegate.streams.core.alerts.status import AlertStatus
from tidegate.streams.core.events import Alert
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.recovery.published import HistoryReader
from tidegate.streams.topics import ALERTS

ALERT_SKEW_MS = 60_000  # a window is evaluated after it has ended, by another clock than the one that stamps the record


async def last_published_alerts(history: HistoryReader, partitions: int, since_ms: int | None) -> list[AlertStatus]:
    """Returns each alert published since then (None: ever), as last published. Raises BrokerUnavailable."""
    last: dict[str, AlertStatus] = {}
    at_ms = 0 if since_ms is None else max(1, since_ms - ALERT_SKEW_MS)
    ranges = await history.since([TopicPartition(ALERTS, p) for p in range(partitions)], at_ms)
    async with aclosing(history.read(*ranges)) as batches:
        async for records in batches:
            for record in records:
                try:
                    alert = Alert.read(record.value)
                except ValidationError:
                    continue  # a newer Tidegate's, which resumes from it itself
                latest = last.get(alert.fingerprint)
                if latest is None or (latest.sequence, latest.at_ms) <= (alert.sequence, alert.at_ms):
                    last[alert.fingerprint] = statuses.published_status(alert, record.timestamp)
    return list(last.values())
