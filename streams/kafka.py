"""How Kafka is reached: its addresses, and what proves who we are. Knows the options of every aiokafka client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Kafka:
    """A cluster, as a client connects to it; as text, its addresses alone."""

    servers: str  # host:port[,host:port…]
    security: Mapping[str, Any] = field(default_factory=dict, repr=False)  # aiokafka's options for TLS and SASL

    def __str__(self) -> str:
        return self.servers


def connect(kafka: Kafka | str) -> dict[str, Any]:
    """The options of any aiokafka client to reach it by. An address alone is one without TLS and SASL."""
    if isinstance(kafka, str):
        return {"bootstrap_servers": kafka}
    return {"bootstrap_servers": kafka.servers, **kafka.security}
