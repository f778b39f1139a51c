"""How producers write what they report: six of the input forms (one of them in two ways), and what cannot be read."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Headers = tuple[tuple[str, bytes], ...]
Written = tuple[bytes, Headers]


@dataclass(frozen=True, slots=True)
class Answer:
    """One completion of the demo, before a producer writes it down."""

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


def native(answer: Answer) -> Written:
    return _bytes(_native(answer)), ()


def cloud_event(answer: Answer) -> Written:
    """A structured CloudEvent around the native form."""
    time = datetime.fromtimestamp(answer.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    envelope = {"specversion": "1.0", "id": answer.number, "source": _source(answer), "type": "completion.made"}
    return _bytes({**envelope, "time": time, "data": _native(answer)}), ()


def cloud_event_in_headers(answer: Answer) -> Written:
    """A binary CloudEvent: its attributes are `ce_` headers."""
    headers = (("ce_specversion", b"1.0"), ("ce_id", answer.number.encode()), ("ce_source", _source(answer).encode()))
    return _bytes(_native(answer)), headers


def openai(answer: Answer) -> Written:
    """An OpenAI `chat.completion`; whose it is stands in `tidegate-` headers."""
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


def response(answer: Answer) -> Written:
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


def anthropic(answer: Answer) -> Written:
    """An Anthropic `message`, of one text. Whose it is stands in headers; when it was made, nowhere."""
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


def litellm(answer: Answer) -> Written:
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


FORMS: dict[str, Callable[[Answer], Written]] = {
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


def decision_id(answer: Answer, form: str) -> str:
    """The id that its decision will bear: what feedback must name."""
    return f"{_source(answer)}#{answer.number}" if form.startswith("cloudevents") else answer.id


def malformed(rng: random.Random, answer: Answer) -> tuple[str, bytes | None]:
    """What went wrong, and a value that cannot be read; None is a tombstone."""
    found = _native(answer)
    whole = _bytes(found)
    chunk = {"object": "chat.completion.chunk", "id": answer.id, "choices": [{"index": 0, "delta": {"content": "He"}}]}
    broken: list[tuple[str, bytes | None]] = [
        ("cut off", whole[: len(whole) // 2]),
        ("a log line", b"INFO answered in 812 ms"),
        ("latin-1", json.dumps({**found, "tenant": "café"}, ensure_ascii=False).encode("latin-1")),
        ("a number as text", _bytes({**found, "completion": 42})),
        ("words for choices", _bytes({**found, "completion": {"text": "Hello"}})),
        ("no text", _bytes({"id": answer.id, "tenant": answer.tenant})),
        ("a list", _bytes([found])),
        ("another version", _bytes({**found, "schema_version": 7})),
        ("another event", _bytes({"event": "heartbeat", "up_s": 812})),
        ("nested too deep", b'{"id": ' + b"[" * 400),
        ("a stream chunk", _bytes(chunk)),
        ("a tombstone", None),
    ]
    return rng.choice(broken)


def _native(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: getattr(answer, name) for name in ("id", "tenant", "model", "route", "user", "at_ms")
    }
    if not answer.texts:
        return {**found, "status": "failed"}
    return {**found, "completion": answer.texts[0] if len(answer.texts) == 1 else list(answer.texts)}


def _source(answer: Answer) -> str:
    return f"//{answer.tenant}/{answer.route}"


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode()
