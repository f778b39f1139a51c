"""Which silence, if any, matches an alert. A silenced alert lives on and is published, marked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tidegate.streams.core.events import Silence

# Silences that a reader of the log keeps. The fold has no clock, so that all readers agree: it cannot know which have
# expired. But of more than these the one that ends first goes, and an expired one ends before every one in force.
MOST = 1_000


def silenced_by(silences: Iterable[Silence], rule: str, scope: str, now_ms: int) -> str | None:
    """The id of the silence that matches at now_ms, of several the least; None where none does.

    silences: in the order of their log; the last with an id replaces those before it. `[at_ms, until_ms)`.
    """
    live = {silence.id: silence for silence in silences}
    return min(
        (
            silence.id
            for silence in live.values()
            if silence.at_ms <= now_ms < silence.until_ms and matches(silence, rule, scope)
        ),
        default=None,
    )


def matches(silence: Silence, rule: str, scope: str) -> bool:
    """Whether it is about alerts of that rule in that scope, whenever."""
    return _matches_pattern(silence.rule, rule) and _matches_pattern(silence.scope, scope)


def _matches_pattern(pattern: str | None, text: str) -> bool:
    """Whether the text is as the pattern: `*` is any text, also none; everything else is itself."""
    if pattern is None:
        return True
    first, *others = pattern.split("*")
    if not others:
        return text == pattern
    # No regular expression: whoever may write to the log must not be able to hold the ruler with one.
    *between, last = others
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for piece in between:
        start = text.find(piece, at, end)
        if start < 0:
            return False
        at = start + len(piece)
    return True


def with_silence(silences: Mapping[str, Silence], new: Silence) -> dict[str, Silence]:
    """By id, with one more; of more than MOST, without the one that ends first."""
    by_id = {**silences, new.id: new}
    if len(by_id) > MOST:
        del by_id[min(by_id.values(), key=lambda silence: (silence.until_ms, silence.id)).id]
    return by_id
