"""Our own `POST /v1/guard`: a prompt, before a model is asked; `allow`, or `block`.

The prompt is judged by the policy's `prompt_labels`, as that of a completion. `action` is `block` where they ask for
`block`, else `allow`; `verdict` is what they ask for in full (`flag` and `review` let the prompt pass). `scored` is
false where nothing was scored: the policy has no `prompt_labels`, the model gives none of them, or the prompt is empty.
A fault is an answer too: `fault` is not null, and `action` is what the policy's `faults` ask for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.streams.core.events import Action, Completion, FaultReason
from tidegate.streams.wire.fields import EXPECTED
from tidegate.streams.wire.http import own
from tidegate.streams.wire.http.refused import FormRefused, is_unicode, kind_of, read_object, read_text
from tidegate.streams.wire.http.verdicts import Row
from tidegate.streams.wire.repair import id_of, name_of

PATH = "/v1/guard"
error = own.error
_NAMES = ("tenant", "model", "route")


@dataclass(frozen=True, slots=True)
class GuardRequest:
    """A request: a completion without a text, whose prompt is judged."""

    id: str
    completions: tuple[Completion, ...]  # one


def parse(body: Any, id: str) -> GuardRequest:
    """The request in a decoded body. Raises FormRefused. Unknown fields are ignored; null is "not given"."""
    body = read_object(body, "")
    prompt = read_text(body, "prompt", "prompt")
    fields: dict[str, str] = {name: value for name in (*_NAMES, "user") if (value := _field(body, name)) is not None}
    return GuardRequest(id, (Completion.model_validate({"id": id, "prompt": prompt, **fields}),))


def answer(request: GuardRequest, results: Sequence[Row]) -> dict[str, Any]:
    """The response's body."""
    ((judged, verdict),) = results
    # The completion beside the prompt is empty: what its scores ask for is no reason to block a prompt.
    reasons = [reason for reason in verdict.reasons if reason.of == "prompt" or judged.fault is not None]
    asked = max((reason.action for reason in reasons), key=lambda action: action.strength, default=Action.ALLOW)
    return {
        "id": request.id,
        "action": "block" if asked is Action.BLOCK else "allow",
        "verdict": asked.value,
        "reasons": own.reasons_json(reasons),
        "scores": dict(judged.prompt_scores),
        "scored": bool(judged.prompt_scores),
        "fault": None if judged.fault is None else judged.fault.value,
        **own.versions_json(verdict),
    }


def _field(body: Mapping[str, Any], name: str) -> str | None:
    """Returns a name or the user, None where it is not given; raises FormRefused: a scope is not guessed."""
    value = body.get(name)
    if value is None:
        return None
    text = name_of(value) if name in _NAMES else id_of(value)
    if text is None or not is_unicode(text):
        raise FormRefused(name, kind_of(value), EXPECTED[name])
    return text


REQUEST, RESPONSE, ERROR = "GuardRequest", "GuardResponse", own.ERROR
# A number is read as its text.
_USER: dict[str, Any] = {"type": ["string", "number", "null"], "pattern": r"^[^\u0000-\u001f\u007f]+$"}
_NAME: dict[str, Any] = {**_USER, "pattern": r"^[^\u0000-\u001f\u007f|]+$", "maxLength": 200}
SCHEMAS: dict[str, dict[str, Any]] = {
    **own.SCHEMAS,
    REQUEST: {
        "type": "object",
        "properties": {"prompt": own.STRING, **dict.fromkeys(_NAMES, _NAME), "user": _USER},
        "required": ["prompt"],
    },
    RESPONSE: {
        "type": "object",
        "properties": {
            "id": own.STRING,
            "action": {"enum": ["allow", "block"]},
            "verdict": own.ACTIONS,
            "reasons": {"type": "array", "items": {"$ref": "#/components/schemas/Reason"}},
            "scores": own.SCORES,
            "scored": {"type": "boolean"},
            "fault": {"enum": [*(fault.value for fault in FaultReason), None]},
            "policy_version": own.STRING,
            "model_version": own.STRING,
        },
        "required": [
            *("id", "action", "verdict", "reasons", "scores", "scored", "fault", "policy_version", "model_version")
        ],
    },
}
