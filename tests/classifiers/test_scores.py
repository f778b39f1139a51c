"""What holds of scores whatever the model: row by row, batch by batch, thread by thread, whatever the text."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.classifiers.text import encodable

from .texts import HOSTILE, some_texts


@pytest.fixture(params=["real", "tiny"])
def classifier(request):
    """The committed model, and the tiny export."""
    return request.getfixturevalue(request.param)


def test_scores_have_a_row_a_text_and_a_column_a_label(classifier):
    scores = classifier.score(["one", "two", "three"]).values
    assert scores.shape == (3, len(classifier.labels))
    assert scores.dtype == np.float32
    assert classifier.score([]).values.shape == (0, len(classifier.labels))


def test_text_scores_the_same_alone_and_in_any_batch_and_order(classifier):
    texts = some_texts(80, seed=1)
    alone = np.concatenate([classifier.score([text]).values for text in texts])
    rng = random.Random(2)
    for _ in range(20):
        drawn = rng.sample(range(len(texts)), rng.randint(1, len(texts)))
        batch = classifier.score([texts[i] for i in drawn]).values
        assert np.array_equal(np.round(batch.astype(float), 4), np.round(alone[drawn].astype(float), 4))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.text(max_size=300), max_size=6))
def test_any_text_scores_in_range_and_the_same_alone(real, texts):
    batch = real.score(texts).values
    assert ((batch >= 0) & (batch <= 1)).all()
    for i, text in enumerate(texts):
        np.testing.assert_array_equal(real.score([text]).values[0], batch[i])


@pytest.mark.parametrize("text", ["", " ", "\n\t ", "\u2003"])
def test_text_without_tokens_scores_nothing(classifier, text):
    assert not classifier.score([text, "word"]).values[0].any()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_harms_no_other_text(classifier, name):
    """It neither crashes nor stalls, and its neighbours score as without it."""
    neighbours = ["a kind word", "rude"]
    began = time.process_time()
    scores = classifier.score([neighbours[0], HOSTILE[name], neighbours[1]]).values
    assert time.process_time() - began < 15  # about 1 s on one core; a stall would be minutes
    assert ((scores >= 0) & (scores <= 1)).all()
    np.testing.assert_array_equal(scores[[0, 2]], classifier.score(neighbours).values)


def test_lone_surrogates_become_replacement_characters():
    """One for one."""
    assert encodable("a\ud800b\udfff\U0001f600") == "a\ufffdb\ufffd\U0001f600"
    assert encodable("plain\0") == "plain\0"


def test_parallel_batches_score_as_on_one_thread(classifier):
    batches = [some_texts(16, seed=seed) for seed in range(24)]
    expected = [classifier.score(batch).values for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        found = [scored.values for scored in pool.map(classifier.score, batches * 2)]
    for one, other in zip(found, expected * 2, strict=True):
        np.testing.assert_array_equal(one, other)


def test_scoring_leaves_the_interpreter_to_others():
    """A megabyte being read does not stop another thread: the tokenizer and the runtime release the GIL."""
    from tidegate.classifiers import load

    classifier = load()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(classifier.score, [HOSTILE["one word without a run, a megabyte"]])
        ticks = 0
        while not work.done():
            ticks += 1
            time.sleep(0.001)
    assert ticks > 20  # a call that held the GIL throughout would let in one or two
