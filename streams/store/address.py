"""The address of the store's server, and the credentials for it. Data only: `redis_client.py` connects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Address:
    """A Redis or Valkey server, or any node of a Redis Cluster."""

    url: str = field(repr=False)  # redis://, rediss:// or unix://; it may hold a password
    cluster: bool = False
    security: Mapping[str, Any] = field(default_factory=dict, repr=False)  # redis-py's options for its user and TLS
