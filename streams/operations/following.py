"""The records of a topic as they come, or those that it holds; all of them, or those about one completion."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from tidegate.streams.core.fields import shortened
from tidegate.streams.core.partition import Record
from tidegate.streams.kafka.reader import follow, read_all
from tidegate.streams.operations.deployment import Deployment


async def records(
    deployment: Deployment, topic: str, *, from_start: bool = False, until_end: bool = False, id: str | None = None
) -> AsyncGenerator[Record, None]:
    """Yields the records of a topic. Close it. Raises BrokerUnavailable, TopicsMissing.

    from_start: first all that it holds. until_end: that alone. id: only events of that id, or on the completion of that
    id, as its producer gave it, however long.
    """
    source = (
        read_all(deployment.brokers, topic) if until_end else follow(deployment.brokers, topic, from_start=from_start)
    )
    async with aclosing(source) as found:
        async for record in found:
            if id is None or is_about(record.value, id):
                yield record


def is_about(value: bytes | None, id: str) -> bool:
    """Whether an event has that id, or speaks of the completion that has: as it stands, or as Tidegate keeps it."""
    try:
        found: Any = json.loads(value or b"")
    except (ValueError, RecursionError):
        return False
    if not isinstance(found, dict):
        return False
    data = found.get("data")
    events = (found, data if isinstance(data, dict) else {})
    named = ("id", "completion_id", "request_id")
    own = {str(event[name]) for event in events for name in named if event.get(name) is not None}
    return shortened(id) in {shortened(one) for one in own}
