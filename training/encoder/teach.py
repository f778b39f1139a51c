"""A teacher, its word on every window, and the encoders that learn from it: each step kept, and not done twice."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from training.encoder import lesson_file
from training.encoder.fit import Say, Windows, compiled, fit, logits_of, placed
from training.encoder.lesson_file import DEV, DISGUISED, LESSON, Course, Lessons
from training.encoder.model import Encoder, pretrained, shallower, with_words
from training.encoder.variants import varied
from training.encoder.weights import COARSE, load, save

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
DEEP, SHALLOW = "encoder-l6", "encoder-l3"
KEPT = (1, 3, 5)  # layers of the deep encoder that the shallow one starts from
LEAST_TRUST = 0.5  # weight of the teacher's word, and of an answer beside it
READ_TOKENS = 131_072  # in one run of a model that only reads


def teach(folder: Path, starts: dict[str, Path], labels: int, tell: Say) -> dict[str, float]:
    """Seconds that each step took. folder: holds lessons.npz and courses.json, gets everything else.

    starts: "teacher" and "encoder", each a folder of Hugging Face's or a file of `weights.save`. What is there already
    (teacher-1.q and the like, teacher-word.npz, encoder-l6.q, encoder-l3.q) is taken as it is.
    """
    lessons = lesson_file.read(folder / "lessons.npz")
    courses = lesson_file.read_courses(folder / "courses.json")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    windows = with_variations(lessons, courses["teacher"], device)
    own = windows.some(np.arange(len(lessons.kind)))
    took: dict[str, float] = {}

    def timed(what: str, began: float) -> None:
        took[what] = round(time.monotonic() - began, 1)
        tell(f"{what}: {took[what]} s")

    word = folder / "teacher-word.npz"
    if not word.is_file():
        words = []
        for number in range(1, courses["teacher"].seeds + 1):
            began = time.monotonic()
            kept = folder / f"teacher-{number}.q"
            if kept.is_file():
                teacher = compiled(load(kept).to(device))
            else:
                teacher = compiled(started(starts["teacher"], lessons, labels).to(device))
                course = courses["teacher"]
                taught(teacher, windows, lessons, course._replace(seed=course.seed + number - 1), None, tell)
                save(teacher, kept, COARSE / 4)
            timed(f"teacher {number}", began)
            began = time.monotonic()
            words.append(logits_of(teacher, windows, READ_TOKENS))
            timed(f"teacher {number}'s word", began)
            lesson_file.write_word(word, np.mean(words, axis=0))
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
            model = compiled(start.to(device))
            taught(model, windows, lessons, courses[name], said, tell)
            save(model, kept)
            timed(name, began)
        model = load(kept).to(device)
        if not (folder / f"{name}-word.npz").is_file():
            # Of the shallow one nobody asks more than what it says of dev.
            asked = np.arange(len(lessons.kind)) if name == DEEP else np.flatnonzero(lessons.kind == DEV)
            heard = np.zeros((len(lessons.kind), labels), np.float32)
            heard[asked] = logits_of(model, own.some(asked), READ_TOKENS)
            lesson_file.write_word(folder / f"{name}-word.npz", heard)
        deep = model if name == DEEP else deep
    return took


def with_variations(lessons: Lessons, course: Course, device: str) -> Windows:
    """The windows of the lessons in order, and after them the variations of some."""
    ids, length = lessons.padded(), lessons.length
    rows = np.flatnonzero(lessons.kind != DEV)
    rows = np.sort(np.random.default_rng(course.seed).permutation(rows)[: round(course.varied * len(rows))])
    more, more_length = varied(ids, length, rows, course.seed)
    return placed(np.concatenate([ids, more]), np.concatenate([length, more_length]), device)


def load_deep(folder: Path) -> Encoder:
    """The deep encoder, as it was kept."""
    return load(folder / f"{DEEP}.q")


def started(start: Path, lessons: Lessons, labels: int) -> Encoder:
    """A model to be taught, with the new words of the lessons."""
    model = load(start) if start.is_file() else pretrained(start, labels)
    return with_words(model, lessons.names) if lessons.names else model


def taught(
    model: Encoder,
    windows: Windows,
    lessons: Lessons,
    course: Course,
    said: Floats | None,
    tell: Say,
    rows: Ints | None = None,
) -> None:
    """Teaches in place: the answers alone where nothing was said, else mostly what was said.

    A disguised window is to be read as the window that it disguises, a varied one as the teacher reads it. Of those,
    which come after the lessons, `said` tells how many there are. rows: of all these the ones to teach, if not all.
    """
    y, w = lessons.y.astype(np.float32), lessons.w
    factor = label_factors(w[lessons.kind == LESSON])
    if said is None:
        use = np.flatnonzero((lessons.kind != DEV) & (w > 0).any(axis=1))
        target, weight = y, w
    else:
        own, more = len(lessons.kind), len(said) - len(lessons.kind)
        use = np.concatenate([np.flatnonzero(lessons.kind != DEV), own + np.arange(more)])
        soft = 1 / (1 + np.exp(-said[np.concatenate([lessons.like, own + np.arange(more)])]))
        blank = np.zeros((more, y.shape[1]), np.float32)
        y, w = np.concatenate([y, blank]), np.concatenate([w, blank])
        known = w > 0
        target = np.where(known, course.trust * soft + (1 - course.trust) * y, soft)
        weight = np.where(known, np.maximum(w, LEAST_TRUST), LEAST_TRUST)
    if rows is not None:
        use = np.intersect1d(use, rows)
    some = windows.some(use)
    disguised, more = int((lessons.kind == DISGUISED).sum()), len(w) - len(lessons.kind)
    tell(f"{len(use)} windows, {disguised} of them disguised, {more} varied")
    fit(model, some, target[use], weight[use] * factor, course, tell)


def label_factors(w: Floats) -> Floats:
    """(L,) weight of a label's loss: rare ones more, by the root of how rare, in [0.5, 2.5]."""
    known = np.maximum((w > 0).sum(axis=0), 1)
    return np.clip(np.sqrt(np.median(known) / known), 0.5, 2.5).astype(np.float32)
