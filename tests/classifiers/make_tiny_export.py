"""Writes fixtures/tiny: what a Hugging Face sequence-classification export looks like, in a few kilobytes.

`python tests/classifiers/make_tiny_export.py` (needs onnx, of the train extra). Three inputs, float logits, a
WordPiece tokenizer.json with [CLS] and [SEP] and with truncation left on, as exports have it. The "model" adds up
what each word says: 6 for `rude` on rudeness, 6 for `scary` on menace, less 3 for both; divided by nothing, masked.
"""

from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "the", "kind", "rude", "scary", "word", "##s", "##y")
SAYS = {"rude": (6.0, 0.0), "scary": (0.0, 6.0), "[CLS]": (-1.5, -1.5), "[SEP]": (-1.5, -1.5)}
FOLDER = Path(__file__).parent / "fixtures" / "tiny"


def tokenizer() -> Tokenizer:
    """A BERT-like tokenizer over WORDS."""
    vocabulary = {word: i for i, word in enumerate(WORDS)}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106  not a password
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.enable_truncation(8)
    made.enable_padding(length=8)
    return made


def model() -> bytes:
    """input_ids, attention_mask, token_type_ids -> logits (batch, 2)."""
    table = np.array([SAYS.get(word, (0.0, 0.0)) for word in WORDS], np.float32)
    node = helper.make_node
    nodes = [
        node("Gather", ["table", "input_ids"], ["says"]),
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["mask", "last"], ["mask3"]),
        node("Mul", ["says", "mask3"], ["said"]),
        node("ReduceSum", ["said", "one"], ["sum"], keepdims=0),
        # Segment ids are read, as a real export reads them; ours are all 0.
        node("Cast", ["token_type_ids"], ["segment"], to=TensorProto.FLOAT),
        node("ReduceSum", ["segment", "one"], ["segments"], keepdims=1),
        node("Add", ["sum", "segments"], ["logits"]),
    ]
    names = ("input_ids", "attention_mask", "token_type_ids")
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"]) for name in names],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([-1], np.int64), "last"),
            numpy_helper.from_array(np.array([1], np.int64), "one"),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    checker.check_model(made)
    return made.SerializeToString()


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "model.onnx").write_bytes(model())
    tokenizer().save(str(FOLDER / "tokenizer.json"))
