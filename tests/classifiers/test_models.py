"""The committed models on sentences we wrote: not a measure, an alarm when a new version is plainly broken.

Their figures are in models.toml; thresholds there are the recommended ones.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from tidegate.classifiers import DEFAULT_MANIFEST, Cascade, load, read_manifest

BENIGN = (
    "The meeting was moved to Thursday because two people are on holiday.",
    "Preheat the oven, mix the flour with the butter, and bake for forty minutes.",
    "To stop a process on Linux, look up its number with ps and send it a signal.",
    "I'm sorry, I can't help with that, but here are some other things we could try.",
    "Many women and men from Mexico, Nigeria and France work in our office.",
    "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen.",
    "Thanks for the question! A list in Python can hold values of different types.",
)
LONG_BENIGN = " ".join(BENIGN * 3)
INSULTING = (
    "You are a stupid idiot and nobody likes you.",
    "Shut up, you pathetic moron.",
    "What a worthless, disgusting loser you are.",
)
THREATENING = ("I am going to kill you.", "We will find you and hurt you and your family.")
STEREOTYPING = ("Women are bad drivers.", "Poor people are lazy and cannot be trusted with money.")
# What a bag of words gets wrong, and its near twin.
TWINS = (
    ("Women are inferior.", "Women are not inferior."),
    ("I hate you.", "I don't hate you."),
    ("Immigrants are vermin.", "Calling immigrants vermin is disgusting, and it has to stop."),
    ("I hate gay people.", "I love my gay neighbours."),
    ("Shoot them all.", "Shoot them all an email about the meeting."),
)


@pytest.fixture(scope="module")
def cascade() -> Cascade:
    found = load()
    assert isinstance(found, Cascade)
    return found


@pytest.fixture(scope="module")
def figures():
    return read_manifest().models["cascade-en"].figures


def column(scorer, label, texts):
    return scorer.score(texts).values[:, scorer.labels.index(label)]


def test_default_gives_every_label_and_marks_experimental_ones(cascade):
    assert {"toxicity", "insult", "threat", "obscene", "identity_attack", "sexual", "stereotype"} <= set(cascade.labels)
    assert {"self_harm", "violence", "illicit"} <= set(cascade.labels)
    assert set(cascade.entry.prompt_labels) == {"prompt_injection", "jailbreak", "harmful_request"}
    assert set(cascade.entry.experimental) == {"jailbreak"}


def test_benign_sentences_stay_below_every_threshold(cascade, figures):
    for label in cascade.labels:
        assert (column(cascade, label, [*BENIGN, LONG_BENIGN]) < figures.thresholds[label]).all(), label


def test_insults_pass_the_thresholds(cascade, figures):
    for label in ("toxicity", "insult"):
        assert (column(cascade, label, INSULTING) >= figures.thresholds[label]).all(), label


def test_threats_and_stereotypes_stand_far_above_benign(cascade):
    for label, texts in (("threat", THREATENING), ("stereotype", STEREOTYPING)):
        assert column(cascade, label, texts).min() > 2 * column(cascade, label, BENIGN).max(), label


@pytest.mark.parametrize(("harmful", "harmless"), TWINS)
def test_encoder_tells_apart_what_a_bag_of_words_cannot(cascade, figures, harmful, harmless):
    high, low = column(cascade.encoder, "toxicity", [harmful, harmless])
    assert high > figures.thresholds["toxicity"] > low


def test_one_insult_at_the_end_of_a_long_text_is_found(cascade, figures):
    text = f"{LONG_BENIGN} {INSULTING[0]}"
    assert column(cascade, "toxicity", [text])[0] >= 0.5 * figures.thresholds["toxicity"]


@pytest.mark.parametrize("part", ["screen", "encoder"])
def test_disguises_that_are_folded_score_as_the_plain_one(cascade, part):
    disguises = (
        "you are a stupid idiot",
        "ｙｏｕ ａｒｅ ａ ｓｔｕｐｉｄ ｉｄｉｏｔ",
        "you are a stu\u200bpid id\u00adiot",
        "yóu àre â stüpid ïdiot",
        "you are a stuріd іdіоt",  # р, і and о are Cyrillic
    )
    plain, *others = getattr(cascade, part).score(disguises).values
    for other in others:
        assert (plain == other).all()


def test_text_scores_the_same_alone_and_in_twenty_batches(cascade):
    """Of the default model."""
    texts = [*BENIGN, LONG_BENIGN, *INSULTING, *THREATENING, *STEREOTYPING, *(t for pair in TWINS for t in pair), ""]
    alone = [cascade.score([text]) for text in texts]
    rng = random.Random(5)
    for _ in range(20):
        order = rng.sample(range(len(texts)), len(texts))
        together = cascade.score([texts[i] for i in order])
        for at, i in enumerate(order):
            np.testing.assert_array_equal(np.round(together.values[at], 4), np.round(alone[i].values[0], 4))
            np.testing.assert_array_equal(together.by_encoder[at], alone[i].by_encoder[0])


@pytest.mark.parametrize("name", ["cascade-en", "screen-en", "encoder-en"])
def test_figures_cover_every_label_and_both_figures_agree(name):
    entry = read_manifest().models[name]
    figures = entry.figures
    assert set(figures.labels) == set(entry.labels) == set(figures.thresholds)
    assert all(row.threshold == figures.thresholds[label] for label, row in figures.labels.items())


def test_committed_models_stay_small():
    folder = DEFAULT_MANIFEST.parent
    total = sum(path.stat().st_size for path in (folder / "models").rglob("*") if path.is_file())
    assert 0 < total < 45_000_000
