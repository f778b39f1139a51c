"""Valid records of every form, with as many fields as possible: the seeds of mutations."""

from __future__ import annotations

import base64
import json
from typing import Any

NATIVE: dict[str, Any] = {
    "schema_version": 1,
    "id": "c-1",
    "completion": ["The library opens at nine.", "At nine."],
    "prompt": "When?",
    "status": "ok",
    "tenant": "acme",
    "model": "atlas-2",
    "route": "tutor",
    "locale": "en",
    "user": "u-17",
    "conversation": "v-3",
    "at_ms": 1_767_268_800_000,
}
CHAT: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_767_268_800,
    "model": "atlas-2",
    "metadata": {"tenant": "acme", "route": "tutor", "locale": "en", "user": "u-17", "conversation": "v-3"},
    "user": "u-17",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "At nine.", "refusal": None}},
        {
            "message": {
                "content": [{"type": "text", "text": "At"}, {"type": "refusal", "refusal": "no"}, {"type": "image"}]
            }
        },
        {"message": {"content": None, "audio": {"transcript": "nine"}, "tool_calls": [{"id": "t"}]}},
        {"text": "old"},
    ],
}
LITELLM: dict[str, Any] = {
    "id": "l-1",
    "call_type": "acompletion",
    "status": "success",
    "model": "atlas-2",
    "endTime": 1_767_268_800.25,
    "startTime": 1_767_268_799.5,
    "end_user": "u-17",
    "trace_id": "v-3",
    "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "When?"}]}],
    "metadata": {
        "user_api_key_team_id": "acme",
        "requester_metadata": {"route": "tutor", "locale": "en", "tenant": "acme", "conversation": "v"},
    },
    "response": {"choices": CHAT["choices"]},
}
RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1_767_268_800,
    "status": "completed",
    "model": "atlas-2",
    "error": None,
    "conversation": {"id": "v-3"},
    "safety_identifier": "u-17",
    "metadata": CHAT["metadata"],
    "output_text": "At nine.",
    "output": [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "s"}]},
        {
            "type": "message",
            "content": [{"type": "output_text", "text": "At nine."}, {"type": "refusal", "refusal": "n"}],
        },
        {"type": "function_call", "arguments": "{}"},
    ],
}
ANTHROPIC: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "atlas-2",
    "metadata": {"user_id": "u-17"},
    "content": [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "At nine."}, {"type": "tool_use"}],
}
GEMINI: dict[str, Any] = {
    "responseId": "g-1",
    "modelVersion": "atlas-2",
    "createTime": "2026-01-31T12:00:00Z",
    "candidates": [
        {"content": {"parts": [{"text": "At"}, {"thought": True, "text": "t"}, {"text": " nine."}]}},
        {"finishReason": "SAFETY"},
    ],
    "promptFeedback": {"blockReason": "OTHER"},
}
BATCH: dict[str, Any] = {"custom_id": "1", "response": {"status_code": 200, "body": CHAT}, "error": None}
LAST: dict[str, Any] = {"type": "response.failed", "response": {**RESPONSE, "status": "failed"}}
FEEDBACK: dict[str, Any] = {
    "schema_version": 1,
    "id": "f-1",
    "completion_id": "c-1",
    "kind": "complaint",
    "tenant": "acme",
    "model": "atlas-2",
    "route": "tutor",
    "user": "u-17",
    "at_ms": 1_767_268_800_000,
}


def structured(data: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": "1", "source": "/gate", "type": "t", "time": "2026-01-31T12:00:00.5+01:00"}
    return {**event, "data": data} | more


def packed(data: dict[str, Any]) -> dict[str, Any]:
    return structured(None, data_base64=base64.b64encode(json.dumps(data).encode()).decode())


COMPLETIONS = [
    NATIVE,
    CHAT,
    LITELLM,
    structured(NATIVE),
    structured(CHAT),
    packed(LITELLM),
    {"id": "x", "status": "failed"},
    RESPONSE,
    ANTHROPIC,
    GEMINI,
    {**LITELLM, "call_type": "aresponses", "response": RESPONSE},
    {**LITELLM, "call_type": "anthropic_messages", "response": ANTHROPIC, "status": "failure"},
    BATCH,
    {"custom_id": "1", "result": {"type": "succeeded", "message": ANTHROPIC}},
    LAST,
    {"error": {"message": "m", "type": "t"}},
]
FEEDBACKS = [FEEDBACK, structured(FEEDBACK), packed(FEEDBACK)]
BINARY = {
    "ce_specversion": "1.0",
    "ce_id": "1",
    "ce_source": "/gate",
    "ce_type": "t",
    "ce_time": "2026-01-31T12:00:00Z",
}
GATEWAY = {f"tidegate-{name}": name for name in ("tenant", "model", "route", "locale", "user", "conversation")}
KEYS = sorted(
    {
        *(key for form in (NATIVE, CHAT, LITELLM, RESPONSE, ANTHROPIC, GEMINI, BATCH, FEEDBACK) for key in form),
        *structured(NATIVE),
        *(
            "data_base64",
            "specversion",
            "object",
            "response",
            "call_type",
            "text",
            "content",
            "message",
            "delta",
            "parts",
        ),
    }
)
