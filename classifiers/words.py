"""Words whose tokens are remembered: most words of a text were seen before, and a tokenizer is slow to be asked.

Text of a language model is read in under half the time (700 characters: 20 us, and 10 us for each new word). Only for
tokenizers that read each word, as white space separates it, by itself; then the tokens are exactly the tokenizer's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from tidegate.classifiers.offsets import Ids

MOST_WORDS = 65_536  # remembered, about 200 bytes each; then all are forgotten, and learned anew in some seconds
LONGEST_WORD = 256  # characters: a text with a longer one is no prose, and is read as a whole

# What Python takes for white space and a tokenizer may not, or may remove: a text with one is read as a whole.
ODD = re.compile("[\x0b\x0c\x1c-\x1f\x85]")
SPACES = (
    "\t\n\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)

MODELS = {"BPE", "WordPiece", "WordLevel"}
NORMALIZERS = {"NFC", "NFD", "NFKC", "NFKD", "StripAccents", "Lowercase", "BertNormalizer"}
SPLITTERS = {"Whitespace", "WhitespaceSplit", "BertPreTokenizer"}
CLASS = r"\[[^\\\[\]^&]+\]"  # a regular expression of one class of characters


class Words:
    """Token ids of texts, word by word. Thread safe."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict[str, bytes] = {}  # int64 ids

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of each text, without special tokens: what the tokenizer gives."""
        if len(self._known) > MOST_WORDS:
            self._known = {}
        known = self._known  # another thread may forget; what this call learns stays in its own
        split = [[] if ODD.search(text) else text.split() for text in texts]
        new = set().union(*split).difference(known)
        long = {word for word in new if len(word) > LONGEST_WORD}
        learn = [*(new - long)]
        known.update((w, ids.tobytes()) for w, ids in zip(learn, whole(self._tokenizer, learn), strict=True))
        found = []
        for text, words in zip(texts, split, strict=True):
            if words and (not long or long.isdisjoint(words)):
                found.append(np.frombuffer(b"".join(map(known.__getitem__, words)), np.int64))
            else:
                found += whole(self._tokenizer, [text])
        return found


def whole(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Ids]:
    """The ids of each text, without special tokens, as the tokenizer reads it."""
    return [np.array(e.ids, np.int64) for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def word_by_word(described: str) -> bool:
    """Whether a tokenizer (as its tokenizer.json) reads each word by itself; False where that is not certain."""
    parts = json.loads(described)
    model, added = parts["model"], parts["added_tokens"]
    return (
        model.get("type") in MODELS
        and not model.get("dropout")
        and all(_of_characters(part) for part in _flat(parts["normalizer"], "normalizers"))
        and _splits_within_words(_flat(parts["pre_tokenizer"], "pretokenizers"))
        and not any(token["lstrip"] or token["rstrip"] or token["single_word"] for token in added)
        and not any(token["content"] != "".join(token["content"].split()) for token in added)
    )


def _flat(part: dict[str, Any] | None, key: str) -> list[dict[str, Any]]:
    if part is None:
        return []
    return [each for inner in part[key] for each in _flat(inner, key)] if part["type"] == "Sequence" else [part]


def _splits_within_words(splitters: list[dict[str, Any]]) -> bool:
    """Whether a text is split at white space first, and then at most each character of a class by itself."""
    return (
        bool(splitters)
        and splitters[0]["type"] in SPLITTERS
        and all(
            part["type"] == "Split"
            and part["behavior"] == "Isolated"
            and not part["invert"]
            and re.fullmatch(CLASS, part["pattern"].get("Regex", "")) is not None
            and not re.search(part["pattern"]["Regex"], SPACES)
            for part in splitters[1:]
        )
    )


def _of_characters(normalizer: dict[str, Any]) -> bool:
    """Whether it looks at one character at a time and leaves white space be.

    A Replace of one character by another does, and one that takes out a class of characters.
    """
    if normalizer["type"] != "Replace":
        return normalizer["type"] in NORMALIZERS
    one, content = normalizer["pattern"].get("String"), normalizer["content"]
    if one is not None:
        return len(one) == len(content) == 1 and not (one + content).isspace() and not {one, content} & set(SPACES)
    pattern = normalizer["pattern"].get("Regex", "")
    plain = re.fullmatch(CLASS, pattern) is not None and not normalizer["content"]
    return plain and not re.search(pattern, SPACES)
