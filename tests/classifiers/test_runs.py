"""What repeats itself is read as if it did so three times, and everything else is left as it is."""

from __future__ import annotations

import random
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tidegate.classifiers import Span, classifier, load, runs
from tidegate.classifiers.runs import KEPT, LEAST, LONGEST, REPEATS, RULE, STRIDE, TRIES, may_repeat, runs_of, shortened

from .texts import some_texts

SENTENCE = "I can not help with that, sorry. "
PARAGRAPH = "".join(f"Step {i}: open the lid, look inside, close the lid. " for i in range(18))
FAMILY = "👨‍👩‍👧‍👦"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a " * 200, "a a a "),
        ("a" + " a" * 200, "a a a a"),  # 401 = 200 * 2 + 1: three periods, and what is left over
        ("😀" * 200, "😀😀😀"),
        (FAMILY * 50, FAMILY * 3),
        ("e\u0301" * 200, "e\u0301" * 3),
        ("\ud83d" * 200 + "\ude00", "\ud83d" * 3 + "\ude00"),  # lone surrogates, which meet as they did
        ("ha" * 64, "hahaha"),  # 128 code points: just so many
        ("no. " * 100, "no. no. no. "),
        (SENTENCE * 8, SENTENCE * 3),  # eight periods: just so many
        (PARAGRAPH * 8, PARAGRAPH * 3),
        ("=" * 400 + "\n" + "=" * 400, "===\n==="),
        (f"Here you go: {'🙂' * 300}. Bye.", "Here you go: 🙂🙂🙂. Bye."),
        (("a" * 200 + "b") * 50, "aaabaaabaaab"),  # inside first
        (" \t" * 500 + "word", " \t" * 3 + "word"),
    ],
)
def test_run_is_shortened_to_three_periods_and_its_rest(text, read):
    assert shortened(text).text == read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no no no",
        "It was very, very, very good!!!!!!",
        "ha " * 40,  # 120 code points
        "x" * (LEAST - 1),
        SENTENCE * 7,  # a chorus
        (PARAGRAPH + SENTENCE * 4) * 8,  # a period of over 1,024
        "| --- | --- | --- | --- | --- | --- |\n" + "| 0 | 0 | 0 | 0 | 0 | 0 |\n" * 5,
        "#" + "-" * 79 + "\n#  what it does\n#" + "-" * 79,
        "if a:\n" + " " * 60 + "return 0000000000000000, 1000000000000000000000000000",
        "\n".join(f"{i}. I am sorry." for i in range(100)),  # no two lines are equal
    ],
)
def test_what_is_no_run_is_left_as_it_is(text):
    assert shortened(text) == (text, None, ())


def test_texts_of_words_are_left_as_they_are():
    assert [text for text in some_texts(400, seed=9) if shortened(text).runs] == []


# --- properties

# Letters, digits, white space, marks, joiners, emoji, flags, scripts and lone surrogates.
ALPHABET = "ab0 \n\t.,!-|\u00e9\u0301\u200b\u200d\ufe0f😀👨👩🇩🇪你ع\u202e\ud83d\ude00\0"
LETTERS = st.one_of(st.sampled_from(ALPHABET), st.characters())
UNITS = st.one_of(
    st.text(LETTERS, min_size=1, max_size=12),
    st.lists(st.sampled_from(["ha", "no.", "I", "am", "sorry.", FAMILY, "\n", "a" * 140]), min_size=1, max_size=9).map(
        " ".join
    ),
)
ENDS = st.one_of(st.just(""), st.text(LETTERS, max_size=12))
# Runs, near runs and what lies between, side by side and one inside another.
PARTS = st.tuples(st.text("ab ", min_size=1, max_size=5), st.sampled_from([1, 2, 7, 8, 30, 64, 127, 128, 150]))
LOOPS = st.lists(PARTS, max_size=6).map(lambda parts: "".join(unit * n for unit, n in parts))
NESTED = st.tuples(LOOPS, st.sampled_from([1, 2, 8, 9])).map(lambda loop: (loop[0][:300] + "c") * loop[1])
TEXTS = st.one_of(LOOPS, NESTED, st.text(LETTERS, max_size=300))


@settings(deadline=None)
@given(ENDS, UNITS, ENDS, st.integers(140, 400), st.integers(1, 300))
@example("", "a " + "b" * 130, "", 140, 1)
@example("aaa", "a" * 100 + "b" + "a" * 50, "b", 140, 1)
def test_unit_is_read_the_same_however_often_it_stands_there(before, unit, after, often, more):
    one, other = (shortened(before + unit * n + after) for n in (often, often + more))
    assert one.text == other.text
    assert len(one.text) <= len(before + after) + (KEPT + 2) * len(unit)


@settings(deadline=None, max_examples=300)
@given(TEXTS, st.data())
def test_what_was_shortened_holds_no_run_nor_does_a_part_of_it(text, data):
    once = shortened(text).text
    assert shortened(once) == (once, None, ())
    start = data.draw(st.integers(0, len(once)))
    part = once[start : data.draw(st.integers(start, len(once)))]
    assert shortened(part) == (part, None, ())


def has_run(text):
    """By the definition, letter by letter."""
    for period in range(1, min(LONGEST, len(text) // REPEATS) + 1):
        equal = 0
        for one, other in zip(text, text[period:], strict=False):
            equal = equal + 1 if one == other else 0
            if equal + period >= max(LEAST, REPEATS * period):
                return True
    return False


@settings(deadline=None, max_examples=200)
@given(TEXTS)
def test_quick_check_misses_no_run_of_the_full_one(text):
    text = text[:1200]
    there = has_run(text)
    assert may_repeat(text) or not there
    assert bool(shortened(text).runs) == there


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_nothing_stands_side_by_side_that_did_not_before(text):
    """So no emoji, accent or pair of surrogates comes apart or comes to be."""
    short = shortened(text)
    kept = range(len(text)) if short.kept is None else short.kept.tolist()
    assert [text[i] for i in kept] == list(short.text)
    assert all(one < other for one, other in pairwise(kept))
    beside = set(pairwise(text))
    assert all(pair in beside for pair in pairwise(short.text))
    assert kept == range(len(text)) or (kept[0], kept[-1]) == (0, len(text) - 1)


# --- back to the original


@settings(deadline=None, max_examples=300)
@given(TEXTS.filter(bool), st.data())
def test_span_is_of_the_original_with_each_run_it_touches(text, data):
    short = shortened(text)
    start = data.draw(st.integers(0, len(short.text) - 1))
    end = data.draw(st.integers(start + 1, len(short.text)))
    low, high = short.original(start, end)
    assert 0 <= low < high <= len(text)
    here = (start, end) if short.kept is None else (int(short.kept[start]), int(short.kept[end - 1]) + 1)
    touched = [run for run in short.runs if run[0] < here[1] and here[0] < run[1]]
    assert (low, high) == (min([here, *touched])[0], max(last for _, last in [here, *touched]))
    if not touched:
        assert text[low:high] == short.text[start:end]


@settings(deadline=None)
@given(TEXTS.filter(bool), st.lists(st.tuples(st.integers(0, 500), st.integers(1, 9), st.sampled_from("xy"))))
def test_spans_of_a_label_stay_apart_sorted_and_within(text, drawn):
    short = shortened(text)
    size, ends, apart = len(short.text), {"x": 0, "y": 0}, []
    for start, end, label in sorted((at % size, min(size, at % size + n), label) for at, n, label in drawn):
        if start >= ends[label]:
            apart.append(Span(start, end, label, 0.4))
            ends[label] = end
    found = short.of_original(apart)
    assert found == sorted(found)
    assert {span.label for span in found} == {span.label for span in apart}
    for label in "xy":
        mine = [span for span in found if span.label == label]
        assert all(one.end <= other.start for one, other in pairwise(mine))
        assert all(0 <= span.start < span.end <= len(text) and 0 < span.added <= 1 for span in mine)


def test_every_repeat_of_what_a_score_comes_from_is_in_its_span(tiny):
    """The words of three repeats say what is to be hidden in all of them."""
    run = "you are rude a word, " * 50
    text = f"a scary word. {run}The end."
    (spans,) = tiny.score([text], explain=True).spans
    assert [(text[span.start : span.end], span.label) for span in spans] == [
        ("scary", "menace"),
        (run.strip(), "rudeness"),
    ]


def test_text_without_a_run_is_explained_as_ever(tiny):
    assert [tuple(span)[:3] for span in tiny.score(["a rude word"], explain=True).spans[0]] == [(2, 6, "rudeness")]


# --- scores and versions


@pytest.mark.parametrize("part", ["screen", "encoder", "cascade"])
@pytest.mark.parametrize("unit", ["a ", "😀", FAMILY, "no. ", SENTENCE, "the", "-", "you are a fool. "])
def test_model_gives_one_score_however_often(default, part, unit):
    model = default if part == "cascade" else getattr(default, part)
    texts = [unit * n for n in (140, 1_500, 1_600, 4_000)]
    first, *others = model.score(texts).values
    assert all((other == first).all() for other in others)
    assert (model.score([unit * KEPT]).values[0] == first).all()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(ENDS, UNITS, st.integers(140, 300), st.integers(1, 200))
def test_any_unit_scores_the_same_however_often(real_cascade, before, unit, often, more):
    one, other = real_cascade.score([before + unit * often, before + unit * (often + more)]).values
    np.testing.assert_array_equal(one, other)


def test_harm_that_is_repeated_is_still_harm(default):
    once, often = default.score(["You are a stupid idiot. ", "You are a stupid idiot. " * 3_000]).values
    toxicity = default.labels.index("toxicity")
    assert once[toxicity] > 0.9
    assert often[toxicity] > 0.9


def test_encoder_is_sent_what_was_shortened_alone(write_cascade):
    cascade = load(manifest=write_cascade())
    read = []
    score = cascade.encoder.score
    cascade.encoder.score = lambda texts: (read.extend(texts), score(texts))[1]
    cascade.score(["a kind rude" + " word" * 400])
    assert read == ["a kind rude word word word"]


def test_rule_is_part_of_every_version(write_manifest, write_cascade, monkeypatch):
    """Two workers of an upgrade never give two scores under one version."""
    assert re.findall(r"\d+", RULE) == ["1", *map(str, (REPEATS, LEAST, LONGEST, KEPT))]
    one, both = load(manifest=write_manifest()).version, load(manifest=write_cascade()).version
    monkeypatch.setattr(classifier, "RULE", RULE.replace("runs 1", "runs 2"))
    assert load(manifest=write_manifest()).version != one
    assert load(manifest=write_cascade()).version != both


# --- what it costs, in steps


class Counted(str):
    """A text that counts how often it is searched."""

    searched = 0

    def find(self, *arguments):
        type(self).searched += 1
        return super().find(*arguments)


def hostile(size):
    """Texts that are nearly runs, or of two letters, or of words that nest: no shorter for it."""
    rng, one, other, thue = random.Random(6), "a", "ab", "0"
    while len(other) < size:
        one, other = other, other + one
    while len(thue) < size:
        thue += thue.translate({48: 49, 49: 48})
    yield "".join(rng.choices("ab", k=size))
    yield "".join("a" * rng.randint(90, 127) + "b" for _ in range(size // 110))
    yield "".join("a" * 127 + chr(0x100 + i) for i in range(size // 128))
    yield other
    yield thue
    yield "".join("".join(rng.choices("ab", k=rng.randint(1, 500))) * 9 for _ in range(size // 2_250))
    yield "a " * (size // 2)


@pytest.mark.parametrize(
    "text", list(hostile(100_000)), ids=["two letters", "near", "nearer", "fib", "thue", "runs", "run"]
)
def test_steps_grow_with_the_text_and_no_faster(text, monkeypatch):
    """A search a stride and TRIES more on average; then at most LONGEST looks at the text, of some array steps each."""
    monkeypatch.setattr(Counted, "searched", 0)
    may_repeat(Counted(text))
    assert Counted.searched <= (1 + TRIES) * (len(text) // STRIDE + 1) + 1
    looked = []
    monkeypatch.setattr(runs, "runs_of", lambda codes, period: (looked.append(len(codes)), runs_of(codes, period))[1])
    shortened(text)
    assert len(looked) <= LONGEST
    assert max(looked, default=0) <= len(text)
