"""Silences: which one, if any, matches an alert. A silenced alert is still tracked and published, marked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tidegate.streams.core.events import Silence

# Silences that a reader of the log keeps. The fold has no clock, so that all readers agree: it cannot know which have
# expired. Beyond this number the silence that ends first is removed: an expired one ends before every one in force.
MAX_SILENCES = 1_000


def silenced_by(silences: Iterable[Silence], rule: str, scope: str, now_ms: int) -> str | None:
    """Returns the id of the silence that matches at now_ms, the least of several; None where none does.

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
    """Whether the silence is about alerts of that rule in that scope, at any time."""
    return _matches_pattern(silence.rule, rule) and _matches_pattern(silence.scope, scope)


def _matches_pattern(pattern: str | None, text: str) -> bool:
    """Whether the text matches the pattern: `*` is any text, also empty; every other character is literal."""
    if pattern is None:
        return True
    first, *others = pattern.split("*")
    if not others:
        return text == pattern
    # No regular expression: a writer of the log must not be able to stall the ruler with one.
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
    """Returns the silences by id with `new` among them; beyond MAX_SILENCES, without the one that ends first."""
    by_id = {**silences, new.id: new}
    if len(by_id) > MAX_SILENCES:
        del by_id[min(by_id.values(), key=lambda silence: (silence.until_ms, silence.id)).id]
    return by_id
