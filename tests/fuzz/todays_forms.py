"""Forms that are sent today, with as many fields as possible: the SDKs' own objects and a gateway's payloads."""

from __future__ import annotations

from typing import Any

RESPONSE: dict[str, Any] = {
    "id": "resp_1", "object": "response", "created_at": 1_767_268_800, "status": "completed", "model": "atlas-2",
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {
            "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [
                {"type": "output_text", "text": "At nine.", "annotations": []},
                {"type": "refusal", "refusal": "No."},
            ],
        },
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"},
    ],
    "metadata": {"tenant": "acme"}, "user": "u-17", "usage": {"input_tokens": 9, "output_tokens": 3},
}  # fmt: skip
TEXT_COMPLETION: dict[str, Any] = {
    "id": "cmpl-1", "object": "text_completion", "created": 1_767_268_800, "model": "atlas-2",
    "choices": [{"index": 0, "text": "At nine.", "finish_reason": "stop", "logprobs": None}, {"index": 1, "text": "9"}],
}  # fmt: skip
ANTHROPIC: dict[str, Any] = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "atlas-2", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "At nine."}, {"type": "tool_use", "id": "t", "name": "f", "input": {}}],
    "usage": {"input_tokens": 9, "output_tokens": 3},
}  # fmt: skip
GEMINI: dict[str, Any] = {
    "responseId": "g-1", "modelVersion": "atlas-2",
    "candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "At nine."}]}, "finishReason": "STOP"}],
    "usageMetadata": {"totalTokenCount": 12},
}  # fmt: skip
NO_OBJECT: dict[str, Any] = {
    "id": "chatcmpl-2", "model": "atlas-2", "choices": [{"message": {"role": "assistant", "content": "At nine."}}],
}  # fmt: skip
AZURE: dict[str, Any] = {
    "id": "chatcmpl-3", "object": "chat.completion", "created": 1_767_268_800, "model": "atlas-2",
    "choices": [
        None,
        {"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": "content_filter"},
        {"index": 1, "message": {"role": "assistant", "content": "At nine."}, "content_filter_results": {"hate": None}},
    ],
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
}  # fmt: skip


def litellm(call_type: str, response: Any, **more: Any) -> dict[str, Any]:
    payload = {"id": "l-1", "call_type": call_type, "status": "success", "model": "atlas-2", "end_user": "u-17"}
    return {
        **payload,
        "endTime": 1_767_268_800.25,
        "metadata": {"user_api_key_team_id": "acme"},
        "response": response,
    } | more


ALL: list[dict[str, Any]] = [
    RESPONSE,
    TEXT_COMPLETION,
    ANTHROPIC,
    GEMINI,
    NO_OBJECT,
    {**NO_OBJECT, "object": "odd"},
    AZURE,
    litellm("aresponses", RESPONSE),
    litellm("anthropic_messages", ANTHROPIC),
    litellm("atext_completion", TEXT_COMPLETION),
    litellm("acompletion", None, status="failure", error_str="unavailable"),
    litellm("acompletion", {"choices": [None, {"message": None}, {"message": {"content": ["said", None]}}]}),
    {"id": "h-1", "completion": "half of", "status": "failed"},
]
