"""A worker of tomorrow, as `TIDEGATE_CLASSIFIER=tests.cli.tomorrow:make`: it reads what is unknown_version today."""

from __future__ import annotations

from typing import Any

from tests.cli.twin import make as twin
from tidegate.streams.wire import native

_today = native._checked


def _tomorrow(found: dict[str, Any], at: str) -> dict[str, Any]:
    return _today({**found, "schema_version": 1} if found.get("schema_version") == 2 else found, at)


def make() -> Any:
    """The twin; from here on, the process reads version 2."""
    native._checked = _tomorrow
    return twin()
