"""Hostile or careless input: values, mutations of valid documents, and bytes."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

CANARY = "hunter2"  # no error about an input may contain it

# Words with a meaning to a decoder or a policy, so that mutations pass the first check.
WORDS = (
    *("ok", "failed", "success", "failure", "1.0", "chat.completion", "chat.completion.chunk", "text", "refusal"),
    *("response", "text_completion", "message", "output_text", "response.completed", "response.output_text.delta"),
    *("content_block_delta", "thinking", "cancelled", "errored", "error"),
    *("redacted-by-litellm", "unknown", "thumb_up", "overturned", "user", "off", "open", "closed", "share", "count"),
    *("fault", "label.toxicity", "action.block", "all", "tenant", "2026-01-31T12:00:00Z", "9999-12-31T23:59:59+23:59"),
    *(
        "0001-01-01T00:00:00+23:59",
        "e30=",
        "eyJpZCI6MX0=",
        "",
        CANARY,
        "a|b",
        "a\x00b",
        "a\nb",
        "a\n",
        "\x7f",
        "é",
        "𝒳",
    ),
    *(
        "x" * 200,
        "x" * 201,
        "x" * 256,
        "x" * 257,
        "\ud800",
        "a\udfffb",
        "\ufeff",
        "٣",
        "${jndi}",
        "{",
        "}",
        "%s",
        "../x",
    ),
)
NUMBERS: tuple[Any, ...] = (
    *(0, 1, -1, 2, 17, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**19, 10**400, -(10**400)),
    *(253_402_300_799_999, 253_402_300_800_000, 0.5, 1.0, 1.5, -0.0, 1e-320, 1e308, 1e22, 17.0),
    *(float("nan"), float("inf"), float("-inf")),
)
any_words = st.one_of(st.sampled_from(WORDS), st.text(st.characters(), max_size=12))
leaves = st.one_of(st.none(), st.booleans(), st.sampled_from(NUMBERS), st.integers(), st.floats(), any_words)


def deep(levels: int) -> Any:
    found: Any = []
    for n in range(levels):
        found = [found] if n % 2 else {"a": found}
    return found


values = st.one_of(
    leaves,
    st.recursive(
        leaves, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(any_words, inner, max_size=4))
    ),
    st.integers(150, 260).map(deep),
    st.integers(120, 140).map(lambda n: ["a"] * n),
)


def _places(found: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path in a document, with the root."""
    inner = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    return [at, *(place for key, value in inner for place in _places(value, (*at, key)))]


@st.composite
def mutated(draw: st.DrawFn, valid: Sequence[Any], keys: Sequence[str]) -> Any:
    """A valid document with up to four values changed, removed or inserted."""
    found = copy.deepcopy(draw(st.sampled_from(valid)))
    for _ in range(draw(st.integers(0, 4))):
        *to, last = draw(st.sampled_from(_places(found)[1:] or [("id",)]))
        parent = found
        for key in to:
            parent = parent[key]
        how = draw(st.sampled_from(["change", "remove", "insert", "insert"]))
        if how == "remove":
            del parent[last]
        elif how == "insert" and isinstance(parent, dict):
            parent[draw(st.one_of(st.sampled_from(keys), any_words))] = draw(values)
        else:
            parent[last] = draw(values)
        if not isinstance(found, dict) or not found:
            break
    return found


@st.composite
def as_json(draw: st.DrawFn, documents: st.SearchStrategy[Any]) -> bytes:
    """A document as bytes: as Python writes it (also NaN and lone surrogates), and sometimes corrupted."""
    ascii_ = draw(st.booleans())
    text = json.dumps(draw(documents), ensure_ascii=ascii_)
    corruption = draw(st.integers(0, 9))
    if corruption == 0:  # a key twice
        text = re.sub(r'"(\w+)": ', r'"\1": null, "\1": ', text, count=draw(st.integers(1, 3)))
    elif corruption == 1:
        text = re.sub(r"\b\d+\b", draw(st.sampled_from(["1e400", "-1e400", "1E+9999", "00", "0x10", "1.", ".5"])), text)
    elif corruption == 2:
        text = text.replace("\\u", draw(st.sampled_from(["\\U", "\\u{", "\\ud83d\\u", "\\x"])))
    value = text.encode("utf-8", "surrogatepass")
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2, 8]))):
        at = draw(st.integers(0, len(value)))
        inserted = draw(
            st.one_of(
                st.binary(max_size=3), st.sampled_from([b"\xff", b"\xed\xa0\x80", b"\x00", b"\xef\xbb\xbf", b"\n"])
            )
        )
        value = value[:at] + inserted + value[at + draw(st.integers(0, 2)) :]
    return value
