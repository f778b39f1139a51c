"""Properties of every form: a field that decides nothing never costs the text, one odd part never loses the others."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.forms import ANTHROPIC, BATCH, CHAT, GEMINI, LAST, LITELLM, NATIVE, RESPONSE, structured
from tests.wire.records import Fake
from tidegate.streams.core.events import Completion
from tidegate.streams.wire import decode_completion, litellm, shapes

Path = tuple[Any, ...]

ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("x" * 700),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
FORMS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "native": (NATIVE, ("id", "prompt", "tenant", "model", "route", "locale", "user", "conversation", "unknown")),
    "chat": (CHAT, tuple(path for paths in shapes.CHAT.paths.values() for path in paths)),
    "response": (RESPONSE, tuple(path for paths in shapes.RESPONSE.paths.values() for path in paths)),
    "anthropic": (ANTHROPIC, tuple(path for paths in shapes.ANTHROPIC.paths.values() for path in paths)),
    "gemini": (GEMINI, tuple(path for paths in shapes.GEMINI.paths.values() for path in paths)),
    "litellm": (LITELLM, (*(path for paths in litellm.PATHS.values() for path in paths), "messages", "metadata")),
}
# A time is read, or refused, by rules of its own.
TIMES = ("created", "created_at", "createTime", "create_time", "endTime", "startTime")


def read(found: Any) -> Completion:
    completion = decode_completion(Fake(json.dumps(found).encode()))
    assert isinstance(completion, Completion), completion
    return completion


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_field_that_decides_nothing_never_costs_the_text(form: str, data: st.DataObject) -> None:
    valid, paths = FORMS[form]
    found = copy.deepcopy(valid)
    choices = read(valid).choices
    for path in data.draw(st.lists(st.sampled_from(sorted(set(paths) - set(TIMES))), min_size=1, max_size=4)):
        node: Any = found
        *parents, last = path.split(".")
        for key in parents:
            node = node.get(key) if isinstance(node, dict) else None
        if isinstance(node, dict):
            node[last] = data.draw(ODD)
    for whole in (found, structured(found)):
        completion = read(whole)
        assert completion.choices == choices
        assert len(completion.dropped) <= 16
        assert all(len(path) <= 80 for path in completion.dropped)


# Lists of which each member has, or is a part of, a text of its own.
LISTS: dict[str, tuple[dict[str, Any], tuple[Path, ...]]] = {
    "native": (NATIVE, (("completion",),)),
    "chat": (CHAT, (("choices",), ("choices", 1, "message", "content"))),
    "response": (RESPONSE, (("output",), ("output", 1, "content"))),
    "anthropic": (ANTHROPIC, (("content",),)),
    "gemini": (GEMINI, (("candidates",), ("candidates", 0, "content", "parts"))),
    "litellm": (LITELLM, (("response", "choices"),)),
    "batch": (BATCH, (("response", "body", "choices"),)),
    "last": (LAST, (("response", "output"), ("response", "output", 1, "content"))),
}
SILENT = st.none() | st.booleans() | st.integers() | st.lists(st.integers(), max_size=2) | st.just({"type": "image"})


@pytest.mark.parametrize("form", LISTS)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_one_null_or_odd_member_never_loses_the_others(form: str, data: st.DataObject) -> None:
    valid, places = LISTS[form]
    found = copy.deepcopy(valid)
    said = [text for text in read(valid).choices if text]
    for place in reversed(places):  # the inner one first: its place counts from the outer one's members
        node: Any = found
        for key in place:
            node = node[key]
        node.insert(data.draw(st.integers(0, len(node))), data.draw(SILENT))
    assert [text for text in read(found).choices if text] == said
