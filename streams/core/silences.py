"""Which silence, if any, matches an alert. A silenced alert lives on and is published, marked."""

from __future__ import annotations

from collections.abc import Iterable

from streams.core.events import Silence


def silenced_by(silences: Iterable[Silence], rule: str, scope: str, now_ms: int) -> str | None:
    """The id of the silence that matches at now_ms, of several the least; None where none does.

    silences: in the order of their log; the last with an id replaces those before it. `[at_ms, until_ms)`.
    """
    live = {silence.id: silence for silence in silences}
    return min(
        (
            silence.id
            for silence in live.values()
            if silence.rule in (None, rule)
            and silence.scope in (None, scope)
            and silence.at_ms <= now_ms < silence.until_ms
        ),
        default=None,
    )
