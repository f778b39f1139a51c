"""The last word said of every alert, from the topic `alerts`: what the ruler goes on from where Redis lost its own.

Knows no Kafka client: what is read comes from a `HistoryReader`.
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

SKEW_MS = 60_000  # a boundary is looked at after it has passed, by another clock than the one that stamps the word


async def last_published_alerts(past: HistoryReader, partitions: int, since_ms: int | None) -> list[AlertStatus]:
    """Of each alert of which something was published since then (None: ever), as it stood then. Raises BrokerUnavailable."""
    last: dict[str, AlertStatus] = {}
    at_ms = 0 if since_ms is None else max(1, since_ms - SKEW_MS)
    stretches = await past.since([TopicPartition(ALERTS, p) for p in range(partitions)], at_ms)
    async with aclosing(past.read(*stretches)) as some:
        async for records in some:
            for record in records:
                try:
                    alert = Alert.read(record.value)
                except ValidationError:
                    continue  # a newer Tidegate's, which goes on from it itself
                held = last.get(alert.fingerprint)
                if held is None or (held.sequence, held.at_ms) <= (alert.sequence, alert.at_ms):
                    last[alert.fingerprint] = statuses.published_status(alert, record.timestamp)
    return list(last.values())
