"""Which windows are asked about, how bands hold thresholds, and what stated traffic says a band costs."""

from __future__ import annotations

import numpy as np
import pytest

from tidegate.classifiers import ModelFileError, load
from tidegate.classifiers.bands import MOST_WINDOWS, covering_bands, windows_to_encode
from tidegate.classifiers.entries import Band
from tidegate.classifiers.sample import read, share, write

from .conftest import sha256

WIDE, NEVER = Band(low=0.3, high=0.7), Band(low=0.5, high=0.5)


def sent(owners, *rows, bands=(WIDE,)):
    scores = np.array(rows, np.float32).reshape(len(owners), len(bands))
    return windows_to_encode(np.array(owners, np.int64), scores, bands).tolist()


def test_each_text_is_settled_by_itself():
    #  text     0      0      1      1      2
    #  score    0.5    0.9    0.5    0.1    0.7     0.9 and 0.7 are not below 0.7: settled
    assert sent([0, 0, 1, 1, 2], 0.5, 0.9, 0.5, 0.1, 0.7) == [False, False, True, False, False]
    assert sent([]) == []


def test_one_label_in_its_band_is_enough():
    #  columns: one with a band, one without
    rows = [(0.5, 0.5), (0.1, 0.5), (0.9, 0.5)]
    assert sent([0, 1, 2], *rows, bands=(WIDE, NEVER)) == [True, False, False]


def test_edges_are_compared_as_decisions_are_to_four_decimals():
    assert sent([0, 1, 2, 3], 0.29996, 0.29994, 0.69994, 0.69996) == [True, False, True, False]


def test_most_suspicious_windows_are_read_first():
    """Of equal ones the earlier."""
    n = MOST_WINDOWS + 8
    scores = np.full(n, 0.4)
    scores[-3:] = 0.6  # late, and more suspicious
    found = sent([0] * n + [1], *scores, 0.4)
    expected = [True] * (MOST_WINDOWS - 3) + [False] * 8 + [True] * 3 + [True]
    assert found == expected


def test_suspicion_is_by_labels_that_are_in_their_band():
    n = MOST_WINDOWS + 1
    rows = [(0.4, 0.9)] + [(0.41, 0.0)] * MOST_WINDOWS  # 0.9 has an empty band: it says nothing of who is to be asked
    assert sent([0] * n, *rows, bands=(WIDE, NEVER)) == [False] + [True] * MOST_WINDOWS


def held(thresholds, idle=(), **bands):
    found = covering_bands({k: Band(low=v[0], high=v[1]) for k, v in bands.items()}, idle, thresholds)
    return {label: (band.low, band.high) for label, band in found.items()}


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        ([], (0.3, 0.7)),
        ([0.5], (0.3, 0.7)),  # well inside
        ([0.68], (0.3, 0.73)),  # inside, but not by the margin
        ([0.9], (0.3, 0.95)),  # what lies between is held too
        ([0.1, 0.9], (0.05, 0.95)),
        ([0.0, 1.0], (0.0, 1.0)),  # no further than scores go
    ],
)
def test_band_is_widened_to_hold_every_threshold_by_a_twentieth(thresholds, expected):
    assert held({"a": thresholds, "unknown": [0.5]}, a=(0.3, 0.7)) == {"a": expected}


def test_empty_band_stays_empty_whatever_is_live():
    assert held({"a": [0.9]}, a=(0.3, 0.3)) == {"a": (0.3, 0.3)}


def test_idle_label_is_scored_only_for_a_live_threshold():
    assert held({}, idle={"a"}, a=(0.3, 0.7), b=(0.3, 0.7)) == {"a": (0.3, 0.3), "b": (0.3, 0.7)}
    assert held({"a": [0.5]}, idle={"a"}, a=(0.3, 0.7)) == {"a": (0.3, 0.7)}


# --- stated traffic


def test_traffic_comes_back_as_it_was_written(tmp_path):
    owners, scores = np.array([0, 0, 2]), np.array([[0.0, 1.0], [0.5, 0.25], [0.9, 0.1]], np.float32)
    write(tmp_path / "t.npz", owners, scores)
    found = read(tmp_path / "t.npz", (tmp_path / "t.npz").read_bytes(), 2)
    assert found.owners.tolist() == [0, 0, 2]
    np.testing.assert_allclose(found.scores, scores, atol=1 / 510)


@pytest.fixture
def stated(write_cascade, tmp_path):
    #  text      0         0      1      2      3         of 4 texts 2, of 5 windows 2, for [0.3, 0.7)
    #  score     0.5       0.1    0.2    0.9    0.6
    write(tmp_path / "t.npz", np.array([0, 0, 1, 2, 3]), np.array([[s, 0] for s in (0.5, 0.1, 0.2, 0.9, 0.6)]))
    hashed = sha256(tmp_path / "t.npz")
    return write_cascade(rudeness=(0.3, 0.7), traffic='"t.npz"', traffic_sha256=f'"{hashed}"')


def test_share_of_stated_traffic_follows_the_bands_in_force(stated):
    cascade = load(manifest=stated)
    assert cascade.share_sent() == (2 / 4, 2 / 5)
    assert cascade.covering({"rudeness": [0.88]}).share_sent() == (3 / 4, 3 / 5)  # up to 0.93: text 2 too
    assert cascade.covering({"rudeness": [0.22]}).share_sent() == (3 / 4, 3 / 5)  # from 0.17: text 1 too


def test_cascade_without_stated_traffic_does_not_guess(write_cascade):
    assert load(manifest=write_cascade()).share_sent() is None


def test_share_counts_texts_and_windows():
    traffic = read_arrays([0, 0, 0, 1], [[0.5], [0.5], [0.1], [0.1]])
    assert share(traffic, [WIDE]) == (1 / 2, 2 / 4)


def read_arrays(owners, scores):
    from tidegate.classifiers.sample import Traffic

    return Traffic(np.array(owners), np.array(scores, np.float32))


@pytest.mark.parametrize(
    ("owners", "scores", "said"),
    [
        (np.uint32([0]), np.uint8([[1]]), r"expected uint32 \(W,\) ascending and uint8 \(W, 2\)"),
        (np.uint32([1, 0]), np.uint8([[1, 1], [1, 1]]), "ascending"),
        (np.float32([0]), np.uint8([[1, 1]]), "owners float32"),
        (np.uint32([]), np.zeros((0, 2), np.uint8), "at least one window"),
        (np.array([None]), np.uint8([[1, 1]]), "not a traffic file"),  # pickled: never loaded
    ],
)
def test_traffic_file_of_another_shape_is_refused(tmp_path, owners, scores, said):
    path = tmp_path / "t.npz"
    np.savez(path, owners=owners, scores=scores)
    with pytest.raises(ModelFileError, match=said):
        read(path, path.read_bytes(), 2)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no", b"text", b"\x93NUMPY\x01\x00"])
def test_traffic_file_that_is_none_is_refused(tmp_path, content):
    with pytest.raises(ModelFileError, match=r"t\.npz: not a traffic file"):
        read(tmp_path / "t.npz", content, 2)


def test_changed_traffic_file_is_refused_by_its_hash(stated, tmp_path):
    (tmp_path / "t.npz").write_bytes(b"other")
    with pytest.raises(ModelFileError, match=r"models\.both\.traffic: .*t\.npz: sha256 is"):
        load(manifest=stated)
