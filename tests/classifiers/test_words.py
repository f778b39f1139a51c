"""Words that are remembered give the tokens that the tokenizer gives."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from tidegate.classifiers import DEFAULT_MANIFEST
from tidegate.classifiers import words as module
from tidegate.classifiers.text import encodable
from tidegate.classifiers.words import ODD, SPACES, Words, whole, word_by_word

from .conftest import TINY
from .texts import HOSTILE, some_texts

MODELS = DEFAULT_MANIFEST.parent / "models"
FILES = {
    "real": MODELS / "screen-en/tokenizer.json",
    "emoji": MODELS / "encoder-en/tokenizer.json",
    "tiny": TINY / "tokenizer.json",
}


def read(path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


TOKENIZERS = {name: read(path) for name, path in FILES.items()}
WORDS = {name: Words(tokenizer) for name, tokenizer in TOKENIZERS.items()}


def same(name, texts, words=None):
    found = (words or WORDS[name]).ids(texts)
    assert [ids.tolist() for ids in found] == [ids.tolist() for ids in whole(TOKENIZERS[name], texts)]


@pytest.mark.parametrize("name", TOKENIZERS)
def test_known_tokenizers_are_read_word_by_word(name):
    assert word_by_word(TOKENIZERS[name].to_str())


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_has_the_tokenizers_tokens(name, kind):
    same(name, ["you are", encodable(HOSTILE[kind]), "a fool"])


# White space of every kind, marks, words, tokens that mean something, and whatever else there is.
PIECES = st.one_of(
    st.sampled_from(
        [*SPACES, *"\x0b\x0c\x1c\x1d\x1e\x1f\x85\0\u200b\u0301\u00a8\ufeff", "[PAD]", "[CLS]", "rude", "ﷺ", "."]
    ),
    st.text(max_size=4),
)


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(deadline=None, max_examples=300)
@given(texts=st.lists(st.lists(PIECES, max_size=30).map("".join), max_size=4))
def test_any_text_has_the_tokenizers_tokens(name, texts):
    same(name, list(map(encodable, texts)))


def test_every_character_python_splits_at_is_space_or_odd():
    split = {chr(i) for i in range(0x110000) if not chr(i).split()}
    assert split == set(SPACES) | {c for c in split if ODD.match(c)}


def test_words_are_forgotten_before_they_are_too_many(monkeypatch):
    monkeypatch.setattr(module, "MOST_WORDS", 50)
    words = Words(TOKENIZERS["tiny"])
    for i in range(20):
        same("tiny", [" ".join(f"w{i}x{j}" for j in range(20)), "rude " + "a" * 300], words)
        assert len(words._known) <= 50 + 21
        assert max(map(len, words._known)) < 300  # what is no word is not remembered


def test_threads_that_forget_and_learn_give_the_same(monkeypatch):
    monkeypatch.setattr(module, "MOST_WORDS", 10)
    words = Words(TOKENIZERS["real"])
    batches = [some_texts(8, seed=seed) for seed in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda batch: same("real", batch, words), batches))


def bpe(normalizer=None, pre_tokenizer=None, **options) -> Tokenizer:
    made = Tokenizer(models.BPE({"a": 0}, [], **options))
    if normalizer is not None:
        made.normalizer = normalizer
    made.pre_tokenizer = pre_tokenizers.Whitespace() if pre_tokenizer is None else pre_tokenizer
    return made


@pytest.mark.parametrize(
    ("tokenizer", "certain"),
    [
        (bpe(), True),
        (bpe(normalizers.Sequence([normalizers.NFKD(), normalizers.Replace(Regex("[\u200b-\u200f]"), "")])), True),
        (bpe(pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit()])), True),
        (bpe(normalizers.Replace(Regex("[\u2000-\u200f]"), "")), False),  # removes white space: joins words
        (bpe(normalizers.Replace(Regex("[^a]"), "")), False),
        (bpe(normalizers.Replace(Regex("\\s+"), "")), False),
        (bpe(normalizers.Replace(Regex("[\\s]"), "")), False),
        (bpe(normalizers.Replace(" ", "_")), False),
        (bpe(normalizers.Replace(Regex("[x]"), " ")), False),
        (bpe(normalizers.Strip()), False),
        (bpe(normalizers.Prepend("x")), False),
        (bpe(pre_tokenizer=pre_tokenizers.Metaspace()), False),
        (bpe(pre_tokenizer=pre_tokenizers.ByteLevel()), False),
        (bpe(pre_tokenizer=pre_tokenizers.Sequence([])), False),  # one word, spaces and all
        (bpe(dropout=0.1), False),
    ],
)
def test_only_what_certainly_reads_word_by_word_is_taken_to(tokenizer, certain):
    assert word_by_word(tokenizer.to_str()) is certain


@pytest.mark.parametrize("key", ["lstrip", "rstrip", "single_word"])
def test_added_tokens_that_look_at_their_neighbours_are_not(key):
    parts = json.loads(FILES["real"].read_text("utf-8"))
    assert word_by_word(json.dumps(parts))
    parts["added_tokens"][0][key] = True
    assert not word_by_word(json.dumps(parts))
    parts["added_tokens"][0] |= {key: False, "content": "[A B]"}
    assert not word_by_word(json.dumps(parts))
