"""A record as ingest reads it, for tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fake:
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    topic: str = "completions"
    partition: int = 3
    offset: int = 88214
    timestamp: int = 1_767_268_800_000
    key: bytes | None = None


def record(value: Any, headers: dict[str, Any] | None = None) -> Fake:
    """value: bytes as they are, anything else as JSON; header values: text or bytes."""
    encoded = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    return Fake(encoded, tuple((k, v.encode() if isinstance(v, str) else v) for k, v in (headers or {}).items()))
