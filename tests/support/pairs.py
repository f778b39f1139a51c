"""What a test runs on: the embedded pair, or with `--servers real` Apache Kafka and Redis. Both have one face."""

from __future__ import annotations

from tests.real.pair import Real
from tidegate.streams.embedded import Embedded

Pair = Embedded | Real
