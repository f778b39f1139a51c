"""The sentences we write: both sides of every kind, whole sentences, known labels, and nothing that helps with harm."""

from __future__ import annotations

import random
import re
from types import ModuleType

import pytest

pytest.importorskip("numpy")

from training.contrast import (
    animals,
    banter,
    barnyard,
    blunders,
    care,
    contrast,
    despair,
    dialect,
    explained,
    functions,
    harmful_requests,
    health,
    history,
    illicit,
    jargon,
    lexicon,
    mentions,
    pictures,
    proper_names,
    reproach,
    runs,
    shell,
    sounding,
    tales,
)
from training.contrast.sentence import Sentence, as_written
from training.contrast.wording import answered
from training.label_map import LABELS

KINDS = (
    animals, care, dialect, explained, harmful_requests, health, history, illicit, jargon, proper_names, reproach, runs,
    banter, barnyard, blunders, despair, functions, lexicon, mentions, pictures, shell, sounding, tales,
)  # fmt: skip
COMING = {"illicit", "harmful_request"}  # settled by our sentences, whether or not the models give them yet
SEED = 0


def made(source: ModuleType) -> list[Sentence]:
    return list({one.text: one for one in source.sentences(random.Random(f"{SEED} {source.__name__}"))}.values())


def harmful(sentence: Sentence) -> bool:
    return any(value == 1 for value in sentence.known.values())


@pytest.mark.parametrize("source", KINDS, ids=lambda source: source.__name__.rsplit(".", 1)[-1])
def test_a_kind_has_many_sentences_on_both_sides(source: ModuleType):
    """Of every kind hundreds of texts, from at least twenty templates, harmful ones and harmless ones."""
    sentences = made(source)
    wrong = [one for one in sentences if harmful(one)]
    assert len(sentences) > 200
    assert len({one.template for one in sentences}) >= 20
    assert min(len(wrong), len(sentences) - len(wrong)) > 60


def test_every_sentence_is_filled_and_settles_known_labels():
    """No place of a template is left open, no article stands wrong, and `known` holds labels of ours at 0 or 1."""
    for sentence in contrast(SEED):
        assert not re.search(r"\{[a-z_0-9]+\}", sentence.text), sentence
        assert not re.search(r"\b[Aa] (?:idiot|asshole|ugly|axe|editor|imbecile)\b", sentence.text), sentence
        assert set(sentence.known) <= {*LABELS, *COMING}, sentence
        assert set(sentence.known.values()) <= {0.0, 1.0}, sentence


@pytest.mark.parametrize("source", KINDS, ids=lambda source: source.__name__.rsplit(".", 1)[-1])
def test_no_text_of_a_kind_is_taught_as_two_things(source: ModuleType):
    """The same words never come once as harm and once as none."""
    said: dict[str, bool] = {}
    for sentence in source.sentences(random.Random(SEED)):
        assert said.setdefault(sentence.text, harmful(sentence)) == harmful(sentence), sentence


def test_offers_of_harm_hold_nothing_to_use():
    """A harmful answer is the start of one: no quantity, link, code or product is in it."""
    usable = re.compile(r"\b\d+ ?(?:mg|g|kg|ml|l|%|°)|https?:|`|\bgrams?\b|\bmillilit|sudo|http", re.IGNORECASE)
    offers = [one for one in made(illicit) if one.known.get("illicit") == 1]
    assert len(offers) > 300
    assert [one.text for one in offers if usable.search(one.text)] == []


def test_twins_differ_in_the_deed_alone():
    """A template of offers and of requests is filled with harm as often as with what only sounds like it."""
    for source, family, label in (
        (illicit, "illicit_twin", "illicit"),
        (harmful_requests, "request_twin", "harmful_request"),
    ):
        answers: dict[str, set[float]] = {}
        for sentence in made(source):
            if sentence.family == family:
                answers.setdefault(sentence.template, set()).add(sentence.known[label])
        assert len(answers) >= 14
        assert all(found == {0.0, 1.0} for found in answers.values())


def test_code_keeps_its_lower_case():
    code, said = "kill {n}", "{n} died."
    pair = [Sentence("Kill 9", code, "made", {}), Sentence("He died.", said, "made", {})]
    assert [one.text for one in as_written(pair)] == ["kill 9", "He died."]


def test_openings_leave_code_and_templates_alone():
    sentences = [Sentence(text, text, "made", {}) for text in ("kill 9", "A\nB", *["Rain fell."] * 100)]
    found = list(answered(random.Random(1), sentences))
    assert [one.text for one in found[:2]] == ["kill 9", "A\nB"]
    assert {one.template for one in found[2:]} == {"Rain fell."}
    assert 40 < sum(one.text == "Rain fell." for one in found[2:]) < 90
