"""From a checkpoint or from nothing: an encoder trained, exported, quantized, calibrated and registered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from tidegate.classifiers.classifier import Classifier
from tidegate.classifiers.loading import load
from training.calibrate import platt
from training.corpus import Part
from training.encoder.export import export, fold_scale, quantize
from training.encoder.model import Encoder, pretrained
from training.encoder.run import start_folder, teach
from training.label_map import LABELS
from training.reading import pieces_of, read_all
from training.recipe import Recipe
from training.register import Register
from training.screen import Screen
from training.tokens import encoder_tokenizer


def made_encoder(
    training: Part,
    dev: Part,
    screen: Screen,
    recipe: Recipe,
    register: Register,
    checkpoint: Path | None,
    tell: Callable[[str], None],
) -> None:
    """The encoder in int8, registered; its fp32 twin lies in OUT/encoder/ beside the checkpoint, for comparison."""
    work = register.out / "encoder"
    work.mkdir(parents=True, exist_ok=True)
    if checkpoint is None:
        model = teach(training, screen, recipe, recipe.encoder, work / "checkpoint.pt", tell)
    else:
        model = pretrained(start_folder(), len(LABELS))
        model.load_state_dict(torch.load(checkpoint))
        tell(f"encoder taken from {checkpoint}")
    tokenizer = register.folder(recipe.encoder.name) / "tokenizer.json"
    encoder_tokenizer(start_folder() / "tokenizer.json").save(str(tokenizer), pretty=False)
    written = _write(model, register, work)
    # Calibrated as it is used: in int8, on the windows that the cascade would send.
    pieces, owner = pieces_of(dev.texts, screen.windower(recipe))
    scores = read_all(written, pieces, recipe.threads)
    at_most = np.zeros((len(dev.texts), len(LABELS)), np.float32)
    np.maximum.at(at_most, owner, scores)
    logits = np.log(np.clip(at_most, 1e-6, 1 - 1e-6) / (1 - np.clip(at_most, 1e-6, 1 - 1e-6)))
    fitted = [platt(dev.y[known, j], logits[known, j], dev.w[known, j]) for j, known in enumerate((dev.w > 0).T)]
    fold_scale(model, np.array([slope for slope, _ in fitted]), np.array([shift for _, shift in fitted]))
    _write(model, register, work)
    tell("encoder calibrated on dev: slope and shift " + ", ".join(f"{s:.2f} {t:+.2f}" for s, t in fitted))


def _write(model: Encoder, register: Register, work: Path) -> Classifier:
    folder = register.folder(register.recipe.encoder.name)
    export(model, work / "fp32.onnx")
    quantize(work / "fp32.onnx", folder / "model.onnx")
    register.encoder(folder / "model.onnx", folder / "tokenizer.json")
    loaded = load(register.recipe.encoder.name, manifest=register.manifest)
    assert isinstance(loaded, Classifier)  # noqa: S101 - an entry without a kind
    return loaded
