"""Emoji are words: each by itself, wherever it stands, whatever joins or colours it."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from tidegate.classifiers import DEFAULT_MANIFEST, read_manifest
from tidegate.classifiers.tokens import Windower
from tidegate.classifiers.words import whole, word_by_word
from training.emoji import emoji


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    entry = read_manifest().models["encoder-en"]
    return Tokenizer.from_file(str(DEFAULT_MANIFEST.parent / entry.tokenizer))


def test_names_are_words_of_english():
    found = emoji()
    assert found["💩"] == "pile of poo"
    assert found["🏿"] == "dark skin"
    assert all(name.strip() for name in found.values())


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("You 🐒🐒go", ["you", "🐒", "🐒", "go"]),
        ("👨‍👩‍👧", ["👨", "👩", "👧"]),  # joined by zero-width joiners
        ("☕️", ["☕"]),  # with the mark that asks for colour
        ("👍🏿", ["👍", "🏿"]),
    ],
)
def test_each_emoji_is_a_token(tokenizer, text, tokens):
    assert tokenizer.encode(text, add_special_tokens=False).tokens == tokens


def test_texts_are_read_as_the_tokenizer_reads_them(tokenizer):
    """Word by word."""
    assert word_by_word(tokenizer.to_str())
    windower = Windower(tokenizer, max_tokens=96, overlap=16, where="test")
    texts = ["You 🐒🐒go home🐒 now", "❤️ I love☕ it", "no emoji"]
    read, _ = windower.windows(texts)
    for ids, expected in zip(read, whole(tokenizer, texts), strict=True):
        assert ids[1:-1].tolist() == expected.tolist()
