"""The tokenizer: byte-pair encoding over folded text, learned from the training split alone."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

PAD, UNKNOWN = "[PAD]", "[UNK]"

# Soft hyphen, zero-width and bidirectional marks, byte-order mark, null: invisible, and used to break words up.
INVISIBLE = "[\u0000\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"


def learn_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """A tokenizer with PAD as id 0. Folds width, accents, case and invisible marks before it splits words."""
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(INVISIBLE), ""),
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[PAD, UNKNOWN], limit_alphabet=1000, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
