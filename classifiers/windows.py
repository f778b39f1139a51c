"""Token windows: how a long text is cut so that nothing of it goes unread, and how windows share a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def spans(tokens: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """Half-open token intervals [start, end) that cover [0, tokens).

    Each has `size` tokens, or all of a shorter text; neighbours share at least `overlap`. The last one ends at the
    end of the text, and starts earlier than its turn rather than being short: a few words alone score differently.
    No tokens give no intervals. Needs 0 <= overlap < size.

        tokens 10, size 4, overlap 1     [0---4)
                                            [3---7)
                                               [6---10)
    """
    if tokens <= 0:
        return []
    if tokens <= size:
        return [(0, tokens)]
    step = size - overlap
    starts = list(range(0, tokens - size, step))
    return [(start, start + size) for start in [*starts, tokens - size]]


def groups(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Indices of windows to run together, shortest first, so that count times longest is at most `budget` tokens.

    Every index comes once. A window longer than the budget runs alone. Similar lengths meet, so little is padding,
    and one huge text cannot make the matrix of its neighbours huge.
    """
    group: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if group and (len(group) + 1) * lengths[index] > budget:
            yield group
            group = []
        group.append(index)
    if group:
        yield group
