"""The tokenizers: the screen's, learned from the training split alone, and the encoder's with the same folding."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from training import emoji

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
    """The tokenizer.json of a BERT, with our folding before its own, and a word for each emoji after its own words.

    A [CLS] and a [SEP] around each text.
    """
    described = json.loads(path.read_text("utf-8"))
    vocabulary = described["model"]["vocab"]
    vocabulary |= {letter: len(vocabulary) + i for i, letter in enumerate(new_words(vocabulary))}
    tokenizer = Tokenizer.from_str(json.dumps(described))
    tokenizer.normalizer = normalizers.Sequence([folding(), tokenizer.normalizer])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [tokenizer.pre_tokenizer, pre_tokenizers.Split(Regex(emoji.SPLIT), "isolated")]
    )
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def new_words(vocabulary: Mapping[str, int]) -> dict[str, str]:
    """Emoji that a BERT's vocabulary lacks -> their names."""
    return {letter: name for letter, name in emoji.emoji().items() if letter not in vocabulary}


def named_pieces(path: Path) -> list[list[int]]:
    """The BERT's own tokens of each new word's name, in the order of the new ids."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    names = new_words(tokenizer.get_vocab()).values()
    return [encoding.ids for encoding in tokenizer.encode_batch(list(names), add_special_tokens=False)]
