"""An output as a later Tidegate of the same `schema_version` may write it: with fields that nobody here knows."""

from __future__ import annotations

import json
from typing import Any

MAPS = {"scores", "choice_of", "prompt_scores", "policy"}  # their keys are labels, or a policy's: not fields


def of_tomorrow(value: bytes, *, first: bool = False) -> bytes:
    """The event with an unknown field in it and in everything that it is made of. first: before the known ones."""

    def more(found: Any) -> Any:
        if isinstance(found, list):
            return [more(one) for one in found]
        if not isinstance(found, dict):
            return found
        known = {key: inner if key in MAPS else more(inner) for key, inner in found.items()}
        added = {"of_tomorrow": {"why": ["not known yet", 1]}}
        return {**added, **known} if first else {**known, **added}

    return json.dumps(more(json.loads(value)), separators=(",", ":")).encode()
