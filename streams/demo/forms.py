"""What applications send: records in six of the input forms (one in two encodings), malformed ones, HTTP requests."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Headers = tuple[tuple[str, bytes], ...]
EncodedRecord = tuple[bytes, Headers]


@dataclass(frozen=True, slots=True)
class Answer:
    """One completion of the demo, before a producer encodes it."""

    number: str  # of the event: `c0042`
    tenant: str
    model: str
    route: str
    user: str
    texts: tuple[str, ...]  # one a choice; empty: the producer failed
    at_ms: int

    @property
    def id(self) -> str:
        return f"{self.tenant}-{self.number}"

    @property
    def key(self) -> bytes:
        return f"{self.tenant}:{self.user}".encode()


def native(answer: Answer) -> EncodedRecord:
    return _bytes(_native(answer)), ()


def cloud_event(answer: Answer) -> EncodedRecord:
    """A structured CloudEvent around the native form."""
    time = datetime.fromtimestamp(answer.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    envelope = {"specversion": "1.0", "id": answer.number, "source": _source(answer), "type": "completion.made"}
    return _bytes({**envelope, "time": time, "data": _native(answer)}), ()


def cloud_event_in_headers(answer: Answer) -> EncodedRecord:
    """A binary CloudEvent: its attributes are `ce_` headers."""
    headers = (("ce_specversion", b"1.0"), ("ce_id", answer.number.encode()), ("ce_source", _source(answer).encode()))
    return _bytes(_native(answer)), headers


def openai(answer: Answer) -> EncodedRecord:
    """An OpenAI `chat.completion`; its tenant, route and user are `tidegate-` headers."""
    choices = [
        {"index": i, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        for i, text in enumerate(answer.texts)
    ]
    headers = tuple((f"tidegate-{name}", getattr(answer, name).encode()) for name in ("tenant", "route", "user"))
    return _bytes(
        {
            "object": "chat.completion",
            "id": answer.id,
            "created": answer.at_ms // 1000,
            "model": answer.model,
            "choices": choices,
        }
    ), headers


def response(answer: Answer) -> EncodedRecord:
    """An OpenAI `response`. It has no choices: the first text is the answer."""
    messages = [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
        for text in answer.texts[:1]
    ]
    return _bytes(
        {
            "object": "response",
            "id": answer.id,
            "created_at": answer.at_ms // 1000,
            "status": "completed" if answer.texts else "failed",
            "model": answer.model,
            "output": [{"type": "reasoning", "summary": []}, *messages],
            "metadata": {"tenant": answer.tenant, "route": answer.route},
            "safety_identifier": answer.user,
        }
    ), ()


def anthropic(answer: Answer) -> EncodedRecord:
    """An Anthropic `message`, of one text. Its tenant, route and user are headers; it has no time."""
    blocks = [{"type": "text", "text": text} for text in answer.texts[:1]]
    headers = tuple((f"tidegate-{name}", getattr(answer, name).encode()) for name in ("tenant", "route", "user"))
    return _bytes(
        {
            "type": "message",
            "id": answer.id,
            "role": "assistant",
            "model": answer.model,
            "content": blocks,
            "stop_reason": "end_turn",
        }
    ), headers


def litellm(answer: Answer) -> EncodedRecord:
    """A LiteLLM `StandardLoggingPayload`."""
    choices = [{"message": {"role": "assistant", "content": text}} for text in answer.texts]
    return _bytes(
        {
            "id": answer.id,
            "call_type": "acompletion",
            "status": "success" if answer.texts else "failure",
            "response": {"choices": choices} if answer.texts else {},
            "model": answer.model,
            "end_user": answer.user,
            "endTime": answer.at_ms / 1000,
            "metadata": {
                "user_api_key_team_id": answer.tenant,
                "requester_metadata": {"route": answer.route},
            },
        }
    ), ()


FORMS: dict[str, Callable[[Answer], EncodedRecord]] = {
    "native": native,
    "cloudevents": cloud_event,
    "cloudevents, binary": cloud_event_in_headers,
    "openai": openai,
    "litellm": litellm,
    "responses": response,
    "anthropic": anthropic,
}
WITHOUT_TIME = ("anthropic",)
FAILING = ("native", "litellm", "responses")  # the forms in which a producer can say that it failed


def moderation_request(answer: Answer) -> bytes:
    """Returns the body of OpenAI's `POST /v1/moderations`, of one text. It has no tenant, author, route, user or id."""
    return _bytes({"model": "omni-moderation-latest", "input": answer.texts[0]})


def decision_id(answer: Answer, form: str) -> str:
    """Returns the id of its decision, which feedback must name."""
    return f"{_source(answer)}#{answer.number}" if form.startswith("cloudevents") else answer.id


def malformed(rng: random.Random, answer: Answer) -> tuple[str, bytes | None]:
    """Returns what is wrong, and a value that cannot be read; None is a tombstone."""
    event = _native(answer)
    encoded = _bytes(event)
    chunk = {"object": "chat.completion.chunk", "id": answer.id, "choices": [{"index": 0, "delta": {"content": "He"}}]}
    broken: list[tuple[str, bytes | None]] = [
        ("cut off", encoded[: len(encoded) // 2]),
        ("a log line", b"INFO answered in 812 ms"),
        ("latin-1", json.dumps({**event, "tenant": "café"}, ensure_ascii=False).encode("latin-1")),
        ("a number as text", _bytes({**event, "completion": 42})),
        ("words for choices", _bytes({**event, "completion": {"text": "Hello"}})),
        ("no text", _bytes({"id": answer.id, "tenant": answer.tenant})),
        ("a list", _bytes([event])),
        ("another version", _bytes({**event, "schema_version": 7})),
        ("another event", _bytes({"event": "heartbeat", "up_s": 812})),
        ("nested too deep", b'{"id": ' + b"[" * 400),
        ("a stream chunk", _bytes(chunk)),
        ("a tombstone", None),
    ]
    return rng.choice(broken)


def _native(answer: Answer) -> dict[str, Any]:
    event: dict[str, Any] = {
        name: getattr(answer, name) for name in ("id", "tenant", "model", "route", "user", "at_ms")
    }
    if not answer.texts:
        return {**event, "status": "failed"}
    return {**event, "completion": answer.texts[0] if len(answer.texts) == 1 else list(answer.texts)}


def _source(answer: Answer) -> str:
    return f"//{answer.tenant}/{answer.route}"


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode()
