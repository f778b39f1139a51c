"""Where the screen's windows lie in a text: what the cascade sends on, and so what the encoder is taught with."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.classifiers.offsets import widened
from tidegate.classifiers.tokens import Windower


def slices(windower: Windower, texts: Sequence[str]) -> list[list[str]]:
    """Per text the pieces that its windows read, in order, as the cascade cuts them; none where it has no tokens.

    A text of one window is given whole, without the white space around it.
    """
    found: list[list[str]] = []
    for start in range(0, len(texts), 1024):
        some = texts[start : start + 1024]
        windows, owners = windower.windows(some)
        counts = [0] * len(some)
        for owner in owners:
            counts[owner] += 1
        del windows
        for text, count in zip(some, counts, strict=True):
            found.append(_located(windower, text) if count > 1 else [text.strip()] * count)
    return found


def _located(windower: Windower, text: str) -> list[str]:
    located = windower.token_offsets(text)
    cuts = [widened(text, *located.span(a, b)) for a, b in windower.spans(len(located.ids))]
    return [text[low:high] for low, high in cuts]
