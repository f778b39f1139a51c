"""The encoder's own training: a tiny one learns what is known, is blind to what is masked, and exports as it is."""

from __future__ import annotations

import random

import numpy as np
import pytest

pytest.importorskip("torch", reason="the encoder's training needs the train extra")
pytest.importorskip("safetensors", reason="the encoder's training needs the train extra")

import onnxruntime as ort
import torch

from training.encoder.export import export, fold_scale, quantize
from training.encoder.fit import fit, logits_of
from training.encoder.lessons import batches
from training.encoder.model import Encoder
from training.recipe import EncoderRecipe

TINY = {
    "hidden_size": 32,
    "vocab_size": 60,
    "max_position_embeddings": 32,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
}
RECIPE = EncoderRecipe(
    name="tiny", summary="s", intended_use="i", epochs=6, rate=3e-3, batch_tokens=256, frozen_layers=0
)


def lessons(count=400):
    """Token 7 means the first label; the second is known of nothing."""
    rng = np.random.default_rng(4)
    ids = [rng.integers(10, 60, rng.integers(3, 12)).tolist() for _ in range(count)]
    y, w = np.zeros((2, count, 2), np.float32)
    w[:, 0] = 1
    for i in range(0, count, 2):
        ids[i][1], y[i, 0] = 7, 1
    return ids, y, w


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    model = Encoder(TINY, 2)
    before = model.head.weight[1].clone()
    ids, y, w = lessons()
    saved = []
    fit(model, ids, y, w, RECIPE, lambda line: None, lambda m: saved.append(1))
    return model, before, ids, y, saved


def test_known_label_is_learned_and_weights_are_saved(trained):
    model, _, ids, y, saved = trained
    logits = logits_of(model, ids)
    assert ((logits[:, 0] > 0) == (y[:, 0] == 1)).mean() > 0.95
    assert saved


def test_masked_label_moves_its_head_by_weight_decay_alone(trained):
    model, before, *_ = trained
    change = model.head.weight[1] / before
    assert float((change - change.mean()).abs().max()) < 1e-4
    assert float(model.head.bias[1]) != float(model.head.bias[0])


def test_batches_hold_every_row_once_within_the_budget():
    ids, y, w = lessons(100)
    found = list(batches(ids, y, w, 60, random.Random(1)))
    assert sum(len(batch.y) for batch in found) == 100
    assert all(batch.input_ids.numel() <= 60 for batch in found)
    assert int(sum(batch.attention_mask.sum() for batch in found)) == sum(map(len, ids))


def test_export_gives_what_was_trained_whatever_the_padding_and_int8_is_near(trained, tmp_path):
    model, _, ids, *_ = trained
    fold_scale(model, np.array([0.5, 1.0]), np.array([0.25, 0.0]))
    fp32, int8 = tmp_path / "fp32.onnx", tmp_path / "int8.onnx"
    export(model, fp32)
    quantize(fp32, int8)
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".prepared"] == []
    expected = logits_of(model, ids[:6])
    for path, near in ((fp32, 1e-4), (int8, 0.5)):
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        for row, one in zip(expected, ids, strict=False):
            for padding in (0, 5):
                tokens = np.array([one + [0] * padding])
                mask = np.array([[1] * len(one) + [0] * padding])
                (out,) = session.run(["logits"], {"input_ids": tokens, "attention_mask": mask})
                np.testing.assert_allclose(out[0], row, atol=near)
