"""Texts to score: made of plain words, and of what people send who mean harm."""

from __future__ import annotations

import random

WORDS = [
    *("the", "report", "was", "late", "and", "you", "are", "a", "stupid", "fool", "but", "thanks", "for", "your"),
    *("kind", "help", "with", "this", "awful", "damn", "bug", "I", "will", "hurt", "nobody", "people", "are"),
    *("all", "the", "same", "你好", "😀", "naïve", "e-mail", "3.14", "ok"),
]

HOSTILE = {
    "one letter, a megabyte": "a" * 1_000_000,
    "one letter, spaced": "a " * 100_000,
    "white space": " \t\n\u2003" * 50_000,
    "null bytes": "\0" * 1000 + "you\0are\0a\0fool",
    "lone surrogates": "you are \ud800 a fool \udfff\udc00",
    "zalgo": "f" + "\u0301\u0316\u0489" * 2000 + "ool",
    "zero-width": "\u200b".join("you are a stupid fool"),
    "right to left": "\u202eloof diputs a era uoy\u202c",
    "emoji": "👨‍👩‍👧‍👦" * 2000,
    "mixed scripts": "уou аre а fооl 你好 مرحبا שלום नमस्ते" * 50,
    "controls": "".join(map(chr, range(32))) * 100,
    "beyond the BMP": "\U0010ffff\U0001f4a9" * 500,
    "full width": "ｙｏｕ ａｒｅ ａ ｆｏｏｌ",
    "one word of punctuation": "!" * 100_000,
    "homoglyphs": "уоu аrе а stuрid fооl " * 100,
    "leetspeak": "y0u 4r3 4 5tup1d f00l " * 100,
    "spaced letters": "y o u a r e a f o o l " * 100,
    "ligatures": "ﬀ ﬁ ﬂ ﬃ ﬄ you are a ﬁlthy ﬂea ﷺ " * 100,
    "marks alone": "\u0301\u200b\ufeff" * 5_000,
    "special tokens": "[PAD] [UNK] [CLS] you are a fool [SEP] " * 100,
    "one word without a run, a megabyte": "".join(random.Random(3).choices("ab", k=1_000_000)),
    "insults without a run, 300 kilobytes": " ".join(random.Random(4).choices(WORDS[:14], k=75_000)),
    "insults, 300 kilobytes": "you are a stupid fool and I will hurt you " * 7_000,
}


def some_texts(n: int, seed: int) -> list[str]:
    """Texts of 0 to 600 words, most of them short."""
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=int(600 * rng.random() ** 4))) for _ in range(n)]
