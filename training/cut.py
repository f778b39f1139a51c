"""Where the screen's windows lie in a text: what the cascade sends on, and so what the encoder is taught with."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer

from classifiers.windows import spans


def slices(tokenizer: Tokenizer, texts: Sequence[str], max_tokens: int, overlap: int) -> list[list[str]]:
    """Per text the pieces that its windows read, in order; no piece where it has no tokens."""
    found = []
    for start in range(0, len(texts), 1024):
        some = texts[start : start + 1024]
        for text, encoding in zip(some, tokenizer.encode_batch(list(some)), strict=True):
            offsets = encoding.offsets
            cuts = spans(len(offsets), max_tokens, overlap)
            found.append(
                [text] if len(cuts) == 1 else [_words(text, offsets[a][0], offsets[b - 1][1]) for a, b in cuts]
            )
    return found


def _words(text: str, start: int, end: int) -> str:
    """The piece [start, end), grown to whole words by at most 20 characters a side."""
    low = max((i + 1 for i in range(max(0, start - 20), start) if text[i].isspace()), default=start)
    high = next((i for i in range(end, min(len(text), end + 20)) if text[i].isspace()), end)
    return text[low:high]
