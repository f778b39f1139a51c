"""What teacher and encoder are taught, as one file of token ids and answers: no text, and nothing but numpy to read it.

So an accelerator elsewhere can do the teaching: `python -m training.encoder`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

LESSON, DISGUISED, MORE, DEV = range(4)  # kinds of row
TRUST_STEP = 100  # weights are kept to a hundredth
LOGIT_STEP, LOGIT_MOST = 10, 12.7  # and logits to a tenth


class Lessons(NamedTuple):
    """N windows. `like` names a row's own number, or for a disguised one that of the row it disguises."""

    flat: npt.NDArray[np.uint16]  # all token ids, special ones included, one window after the other
    length: Ints  # (N,)
    kind: npt.NDArray[np.uint8]  # (N,): a text's chosen window, that disguised, another of its windows, one of dev
    text: Ints  # (N,): which text of its split
    window: Ints  # (N,): which of its windows
    like: Ints  # (N,)
    y: npt.NDArray[np.uint8]  # (N, L): 1 or 0
    w: Floats  # (N, L): trust, 0 where nothing is known
    names: list[list[int]]  # ids of the words that each new word of the vocabulary starts from

    def padded(self) -> npt.NDArray[np.int32]:
        """(N, T) ids, padded on the right with 0."""
        ids = np.zeros((len(self.length), int(self.length.max())), np.int32)
        ids[np.arange(ids.shape[1])[None, :] < self.length[:, None]] = self.flat
        return ids


def write(path: Path, lessons: Lessons) -> None:
    """Writes the file."""
    names = [len(ids) for ids in lessons.names]
    np.savez_compressed(
        path,
        flat=lessons.flat,
        length=lessons.length.astype(np.uint16),
        kind=lessons.kind,
        text=lessons.text.astype(np.uint32),
        window=lessons.window.astype(np.uint16),
        like=lessons.like.astype(np.uint32),
        y=np.packbits(lessons.y, axis=1),
        w=np.round(lessons.w * TRUST_STEP).astype(np.uint8),
        names=np.array([piece for ids in lessons.names for piece in ids], np.uint16),
        names_length=np.array(names, np.uint8),
    )


def read(path: Path) -> Lessons:
    """The lessons in a file."""
    with np.load(path) as file:
        wide = {key: file[key] for key in ("length", "text", "window", "like")}
        length, text, window, like = (value.astype(np.int64) for value in wide.values())
        w = file["w"].astype(np.float32) / TRUST_STEP
        cuts = np.cumsum(file["names_length"].astype(np.int64))
        names = np.split(file["names"].astype(np.int64), cuts[:-1]) if len(cuts) else []
        y = np.unpackbits(file["y"], axis=1)[:, : w.shape[1]]
        pieces = [part.tolist() for part in names]
        return Lessons(file["flat"], length, file["kind"], text, window, like, y, w, pieces)


def write_word(path: Path, logits: Floats) -> None:
    """What a model said of every row, in a byte a label."""
    steps = np.round(np.clip(logits, -LOGIT_MOST, LOGIT_MOST) * LOGIT_STEP).astype(np.int8)
    np.savez_compressed(path, logits=steps)


def read_word(path: Path) -> Floats:
    """(N, L) logits, to a tenth."""
    with np.load(path) as file:
        return file["logits"].astype(np.float32) / LOGIT_STEP


class Course(NamedTuple):
    """How one model is taught."""

    epochs: int
    rate: float  # AdamW's peak; the head learns at ten times that
    batch_tokens: int  # padding included
    trust: float  # the teacher's part of a target, beside an answer's
    frozen_layers: int
    seed: int
    seeds: int = 1  # so many models, each with a seed of its own, whose word is the mean of theirs
    narrow: bool = False  # in bfloat16 on a CPU as well, as on an accelerator always
    varied: float = 0  # for such a share of all windows a variation is there as well, which the teacher alone answers


def write_courses(path: Path, courses: dict[str, Course]) -> None:
    """Teacher's and encoder's, as JSON."""
    path.write_text(json.dumps({name: course._asdict() for name, course in courses.items()}, indent=1) + "\n", "utf-8")


def read_courses(path: Path) -> dict[str, Course]:
    """What `write_courses` wrote."""
    return {name: Course(**told) for name, told in json.loads(path.read_text("utf-8")).items()}
