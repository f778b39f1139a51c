"""The error form of our own endpoints, and the JSON of a verdict: shared by `decide` and `guard`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tidegate.streams.core.decide import Verdict
from tidegate.streams.core.events import Action, Reason
from tidegate.streams.wire.http.refused import Failure, FormRefused

REASON_FIELDS = ("label", "action", "score", "threshold", "scope", "of", "choice", "by")


def error(problem: FormRefused | Failure) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers. `field`, `found` and `expected` are null where the body is not the reason."""
    if isinstance(problem, FormRefused):
        kind = problem.reason or "invalid"
        found = {"field": problem.field, "found": problem.found, "expected": problem.expected}
        return 400, {"error": {"kind": kind, "message": problem.message, **found}}, {}
    kind = problem.kind.name.lower()
    nothing = {"field": None, "found": None, "expected": None}
    return problem.kind.status, {"error": {"kind": kind, "message": problem.sentence, **nothing}}, problem.headers()


def reasons_json(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    """The reasons as in a decision, the strongest first."""
    return [{name: getattr(reason, name) for name in REASON_FIELDS} for reason in reasons]


def versions_json(verdict: Verdict) -> dict[str, str]:
    """The policy that decided, and the classifier that gave the scores."""
    return {"policy_version": verdict.policy_version, "model_version": verdict.model_version}


STRING: dict[str, Any] = {"type": "string"}
NULLABLE: dict[str, Any] = {"type": ["string", "null"]}
SCORES: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}}
ACTIONS: dict[str, Any] = {"enum": [action.value for action in Action]}
ERROR = "Error"
SCHEMAS: dict[str, dict[str, Any]] = {
    "Reason": {
        "type": "object",
        "properties": {
            "label": STRING,
            "action": ACTIONS,
            "score": {"type": ["number", "null"]},
            "threshold": {"type": ["number", "null"]},
            "scope": STRING,
            "of": {"enum": ["completion", "prompt"]},
            "choice": {"type": "integer", "minimum": 0},
            "by": {"enum": ["screen", "encoder", None]},
        },
        "required": list(REASON_FIELDS),
    },
    ERROR: {
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "kind": STRING,
                    "message": STRING,
                    "field": NULLABLE,
                    "found": NULLABLE,
                    "expected": NULLABLE,
                },
                "required": ["kind", "message", "field", "found", "expected"],
            }
        },
        "required": ["error"],
    },
}
