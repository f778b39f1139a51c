"""A screen and an encoder as one scorer.

Of the tiny export a window says -3 as such, +6 a `rude` on rudeness, +6 a `scary` on menace. The screen takes that
through a sigmoid, the encoder through a softmax:

    window          screen: rudeness, menace       encoder: rudeness, menace
    word            0.0474            0.0474       0.5               0.5
    rude            0.9526            0.0474       0.9975            0.0025
    rude rude       0.9999            0.0474       1.0               0.0
    rude scary      0.9526            0.9526       0.5               0.5

The screen's windows hold 6 words and share 2; the band of rudeness is [0.9, 0.99), that of menace is empty.
"""

from __future__ import annotations

import random
import time

import numpy as np
import pytest

from tidegate.classifiers import Cascade, ScoreError, covering, load
from tidegate.classifiers.bands import MOST_WINDOWS

from .texts import HOSTILE, some_texts


class Reader:
    """A cascade's encoder that keeps what it is given."""

    def __init__(self, encoder):
        self.encoder, self.read = encoder, []

    def __getattr__(self, name):
        return getattr(self.encoder, name)

    def score(self, texts):
        self.read += texts
        return self.encoder.score(texts)


@pytest.fixture
def both(write_cascade):
    """both(rudeness=(low, high), menace=...) -> a cascade whose `encoder.read` is what the encoder was given."""

    def make(threads=1, **changes) -> Cascade:
        loaded = load(manifest=write_cascade(**changes), threads=threads)
        reader = Reader(loaded.encoder)
        return Cascade("both", loaded.entry, loaded.screen, reader, threads=threads)

    return make


def test_encoder_reads_only_what_the_screen_is_unsure_of(both):
    cascade = both()
    scored = cascade.score(["rude", "word", "rude rude"])
    assert cascade.encoder.read == ["rude"]
    assert (
        np.round(scored.values, 4).tolist()
        == np.float32([[0.9975, 0.0025], [0.0474, 0.0474], [0.9999, 0.0474]]).tolist()
    )
    assert scored.by_encoder.tolist() == [[True, True], [False, False], [False, False]]
    assert scored.sent == 1


@pytest.mark.parametrize(
    ("band", "read"),
    [
        ((0.9526, 0.96), True),  # low is in the band: the screen says 0.952574, rounded 0.9526
        ((0.95, 0.9526), False),  # high is not
        ((0.9527, 0.96), False),
        ((0.9526, 0.9526), False),  # empty
    ],
)
def test_band_holds_its_low_end_and_not_its_high_end(both, band, read):
    cascade = both(rudeness=band)
    assert cascade.score(["rude"]).sent == read
    assert cascade.encoder.read == ["rude"] * read


def test_text_settled_by_one_window_is_not_read_for_another(both):
    cascade = both()
    #  rude rude word word word word word word word rude
    #  [----------------------------)                      rudeness 0.9999: settled
    #                      [----------------------------)  rudeness 0.9526: in the band, and no matter
    scored = cascade.score(["rude rude " + "word " * 7 + "rude"])
    assert cascade.encoder.read == []
    assert not scored.by_encoder.any()
    assert scored.values[0, 0] == pytest.approx(0.9999, abs=1e-4)


def test_text_settled_for_one_label_is_still_read_for_another(both):
    cascade = both(rudeness=(0.9, 0.99), menace=(0.9, 0.99))
    #  rude rude scary: rudeness 0.9999, settled; menace 0.9526, in its band
    scored = cascade.score(["rude rude scary"])
    assert cascade.encoder.read == ["rude rude scary"]
    assert scored.values[0] == pytest.approx([0.9975, 0.0025], abs=1e-4)  # softmax of 9 and 3


def test_each_window_has_one_reader_and_the_highest_counts(both):
    cascade = both()
    #  rude word word word word word word word scary scary
    #  [----------------------------)                        read: 0.9975, 0.0025
    #                      [----------------------------)    screen: 0.0474, 0.9999
    scored = cascade.score(["rude " + "word " * 7 + "scary scary"])
    assert cascade.encoder.read == ["rude word word word word word"]
    assert scored.values[0] == pytest.approx([0.9975, 0.9999], abs=1e-4)
    assert scored.by_encoder.tolist() == [[True, False]]


def test_score_of_a_window_that_is_read_falls_too(both):
    cascade = both(rudeness=(0.9, 0.99))
    scored = cascade.score(["rude scary", "rude scary" + " word" * 7])  # 0.9526 both, read: 0.5 both
    assert scored.values.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    scored = cascade.score(["rude" + " word" * 7])  # menace: read, 0.0025; the last window, not read, 0.0474
    assert scored.values[0] == pytest.approx([0.9975, 0.0474], abs=1e-4)
    assert scored.by_encoder.tolist() == [[True, False]]
    assert scored.sent == 1


def test_a_tie_is_the_encoders(write_cascade):
    loaded = load(manifest=write_cascade())
    same = Cascade("same", loaded.entry, loaded.screen, loaded.screen)
    #  Menace is 0.0474 in the window that is read and in the one that is not.
    assert same.score(["rude" + " word" * 7]).by_encoder.tolist() == [[True, True]]


def test_encoder_reads_whole_words_of_the_original_text(both):
    cascade = both(rudeness=(0.9, 0.99))
    #                 [-- six tokens: wo ##rd... the words around them are the text's own, marks and capitals kept
    assert cascade.score(["  «Rude,\u200b wôrd»\n"]).sent == 1
    assert cascade.encoder.read == ["«Rude,\u200b wôrd»"]


def test_window_that_cuts_a_word_is_widened_to_it_but_not_far(both):
    cascade = both(rudeness=(0.9, 0.99))
    cascade.score(["rude a a a a words a a"])  # `words` is word ##s: the first window ends between them
    assert cascade.encoder.read == ["rude a a a a words"]
    cascade.encoder.read.clear()
    cascade.score(["rude" + "!" * 100])  # the window holds five of them
    assert cascade.encoder.read == ["rude" + "!" * 25]


def test_the_same_words_are_read_once_a_call(both):
    cascade = both()
    scored = cascade.score(["rude", "word", "rude", " rude "])
    assert cascade.encoder.read == ["rude"]
    assert scored.sent == 3
    assert (scored.values[[0, 2, 3]] == scored.values[0]).all()


def test_encoder_reads_a_bounded_number_of_windows(both):
    cascade = both()
    #  Of eight words one is rude, and windows begin at every fourth: each holds one `rude`, 0.9526.
    text = " ".join("word" if i % 8 else "rude" for i in range(4000))
    text = " ".join(f"x{i}" if word == "word" else word for i, word in enumerate(text.split()))
    scored = cascade.score([text, "rude"])
    assert len(cascade.encoder.read) == MOST_WINDOWS + 1
    assert cascade.encoder.read[0] == "rude x1 x2 x3 x4 x5"  # of equals the earlier
    assert cascade.encoder.read[MOST_WINDOWS - 1].startswith(f"x{4 * (MOST_WINDOWS - 1)} ")
    assert scored.sent == 2


def test_error_of_the_encoder_is_an_error_of_the_call(both):
    cascade = both(threads=2)
    broken = cascade.encoder.encoder
    broken.probabilities = lambda windows: (_ for _ in ()).throw(ScoreError("slow@0: gave a number that is none"))
    with pytest.raises(ScoreError, match="slow@0"):
        cascade.score(["rude"])
    assert cascade.score(["word"]).sent == 0


# --- whatever the models


def test_text_scores_the_same_alone_and_in_any_batch_and_order(real_cascade):
    texts = some_texts(60, seed=5)
    alone = [real_cascade.score([text]) for text in texts]
    values = np.concatenate([scored.values for scored in alone])
    by = np.concatenate([scored.by_encoder for scored in alone])
    sent = np.array([scored.sent for scored in alone])
    assert 10 < sent.sum() < 60  # else this tells nothing
    assert by.any()
    assert not by.all()
    rng = random.Random(6)
    for _ in range(20):
        drawn = rng.sample(range(len(texts)), rng.randint(1, len(texts)))
        batch = real_cascade.score([texts[i] for i in drawn])
        assert np.array_equal(np.round(batch.values.astype(float), 4), np.round(values[drawn].astype(float), 4))
        assert np.array_equal(batch.by_encoder, by[drawn])
        assert batch.sent == sent[drawn].sum()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_harms_no_other_text(real_cascade, name):
    """It neither crashes nor stalls, and its neighbours score as without it."""
    everything = real_cascade.covering(dict.fromkeys(real_cascade.labels, (0.0, 1.0)))
    neighbours = ["a kind word", "you are a fool"]
    began = time.process_time()
    scored = everything.score([neighbours[0], HOSTILE[name], neighbours[1]], explain=True)
    assert time.process_time() - began < 20  # 1 to 2 s on one core; a stall would be minutes
    assert ((scored.values >= 0) & (scored.values <= 1)).all()
    np.testing.assert_array_equal(scored.values[[0, 2]], everything.score(neighbours).values)
    for span in scored.spans[1]:
        assert 0 <= span.start < span.end <= len(HOSTILE[name])


@pytest.mark.parametrize("text", ["", " \n", "\u2003"])
def test_text_without_tokens_is_never_sent(real_cascade, text):
    scored = real_cascade.score([text])
    assert (scored.sent, scored.values.any(), scored.by_encoder.any()) == (0, False, False)
    assert real_cascade.score([]).values.shape == (0, len(real_cascade.labels))


# --- bands in force


def test_view_asks_the_encoder_near_a_live_threshold(both):
    cascade = both(rudeness=(0.2, 0.3))
    assert cascade.score(["rude"]).sent == 0
    view = cascade.covering({"rudeness": [0.95]})
    assert view.score(["rude"]).sent == 1  # 0.9526 lies within 0.05 of 0.95
    assert cascade.score(["rude"]).sent == 0
    assert view.version != cascade.version


def test_views_share_models_and_widen_the_manifests_bands(both):
    cascade = both(rudeness=(0.2, 0.3))
    wide, narrow = cascade.covering({"rudeness": [0.9]}), cascade.covering({"rudeness": [0.25]})
    assert wide.encoder is cascade.encoder
    assert wide.covering({"rudeness": [0.25]}) is narrow  # not wider for having been wide
    assert narrow.version == cascade.version  # the same bands score the same
    assert cascade.covering({"rudeness": [0.9]}) is wide


def test_a_flood_of_policies_keeps_few_views(both):
    cascade = both(rudeness=(0.2, 0.3))
    for i in range(100):
        cascade.covering({"rudeness": [0.3 + i / 200]})
    assert len(cascade._views) <= 16
    assert cascade.covering({"rudeness": [0.95]}).score(["rude"]).sent == 1


def test_a_single_model_holds_any_threshold_as_it_is(tiny, both):
    assert covering(tiny, {"rudeness": [0.5]}) is tiny
    cascade = both()
    assert covering(cascade, {"rudeness": [0.5]}) is cascade.covering({"rudeness": [0.5]})


def test_version_changes_with_the_bands_and_with_each_part(write_cascade):
    one = load(manifest=write_cascade())
    assert load(manifest=write_cascade()).version == one.version
    assert load(manifest=write_cascade(rudeness=(0.9, 0.98))).version != one.version
    text = write_cascade().read_text()
    for changed in (text.replace("overlap = 2", "overlap = 3"), text.replace("overlap = 4", "overlap = 3")):
        manifest = write_cascade()
        manifest.write_text(changed)
        assert load(manifest=manifest).version != one.version
