"""The windows that teacher and encoder are taught: cut from labelled texts as the cascade would send them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from training.corpus import Part
from training.cut import slices
from training.disguise import DISGUISES, disguised
from training.encoder import lesson_file
from training.encoder.lesson_file import DEV, DISGUISED, LESSON, MORE, Course, Lessons
from training.recipe import Recipe
from training.screen import Screen
from training.tokens import encoder_tokenizer, named_pieces

Floats = npt.NDArray[np.float32]

MORE_TRUST = 0.3  # of a no, in a window that is not the text's chosen one


class Row(NamedTuple):
    """One window before its words are tokens."""

    kind: int
    text: int
    window: int
    piece: str
    like: int


def write_lessons(folder: Path, train: Part, dev: Part, screen: Screen, recipe: Recipe, start: Path) -> int:
    """Writes lessons.npz and courses.json; the number of windows. start: the folder of the encoder's first weights."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = _rows(train, dev, screen, recipe)
    tokenizer = encoder_tokenizer(start / "tokenizer.json")
    ids = encoded(tokenizer, [row.piece for row in rows], recipe.encoder.max_tokens)
    kind, text = (np.array(column) for column in ([row.kind for row in rows], [row.text for row in rows]))
    y, w = train.y[np.where(kind == DEV, 0, text)], train.w[np.where(kind == DEV, 0, text)].copy()
    w[kind == DEV] = 0
    # A text that is denied a label is denied it in every window; which window a yes is of, nobody said.
    w[kind == MORE] *= MORE_TRUST * (1 - y[kind == MORE])
    lessons = Lessons(
        flat=np.array([token for row in ids for token in row], np.uint16),
        length=np.array(list(map(len, ids)), np.int64),
        kind=kind.astype(np.uint8),
        text=text.astype(np.int64),
        window=np.array([row.window for row in rows], np.int64),
        like=np.array([row.like for row in rows], np.int64),
        y=(y * (w > 0)).astype(np.uint8),
        w=w,
        names=named_pieces(start / "tokenizer.json"),
    )
    lesson_file.write(folder / "lessons.npz", lessons)
    lesson_file.write_courses(folder / "courses.json", courses(recipe))
    return len(rows)


def courses(recipe: Recipe) -> dict[str, Course]:
    """How each model is taught."""
    told = {
        "teacher": recipe.teacher,
        "encoder-l6": recipe.encoder.deep,
        "encoder-l3": recipe.encoder.shallow,
        "encoder-l3-again": recipe.encoder.again,
    }
    return {
        name: Course(
            lesson.epochs,
            lesson.rate,
            lesson.batch_tokens,
            lesson.trust,
            lesson.frozen_layers,
            recipe.seed,
            lesson.seeds,
            lesson.narrow,
            lesson.varied,
        )
        for name, lesson in told.items()
    }


def _rows(train: Part, dev: Part, screen: Screen, recipe: Recipe) -> list[Row]:
    """The chosen window of every text; some again in disguise; the other windows, of training and of dev."""
    rng = random.Random(recipe.encoder.seed)
    cut = slices(screen.windower(recipe), train.texts)
    chosen = chosen_windows(train, cut, screen, recipe, rng)
    rows = [Row(LESSON, i, at, cut[i][at], i) for i, at in enumerate(chosen) if cut[i]]
    rows = [row._replace(like=n) for n, row in enumerate(rows)]
    ways = list(DISGUISES.values())
    for n in sorted(rng.sample(range(len(rows)), round(recipe.encoder.disguised * len(rows)))):
        piece = disguised(rows[n].piece, rng.choice(ways), rng.choice((0.3, 1.0)), rng)
        rows.append(rows[n]._replace(kind=DISGUISED, piece=piece))
    more = [(i, at) for i, pieces in enumerate(cut) for at in range(len(pieces)) if at != chosen[i]]
    for i, at in sorted(rng.sample(more, min(len(more), recipe.encoder.more_windows))):
        rows.append(Row(MORE, i, at, cut[i][at], len(rows)))
    for i, pieces in enumerate(slices(screen.windower(recipe), dev.texts)):
        for at, piece in enumerate(pieces):
            rows.append(Row(DEV, i, at, piece, len(rows)))
    return rows


def chosen_windows(
    part: Part, cut: Sequence[Sequence[str]], screen: Screen, recipe: Recipe, rng: random.Random
) -> list[int]:
    """One window of each text: of a text with a label, the one where the screen sees it most; else any."""
    several = [i for i, pieces in enumerate(cut) if len(pieces) > 1]
    logits, owner = screen.window_logits([part.texts[i] for i in several], recipe)
    first = np.searchsorted(owner, np.arange(len(several)))
    chosen = [0] * len(cut)
    for at, i in enumerate(several):
        labels = np.flatnonzero(part.y[i] * part.w[i] > 0)
        rows = logits[first[at] : first[at] + len(cut[i])]
        chosen[i] = int(rows[:, labels].max(axis=1).argmax()) if len(labels) else rng.randrange(len(cut[i]))
    return chosen


def encoded(tokenizer: Tokenizer, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
    """Token ids of each text, cut to max_tokens; special tokens included."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return [
        e.ids for start in range(0, len(texts), 1024) for e in tokenizer.encode_batch_fast(texts[start : start + 1024])
    ]
