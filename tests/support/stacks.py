"""What a test runs on: the embedded stack, or with `--servers real` Apache Kafka and Redis. Both have one face."""

from __future__ import annotations

from tests.real.stack import Real
from tidegate.streams.embedded import EmbeddedStack

Stack = EmbeddedStack | Real
