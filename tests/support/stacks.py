"""The servers of a test: the embedded stack, or with `--servers real` Apache Kafka and Redis. One interface."""

from __future__ import annotations

from tests.real.stack import Real
from tidegate.streams.embedded import EmbeddedStack

Stack = EmbeddedStack | Real
