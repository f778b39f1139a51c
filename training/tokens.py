"""The tokenizers: the screen's, learned from the training split alone, and the encoder's with the same folding."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

PAD, UNKNOWN = "[PAD]", "[UNK]"

# Soft hyphen, zero-width and bidirectional marks, byte-order mark, null: invisible, and used to break words up.
INVISIBLE = "[\u0000\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"
# Cyrillic and Greek letters that look like Latin ones, lower case: the models read English.
LOOKALIKES = dict(zip("асеіјорѕхуһԁԛԝαενορτυχι", "aceijopsxyhdqwaevoptuxi", strict=True))


def folding() -> normalizers.Normalizer:
    """Width, accents, case, look-alikes and invisible marks, in an order that leaves few for the slow steps."""
    return normalizers.Sequence(
        [
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            *(normalizers.Replace(theirs, ours) for theirs, ours in LOOKALIKES.items()),
            normalizers.Replace(Regex(INVISIBLE), ""),
        ]
    )


def learn_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """The screen's: byte-pair encoding over folded text, PAD as id 0; a word's tokens do not depend on others."""
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = folding()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[PAD, UNKNOWN], limit_alphabet=1000, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encoder_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer.json of a BERT, with our folding before its own; a [CLS] and a [SEP] around each text."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.normalizer = normalizers.Sequence([folding(), tokenizer.normalizer])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
