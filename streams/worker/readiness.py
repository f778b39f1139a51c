"""What an ingest waits for, as /readyz and the worker's status show it."""

from __future__ import annotations

from collections.abc import Collection

from tidegate.streams.ingest import Ingest


def ingest_waiting_for(ingest: Ingest, known: Collection[str]) -> dict[str, str]:
    """Returns what one topic's ingest waits for, by name. known: names that the worker lists already."""
    topic, waiting_for = ingest.topic, {}
    if topic not in known and ingest.waiting_for is not None:
        waiting_for[topic] = f"waiting for {ingest.waiting_for}"
    elif topic not in known and not ingest.may_publish():
        waiting_for[topic] = "waiting for kafka: no heartbeat for longer than the session timeout; publishing nothing"
    unreadable = ingest.unreadable.waiting_for
    return waiting_for | {f"unreadable {partition}": why for partition, why in unreadable.items()}
