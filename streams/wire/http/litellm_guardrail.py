"""LiteLLM's generic guardrail, `POST /beta/litellm_basic_guardrail_api`: before and after its proxy calls a model.

Each text is a completion of its own, so that each is redacted by its own spans. Texts of a `request` are judged as a
completion and as its prompt: a policy without `prompt_labels` must not pass them unseen. Texts of a stream are the
whole text so far, one a choice.

`block` answers BLOCKED; else `redact` answers GUARDRAIL_INTERVENED with all texts, in their order; all else NONE
without texts, since texts with any other action rewrite. Images cannot be scored: they are refused, which LiteLLM
takes for a failure (it blocks, unless `fail_on_error` is false). A fault is a 503, for which its `unreachable_fallback`
decides; a 429 is none: it blocks, unless `fail_on_error` is false.
Not scored: `tools`, `tool_calls`, and `structured_messages`, whose texts LiteLLM sends as `texts` too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.streams.core.events import Action, Completion
from tidegate.streams.core.policy.wording import MASK
from tidegate.streams.wire.http import own
from tidegate.streams.wire.http.refused import (
    ABSENT,
    FormRefused,
    is_unicode,
    kind_of,
    optional_text,
    read_list,
    read_object,
    text_of,
)
from tidegate.streams.wire.http.verdicts import (
    Row,
    answer_headers,
    labels_of,
    redact,
    scored,
    spans_of,
    strongest,
)
from tidegate.streams.wire.repair import id_of, name_of

PATH = "/beta/litellm_basic_guardrail_api"
MOST = 4096  # texts, of a long conversation: the answer is never larger than the request
error = own.error  # LiteLLM reads the status alone
# Our field -> its candidates in the request, dotted; the first that can be read wins.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "tenant": ("request_data.user_api_key_team_id", "request_data.user_api_key_org_id"),
    "model": ("model",),
}
_IDS: Mapping[str, tuple[str, ...]] = {
    "user": ("request_data.user_api_key_end_user_id", "request_data.user_api_key_user_id"),
    "conversation": ("litellm_trace_id",),
}


@dataclass(frozen=True, slots=True)
class GuardrailRequest:
    """A request: one completion a text. of_prompt: its texts go to a model, they do not come from one.

    call_id: LiteLLM's; calls about one stream have the same, each with a longer text.
    """

    id: str
    completions: tuple[Completion, ...]
    of_prompt: bool
    call_id: str | None


def parse(body: Any, id: str) -> GuardrailRequest:
    """The request in a decoded body. Raises FormRefused. Unknown fields are ignored: each release adds some.

    A tenant, model, user or conversation that cannot be read is left out, and listed in the completions' `dropped`.
    """
    body = read_object(body, "")
    kind = body.get("input_type")
    if kind not in ("request", "response"):
        found = kind_of(kind) if "input_type" in body else ABSENT
        raise FormRefused("input_type", found, "request or response")
    texts = [text_of(text, f"texts[{i}]") for i, text in enumerate(_list(body, "texts"))]
    images = _list(body, "images")
    if images:
        raise FormRefused("images", f"a list of {len(images)}", "no images: they cannot be scored here")
    if body.get("request_data") is not None:
        read_object(body["request_data"], "request_data")
    fields, dropped = _fields(body)
    ids = (id,) if len(texts) == 1 else tuple(f"{id}-{i}" for i in range(len(texts)))
    completions = tuple(
        Completion.model_validate(
            {**fields, "id": one, "completion": text, "prompt": text if kind == "request" else None, "dropped": dropped}
        )
        for one, text in zip(ids, texts, strict=True)
    )
    call_id = optional_text(body, "litellm_call_id")
    return GuardrailRequest(id, completions, kind == "request", id_of(call_id) if call_id else None)


def answer(request: GuardrailRequest, results: Sequence[Row], *, mask: str = MASK) -> dict[str, Any]:
    """The response's body. mask: in place of what `redact` hides. Raises Unscored.

    `blocked_reason` reaches the user as the error's message: it names labels and the policy's version, never a text.
    """
    rows = scored(results, len(request.completions))
    action = strongest(rows)
    if action is Action.BLOCK:
        labels = dict.fromkeys(label for _, verdict in rows for label in labels_of(verdict, Action.BLOCK))
        version = rows[0][1].policy_version
        return {"action": "BLOCKED", "blocked_reason": f"Blocked for {', '.join(labels)} by policy {version}"}
    if action is Action.REDACT:
        return {
            "action": "GUARDRAIL_INTERVENED",
            "texts": [
                _redacted(completion, row, mask) for completion, row in zip(request.completions, rows, strict=True)
            ],
        }
    return {"action": "NONE"}


def headers(results: Sequence[Row]) -> dict[str, str]:
    """Headers beside the body: the policy's action, and versions."""
    return answer_headers(results)


def _list(body: Mapping[str, Any], key: str) -> list[Any]:
    value = body.get(key)
    return [] if value is None else read_list(value, key, MOST)


def _fields(body: Mapping[str, Any]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Returns our fields, and the paths that hold something else."""
    fields: dict[str, str] = {}
    dropped: list[str] = []
    for paths_of, read in ((_NAMES, name_of), (_IDS, id_of)):
        for name, paths in paths_of.items():
            for path in paths:
                value: Any = body
                for key in path.split("."):
                    value = value.get(key) if isinstance(value, dict) else None
                if value is None or value == "":
                    continue
                text = read(value)
                if text is not None and is_unicode(text):
                    fields[name] = text
                    break
                dropped.append(path)
    return fields, tuple(dropped)


def _redacted(completion: Completion, row: Row, mask: str) -> str:
    (text,) = completion.choices
    return redact(text, spans_of(row), mask) if row[1].action is Action.REDACT else text


REQUEST, RESPONSE, ERROR = "LiteLLMGuardrailRequest", "LiteLLMGuardrailResponse", own.ERROR
_TEXTS: dict[str, Any] = {"type": ["array", "null"], "items": own.STRING}
_ANY_LIST: dict[str, Any] = {"type": ["array", "null"]}
_ANY_OBJECT: dict[str, Any] = {"type": ["object", "null"]}
SCHEMAS: dict[str, dict[str, Any]] = {
    **own.SCHEMAS,
    REQUEST: {
        "type": "object",
        "properties": {
            "input_type": {"enum": ["request", "response"]},
            "texts": _TEXTS,
            "images": {**_TEXTS, "maxItems": 0},
            **{name: _ANY_LIST for name in ("tools", "tool_calls", "structured_messages")},
            **{name: _ANY_OBJECT for name in ("request_data", "request_headers")},
            "additional_provider_specific_params": _ANY_OBJECT,
            **{name: own.NULLABLE for name in ("litellm_call_id", "litellm_trace_id", "litellm_version", "model")},
        },
        "required": ["input_type"],
    },
    RESPONSE: {
        "type": "object",
        "properties": {
            "action": {"enum": ["NONE", "BLOCKED", "GUARDRAIL_INTERVENED"]},
            "blocked_reason": own.STRING,
            "texts": {"type": "array", "items": own.STRING},
        },
        "required": ["action"],
    },
}
