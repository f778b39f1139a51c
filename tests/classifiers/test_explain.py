"""Which words a score comes from. Of the tiny export a window says -3, a `rude` +6 on rudeness, a `scary` on menace.

What a word adds is what the window's score falls by without it: `rude` alone, 0.9526 less 0.0474 is 0.9051.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.classifiers import Cascade, Span, load
from tidegate.classifiers.explain import EXPLAIN_FROM

from .texts import HOSTILE


def explained(scorer, text, **options):
    """[(what the span holds, label, added to 2 decimals)] of one text."""
    (spans,) = scorer.score([text], explain=True, **options).spans
    return [(text[span.start : span.end], span.label, round(span.added, 2)) for span in spans]


def test_word_that_makes_the_score_is_the_span(tiny):
    assert tiny.score(["a rude word"], explain=True).spans == [
        [Span(2, 6, "rudeness", pytest.approx(0.9051, abs=1e-4))]
    ]
    assert explained(tiny, "a rude word, a scary word") == [("rude", "rudeness", 0.91), ("scary", "menace", 0.91)]


def test_low_score_has_no_span(tiny):
    assert EXPLAIN_FROM > 0.0474
    assert tiny.score(["a kind word", "", "rude"], explain=True).spans[:2] == [[], []]


def test_nobody_asked_for_spans(tiny):
    assert tiny.score(["rude"]).spans is None


def test_scores_are_the_same_with_an_explanation(tiny):
    texts = ["a rude word", "kind", ""]
    np.testing.assert_array_equal(tiny.score(texts, explain=True).values, tiny.score(texts).values)


def test_words_that_only_punctuation_separates_are_one_span(tiny):
    #  rude, rude: 0.9999 falls to 0.9526 without either, to 0.0474 without both.
    assert explained(tiny, "a rude, RUDE word") == [("rude, RUDE", "rudeness", 0.09)]
    assert explained(tiny, "rude a rude") == [("rude", "rudeness", 0.05), ("rude", "rudeness", 0.05)]


def test_words_are_taken_until_the_score_has_halved(tiny):
    #  Each `rude` adds the same; all three have to go before 0.9999999 falls under half.
    assert [word for word, *_ in explained(tiny, "rude a rude a rude")] == ["rude"] * 3


def test_every_window_that_makes_half_of_the_score_is_explained(tiny):
    text = "rude" + " word" * 20 + " rude rude" + " word" * 20  # 0.9526, 0.0474 .., 0.9999, 0.0474 ..
    assert [word for word, *_ in explained(tiny, text)] == ["rude", "rude rude"]
    assert [span.start for span in tiny.score([text], explain=True).spans[0]] == [0, 4 + 5 * 20 + 1]


def test_word_that_two_windows_share_counts_once(tiny):
    #  word word word word rude word word word word: at the end of one window and the start of the next
    assert explained(tiny, "word word word word rude word word word word") == [("rude", "rudeness", 0.91)]


def test_window_without_a_word_that_matters_is_a_span_whole(write_manifest):
    even = load(manifest=write_manifest(activation='"softmax"'))  # 0.5 and 0.5 with any words but these two
    assert explained(even, "  a kind word! ") == [("a kind word!", label, 0.5) for label in ("menace", "rudeness")]


def test_span_is_of_the_text_as_it_was_written(tiny):
    text = "😀 ﬁ — «Ru\u0301de\u0301\u200b» \ud800 ScarY"
    assert explained(tiny, text) == [("Ru\u0301de\u0301\u200b", "rudeness", 0.91), ("ScarY", "menace", 0.91)]


def test_word_of_several_tokens_is_taken_whole(real):
    (spans,) = real.score(["Well, you are a STUPIDDDD\u200bhead idiotttt, dear."], explain=True).spans
    text = "Well, you are a STUPIDDDD\u200bhead idiotttt, dear."
    for span in spans:
        assert not text[span.start - 1 : span.start].isalnum()
        assert not text[span.end : span.end + 1].isalnum()
    assert any(span.start == text.index("STUPID") for span in spans if span.label == "toxicity")


def test_word_that_every_window_cuts_is_marked_whole(tiny):
    #  a a a a a rude ##s ##y ##s ##y ##s ##y ##s a a a
    #  [-------------)
    #          [-----------------------)
    text = "a a a a a rudesysysys a a a"
    assert explained(tiny, text) == [("rudesysysys", "rudeness", 0.91)]


def test_insult_in_a_long_text_is_found_where_it_stands(real):
    calm = "The meeting was moved to Thursday because two people are on holiday. " * 7
    text = f"{calm}You are a stupid idiot. {calm}"
    (spans,) = real.score([text], explain=True).spans
    assert [text[span.start : span.end] for span in spans if span.label == "toxicity"] == ["idiot"]
    assert {span.start // len(calm) for span in spans if span.label in {"toxicity", "insult"}} == {1}


def orderly(text, spans):
    """Whether spans are within the text, not empty, sorted, and for each label apart."""
    assert spans == sorted(spans)
    ends: dict[str, int] = {}
    for span in spans:
        assert ends.get(span.label, 0) <= span.start < span.end <= len(text)
        assert 0 < span.added <= 1
        ends[span.label] = span.end


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_explained_within_itself(real, name):
    text = HOSTILE[name]
    scored = real.score([text], explain=True)
    orderly(text, scored.spans[0])
    assert {span.label for span in scored.spans[0]} == {
        label for label, score in zip(real.labels, scored.values[0], strict=True) if score >= EXPLAIN_FROM
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_explained_within_itself(real, before, after):
    text = f"{before}you stupid idiot{after}"
    scored = real.score([text], explain=True)
    orderly(text, scored.spans[0])
    assert bool(scored.spans[0]) == bool((scored.values >= EXPLAIN_FROM).any())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(st.text(max_size=300))
def test_tokens_are_located_as_they_are_read(real, text):
    located = real.windower.token_offsets(text)
    windows, _ = real.windower.windows([text])
    spans = real.windower.spans(len(located.ids))
    assert [located.ids[start:end].tolist() for start, end in spans] == [window.tolist() for window in windows]
    for start, end in spans:
        low, high = located.span(start, end)
        assert 0 <= low < high <= len(text)


# --- a cascade


def test_cascade_is_explained_by_its_screen(write_cascade):
    cascade = load(manifest=write_cascade())
    assert explained(cascade, "a rude word") == [("rude", "rudeness", 0.91)]  # 0.9526 less 0.0474: the screen's


def test_encoder_explains_what_it_read_where_it_is_asked_to(write_cascade):
    cascade = load(manifest=write_cascade())
    #  The encoder's: 0.9975 with the word, 0.5 without. The pieces stand in the text: "a rude" starts at 0, at 40 ..
    assert explained(cascade, "a rude word", by_encoder=True) == [("rude", "rudeness", 0.5)]
    text = "scary scary a a a a a a a a a a a « rude» a"
    assert explained(cascade, text, by_encoder=True) == [
        ("scary scary", "menace", 0.09),  # 0.9999 less 0.9526, twice: the screen's, nobody else read it
        ("rude", "rudeness", 0.5),
    ]


def test_encoder_that_disagrees_chooses_what_the_screen_explains(write_cascade):
    cascade = load(manifest=write_cascade(rudeness=(0.0, 0.06)))
    assert isinstance(cascade, Cascade)
    #  The screen says 0.0474, the encoder 0.5: there is a span, though no word lowers what the screen says.
    assert [word for word, *_ in explained(cascade, " kind word ")] == ["kind word", "kind word"]
