"""Where the screen's windows lie in a text: what the cascade sends on, and so what the encoder is taught with."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.classifiers.offsets import widened
from tidegate.classifiers.tokens import Windower


def slices(windower: Windower, texts: Sequence[str]) -> list[list[str]]:
    """Per text the pieces that its windows read, in order, as the cascade cuts them; none where it has no tokens."""
    found = []
    for text in texts:
        located = windower.token_offsets(text)
        cuts = [widened(text, *located.span(a, b)) for a, b in windower.spans(len(located.ids))]
        found.append([text[low:high] for low, high in cuts])
    return found
