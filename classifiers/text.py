"""Text as a tokenizer can take it: any Python str in, valid Unicode out."""

from __future__ import annotations

import re

_SURROGATES = re.compile("[\ud800-\udfff]")
REPLACEMENT = "\ufffd"


def encodable(text: str) -> str:
    """The text, each lone surrogate replaced by U+FFFD: one for one, so that code point positions stay.

    Everything else, null bytes and control characters among it, is the tokenizer's own to fold or keep.
    """
    if text.isascii():
        return text
    return _SURROGATES.sub(REPLACEMENT, text)
