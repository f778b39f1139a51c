"""Rows of judged completions, by the real `judge` under a small policy, for tests of the answers."""

from __future__ import annotations

from typing import Any

from tidegate.streams.core.decide import Judged, judge
from tidegate.streams.core.events import FaultReason, Scopes, Span
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.wire.http.verdicts import Row

LABELS = ("toxicity", "severe_toxicity", "obscene", "insult", "threat", "identity_attack", "sexual", "self_harm")
LABELS = (*LABELS, "violence", "stereotype")
GRADES = {"flag": 0.5, "review": 0.7, "redact": 0.8, "block": 0.9}
LIVE = LivePolicy(
    "7-0123abcd",
    Policy.model_validate(
        {
            "labels": {label: GRADES for label in (*LABELS, "illicit")},
            "prompt_labels": {label: GRADES for label in ("prompt_injection", "jailbreak", "harmful_request")},
        }
    ),
)


def row(
    scores: dict[str, float] | None = None,
    *,
    prompt: dict[str, float] | None = None,
    spans: tuple[tuple[int, int, str], ...] = (),
    choice_of: dict[str, int] | None = None,
    fault: FaultReason | None = None,
    route: str = "unknown",
    labels: tuple[str, ...] = LABELS,
) -> Row:
    """scores: of some labels; every other of `labels` has 0.0."""
    judged = Judged(
        "screen-en-1",
        "ok",
        fault,
        {} if fault else {label: 0.0 for label in labels} | (scores or {}),
        choice_of or {},
        None,
        prompt or {},
        None,
        tuple(Span(start=start, end=end, label=label) for start, end, label in spans),
        Scopes(route=route),
    )
    return judged, judge(judged, LIVE)


def document(schemas: dict[str, Any], name: str) -> dict[str, Any]:
    """A JSON Schema of one component, with the others of its module beside it."""
    return {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
