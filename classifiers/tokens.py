"""Token windows of texts: the tokenizer, its special tokens, and the cutting of what is too long."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from tidegate.classifiers.errors import ModelFileError, ModelMismatchError
from tidegate.classifiers.offsets import Ids, TokenOffsets
from tidegate.classifiers.text import encodable
from tidegate.classifiers.windows import spans
from tidegate.classifiers.words import Words, whole, word_by_word

PADS = ("[PAD]", "<pad>", "<|padding|>")  # any id does where there is none: padding is masked
PROBES = ("a", "the", "0", ".")  # one of them is in any vocabulary that could read English


class Windower:
    """Cuts texts into windows of at most `max_tokens` token ids, special tokens included.

    Thread safe: the tokenizer is not changed after construction and releases the GIL while it reads.
    """

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int, overlap: int, where: str) -> None:
        # A tokenizer.json may come with truncation set: left on, it would drop the end of long texts in silence.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._words = Words(tokenizer) if word_by_word(tokenizer.to_str()) else None
        before, after = special_tokens(tokenizer)
        self.prefix, self.suffix = np.array(before, np.int64), np.array(after, np.int64)
        self.size = max_tokens - len(self.prefix) - len(self.suffix)
        self.overlap = overlap
        if self.size <= overlap:
            raise ModelMismatchError(
                f"{where}: max_tokens {max_tokens} leaves {self.size} tokens for text beside "
                f"{len(self.prefix) + len(self.suffix)} special ones, expected more than overlap {overlap}; "
                "no model loaded"
            )
        self.pad = next((i for i in map(tokenizer.token_to_id, PADS) if i is not None), 0)

    def windows(self, texts: Sequence[str]) -> tuple[list[Ids], list[int]]:
        """(windows of token ids, the index of the text each is of), texts in order.

        A text without tokens (empty, or only white space) has no window.
        """
        read = [encodable(text) for text in texts]
        windows: list[Ids] = []
        owners: list[int] = []
        for owner, ids in enumerate(self._words.ids(read) if self._words else whole(self._tokenizer, read)):
            for start, end in self.spans(len(ids)):
                windows.append(self.framed(ids[start:end]))
                owners.append(owner)
        return windows, owners

    def spans(self, tokens: int) -> list[tuple[int, int]]:
        """The windows of a text of so many tokens, as token intervals [start, end)."""
        return spans(tokens, self.size, self.overlap)

    def framed(self, ids: Ids) -> Ids:
        """The ids of a window between the special tokens, where the tokenizer has any."""
        if not len(self.prefix) + len(self.suffix):
            return ids
        return np.concatenate([self.prefix, ids, self.suffix])

    def token_offsets(self, text: str) -> TokenOffsets:
        """The text's tokens, the same that `windows` cuts, and where they stand. Three times as dear."""
        # One text as a batch: `encode` alone would hold the GIL.
        (encoding,) = self._tokenizer.encode_batch([encodable(text)], add_special_tokens=False)
        return TokenOffsets(text, np.array(encoding.ids, np.int64), encoding.offsets, encoding.word_ids)


def read_tokenizer(path: Path, content: bytes) -> Tokenizer:
    """The tokenizer in a tokenizer.json. Raises ModelFileError where it is none."""
    try:
        return Tokenizer.from_buffer(content)
    except Exception as error:  # the library raises nothing narrower
        raise ModelFileError(f"{path}: not a tokenizer.json ({error}); no model loaded") from error


def special_tokens(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """(ids put before, ids put after) a text by the tokenizer's own template, such as [CLS] and [SEP]."""
    for probe in PROBES:
        bare: list[int] = tokenizer.encode(probe, add_special_tokens=False).ids
        full: list[int] = tokenizer.encode(probe, add_special_tokens=True).ids
        for start in range(len(full) - len(bare) + 1 if bare else 0):
            if full[start : start + len(bare)] == bare:
                return full[:start], full[start + len(bare) :]
    return [], []
