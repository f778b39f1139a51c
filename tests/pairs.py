"""What a test runs on: the embedded pair, or with `--servers real` Apache Kafka and Redis. Both have one face."""

from __future__ import annotations

from streams.embedded import Embedded
from tests.real.pair import Real

Pair = Embedded | Real
