"""Two accounts side by side: what differs by more than rounding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TOLERANCE = 1e-4  # one step of the last decimal written
SLACK = 1e-9  # two numbers one step apart differ by a little more or less than it in binary


def differences(old: Any, new: Any, where: str = "") -> list[str]:
    """One line a difference, with its place: `overall.toxicity.auroc: 0.91, expected 0.95`."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [*old, *(key for key in new if key not in old)]
        return [line for key in keys for line in _of_key(old, new, key, f"{where}.{key}" if where else str(key))]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [line for i, (a, b) in pairs for line in differences(a, b, f"{where}[{i}]")]
    if _number(old) and _number(new) and abs(old - new) <= TOLERANCE + SLACK:
        return []
    return [] if old == new else [f"{where}: {new!r}, expected {old!r}"]


def _of_key(old: Mapping[str, Any], new: Mapping[str, Any], key: str, where: str) -> list[str]:
    if key not in new:
        return [f"{where}: missing"]
    return differences(old[key], new[key], where) if key in old else [f"{where}: not expected"]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
