"""An output as a later Tidegate of the same `schema_version` may write it: with unknown fields."""

from __future__ import annotations

import json
from typing import Any

MAPS = {"scores", "choice_of", "prompt_scores", "labels", "policy"}  # their keys are labels, or a policy's: not fields


def of_tomorrow(value: bytes, *, first: bool = False) -> bytes:
    """Returns the event with an unknown field in it and in every object in it. first: before the known ones."""

    def extend(node: Any) -> Any:
        if isinstance(node, list):
            return [extend(item) for item in node]
        if not isinstance(node, dict):
            return node
        fields = {key: inner if key in MAPS else extend(inner) for key, inner in node.items()}
        added = {"of_tomorrow": {"why": ["not known yet", 1]}}
        return {**added, **fields} if first else {**fields, **added}

    return json.dumps(extend(json.loads(value)), separators=(",", ":")).encode()
