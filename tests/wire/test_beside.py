"""Whatever stands beside a text, one odd value at a time: the text is read, in its place."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fuzz.forms import ANTHROPIC, BATCH, CHAT, GEMINI, LAST, LITELLM, NATIVE, RESPONSE, structured
from tests.wire.records import record
from tidegate.streams.core.events import Completion
from tidegate.streams.wire import decode_completion, doubts

REPLY = {
    "model": "m",
    "created_at": "2026-01-01T12:00:00.123456789Z",
    "message": {"role": "assistant", "content": "a", "images": None, "tool_calls": []},
    "done": True,
    "done_reason": "stop",
    "total_duration": 7,
    "metadata": {"tenant": "acme", "user": "u"},
}
FORMS = {
    "native": NATIVE,
    "chat": CHAT,
    "response": RESPONSE,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
    "reply": REPLY,
    "litellm": LITELLM,
    "batch": BATCH,
    "last": LAST,
    "event": structured(CHAT),
}
GONE = object()
ODD = (None, 7, -1.5, True, "", "x", "\x00|", "x" * 700, [], [None], {}, {"a": 1}, GONE)
# These say which form it is, or which part is meant for a person: another value means another thing.
TELLING = {"type", "role", "thought", "specversion", "schema_version", "object", "done", "data", "call_type"}

Path = tuple[Any, ...]


def places(found: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value in it, and where it stands."""
    yield path, found
    members: Any = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for key, member in members:
        yield from places(member, (*path, key))


def put(found: Any, path: Path, value: Any) -> Any:
    copied = node = copy.deepcopy(found)
    for key in path[:-1]:
        node = node[key]
    if value is GONE:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return copied


def said(found: Any) -> tuple[str, ...]:
    sent = record(found)
    read = decode_completion(sent)
    assert isinstance(read, Completion), read
    doubts(sent, read)  # never raises
    return read.choices


@pytest.mark.parametrize("form", FORMS)
def test_one_odd_value_beside_a_text_never_costs_it(form: str) -> None:
    valid = FORMS[form]
    texts = said(valid)
    parts = [set(said_at(valid, (text,))) for text in texts]
    tried = 0
    for path, value in places(valid):
        if not path or path[-1] in TELLING or any(said_at(value, texts)):
            continue
        for odd in ODD:
            if odd is GONE and isinstance(path[-1], int):
                continue  # that moves the others
            tried += 1
            found = said(put(valid, path, odd))
            assert len(found) == len(texts), (path, odd)
            # an odd value that is a text may be read too: a refusal, a part
            assert all(node in now for one, now in zip(parts, found, strict=True) for node in one), (path, odd)
    assert tried > 50


def said_at(value: Any, texts: tuple[str, ...]) -> Iterator[str]:
    """The strings there and below that are a part of one of the texts."""
    for _, one in places(value):
        if isinstance(one, str) and one and any(one in text for text in texts):
            yield one
