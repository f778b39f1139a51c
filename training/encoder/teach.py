"""A teacher, its word on every window, and the encoders that learn from it: each step kept, and not done twice."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from training.encoder import lesson_file
from training.encoder.fit import Say, Windows, fit, logits_of, placed
from training.encoder.lesson_file import DEV, DISGUISED, LESSON, Course, Lessons
from training.encoder.model import Encoder, pretrained, shallower, with_words
from training.encoder.weights import COARSE, load, save

Floats = npt.NDArray[np.float32]
DEEP, SHALLOW = "encoder-l6", "encoder-l3"
KEPT = (1, 3, 5)  # layers of the deep encoder that the shallow one starts from
LEAST_TRUST = 0.5  # weight of the teacher's word, and of an answer beside it
READ_TOKENS = 131_072  # in one run of a model that only reads


def teach(folder: Path, starts: dict[str, Path], labels: int, tell: Say) -> dict[str, float]:
    """Seconds that each step took. folder: holds lessons.npz and courses.json, gets everything else.

    starts: "teacher" and "encoder", each a folder of Hugging Face's or a file of `weights.save`. What is there already
    (teacher.q or teacher-word.npz, encoder-l6.q, encoder-l3.q) is taken as it is.
    """
    lessons = lesson_file.read(folder / "lessons.npz")
    courses = lesson_file.read_courses(folder / "courses.json")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    windows = placed(lessons.padded(), lessons.length, device)
    took: dict[str, float] = {}

    def timed(what: str, began: float) -> None:
        took[what] = round(time.monotonic() - began, 1)
        tell(f"{what}: {took[what]} s")

    word = folder / "teacher-word.npz"
    if not word.is_file():
        began = time.monotonic()
        kept = folder / "teacher.q"
        if kept.is_file():
            teacher = load(kept).to(device)
        else:
            teacher = started(starts["teacher"], lessons, labels).to(device)
            taught(teacher, windows, lessons, courses["teacher"], None, tell)
            save(teacher, kept, COARSE / 4)
        timed("teacher", began)
        began = time.monotonic()
        lesson_file.write_word(word, logits_of(teacher, windows, READ_TOKENS))
        timed("teacher's word", began)
    said = lesson_file.read_word(word)
    deep: Encoder | None = None
    for name in (DEEP, SHALLOW):
        kept = folder / f"{name}.q"
        if not kept.is_file():
            began = time.monotonic()
            start = (
                started(starts["encoder"], lessons, labels)
                if name == DEEP
                else shallower(deep or load_deep(folder), KEPT)
            )
            model = start.to(device)
            taught(model, windows, lessons, courses[name], said, tell)
            save(model, kept)
            timed(name, began)
        model = load(kept).to(device)
        if not (folder / f"{name}-word.npz").is_file():
            lesson_file.write_word(folder / f"{name}-word.npz", logits_of(model, windows, READ_TOKENS))
        deep = model if name == DEEP else deep
    return took


def load_deep(folder: Path) -> Encoder:
    """The deep encoder, as it was kept."""
    return load(folder / f"{DEEP}.q")


def started(start: Path, lessons: Lessons, labels: int) -> Encoder:
    """A model to be taught, with the new words of the lessons."""
    model = load(start) if start.is_file() else pretrained(start, labels)
    return with_words(model, lessons.names) if lessons.names else model


def taught(model: Encoder, windows: Windows, lessons: Lessons, course: Course, said: Floats | None, tell: Say) -> None:
    """Teaches in place: the answers alone where nothing was said, else mostly what was said.

    A disguised window is to be read as the window that it disguises.
    """
    y, w = lessons.y.astype(np.float32), lessons.w
    factor = label_factors(w[lessons.kind == LESSON])
    if said is None:
        use = np.flatnonzero((lessons.kind != DEV) & (w > 0).any(axis=1))
        target, weight = y, w
    else:
        use = np.flatnonzero(lessons.kind != DEV)
        soft = 1 / (1 + np.exp(-said[lessons.like]))
        known = w > 0
        target = np.where(known, course.trust * soft + (1 - course.trust) * y, soft)
        weight = np.where(known, np.maximum(w, LEAST_TRUST), LEAST_TRUST)
    some = Windows(windows.ids[torch.from_numpy(use).to(windows.ids.device)], windows.length[use])
    tell(f"{len(use)} windows, {int((lessons.kind[use] == DISGUISED).sum())} of them disguised")
    fit(model, some, target[use], weight[use] * factor, course, tell)


def label_factors(w: Floats) -> Floats:
    """(L,) weight of a label's loss: rare ones more, by the root of how rare, in [0.5, 2.5]."""
    known = np.maximum((w > 0).sum(axis=0), 1)
    return np.clip(np.sqrt(np.median(known) / known), 0.5, 2.5).astype(np.float32)
