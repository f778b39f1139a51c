"""`topics`: creates what is missing."""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.streams.cli.errors import go
from tidegate.streams.cli.render import json_line


def topics(
    json_: Annotated[bool, typer.Option("--json", help='Print {"created": […]}.')] = False,
) -> None:
    """Create the topics that do not exist yet. Changes and deletes none.

    Their partitions and copies are TIDEGATE_PARTITIONS and TIDEGATE_REPLICATION; the rest is in `streams/topics.py`.

    \b
    TIDEGATE_KAFKA=kafka:9092 tidegate topics
    TIDEGATE_REPLICATION=1 tidegate topics        # a single broker

    Exit code: 0 every topic exists, 2 Kafka refused or they do not fit together, 3 Kafka is unavailable.
    """
    from tidegate.streams.kafka.admin import ensure_topics
    from tidegate.streams.settings.settings import Settings

    s = Settings.load()
    created = go(ensure_topics(s.brokers, s.partitions, s.replication, max_record_bytes=s.max_record_bytes))
    if json_:
        json_line({"created": list(created)})
    else:
        typer.echo(f"created {', '.join(created)}" if created else "every topic exists; nothing created")
