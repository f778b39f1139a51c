"""How texts are cut into windows, and how windows share runs."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.classifiers.windows import groups, spans


@pytest.mark.parametrize(
    ("tokens", "size", "overlap", "expected"),
    [
        (0, 4, 1, []),  # nothing to read
        (3, 4, 1, [(0, 3)]),  # [---)       fits
        (4, 4, 1, [(0, 4)]),  # [----)      just fits
        # 0 1 2 3 4
        # [-------)
        #   [-------)   the last window ends with the text, and is whole
        (5, 4, 1, [(0, 4), (1, 5)]),
        # 0 1 2 3 4 5 6 7 8 9
        # [-------)
        #       [-------)
        #             [-------)   10 = 4 + 3 + 3: the steps come out even
        (10, 4, 1, [(0, 4), (3, 7), (6, 10)]),
        # 0 1 2 3 4 5 6 7
        # [-------)
        #         [-------)       no overlap: side by side
        (8, 4, 0, [(0, 4), (4, 8)]),
    ],
)
def test_windows_are_whole_overlap_and_end_with_the_text(tokens, size, overlap, expected):
    assert spans(tokens, size, overlap) == expected


@given(st.integers(0, 2000), st.integers(2, 200), st.data())
def test_windows_cover_every_token_and_share_the_overlap(tokens, size, data):
    overlap = data.draw(st.integers(0, size - 1))
    found = spans(tokens, size, overlap)
    assert sorted({i for start, end in found for i in range(start, end)}) == list(range(tokens))
    assert all(end - start == min(size, tokens) for start, end in found)
    assert all(earlier[1] - later[0] >= overlap for earlier, later in pairwise(found))


@given(st.lists(st.integers(1, 500), max_size=200), st.integers(0, 3000))
def test_groups_hold_every_window_once_within_the_budget(lengths, budget):
    found = list(groups(lengths, budget))
    assert sorted(i for group in found for i in group) == list(range(len(lengths)))
    for group in found:
        assert len(group) == 1 or len(group) * max(lengths[i] for i in group) <= budget


def test_one_huge_window_does_not_pad_its_neighbours():
    # 1 + 2 + 3 share a run of 3 x 3 = 9 tokens; with the 1000 it would be 4000.
    assert list(groups([1, 1000, 2, 3], budget=12)) == [[0, 2, 3], [1]]
