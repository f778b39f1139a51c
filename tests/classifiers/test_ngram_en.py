"""The committed model on sentences we wrote: not a measure, an alarm when a new version is plainly broken.

Its figures are in models.toml; thresholds there are the recommended ones.
"""

from __future__ import annotations

import pytest

from classifiers import DEFAULT_MANIFEST, read_manifest

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


@pytest.fixture(scope="module")
def figures():
    return read_manifest().models["ngram-en"].figures


def column(classifier, label, texts):
    return classifier.score(texts).values[:, classifier.labels.index(label)]


def test_default_model_gives_at_least_the_promised_labels(real):
    assert {"toxicity", "insult", "threat", "obscene", "identity_attack", "stereotype"} <= set(real.labels)


def test_benign_sentences_stay_below_every_threshold(real, figures):
    for label in real.labels:
        assert (column(real, label, [*BENIGN, LONG_BENIGN]) < figures.thresholds[label]).all(), label


def test_insults_pass_the_thresholds(real, figures):
    for label in ("toxicity", "insult"):
        assert (column(real, label, INSULTING) >= figures.thresholds[label]).all(), label


def test_threats_and_stereotypes_stand_far_above_benign(real):
    for label, texts in (("threat", THREATENING), ("stereotype", STEREOTYPING)):
        assert column(real, label, texts).min() > 2 * column(real, label, BENIGN).max(), label


def test_one_insult_at_the_end_of_a_long_text_is_found(real, figures):
    text = f"{LONG_BENIGN} {INSULTING[0]}"
    assert column(real, "toxicity", [text])[0] >= 0.5 * figures.thresholds["toxicity"]


def test_disguised_insults_score_as_the_plain_one(real):
    disguises = (
        "you are a stupid idiot",
        "ｙｏｕ ａｒｅ ａ ｓｔｕｐｉｄ ｉｄｉｏｔ",
        "you are a stu\u200bpid id\u00adiot",
        "yóu àre â stüpid ïdiot",
    )
    plain, full_width, zero_width, accents = real.score(disguises).values
    assert (plain == full_width).all()
    assert (plain == zero_width).all()
    assert (plain == accents).all()


def test_figures_cover_every_label_and_both_figures_agree(real, figures):
    assert set(figures.labels) == set(real.labels) == set(figures.thresholds)
    assert all(row.threshold == figures.thresholds[label] for label, row in figures.labels.items())


def test_committed_models_stay_small():
    folder = DEFAULT_MANIFEST.parent
    total = sum(path.stat().st_size for path in (folder / "models").rglob("*") if path.is_file())
    assert 0 < total < 40_000_000
