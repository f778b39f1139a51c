"""The shallow encoder where no accelerator is: it goes on from one that was taught before, on the windows that matter.

`python -m training.encoder.goes_on FOLDER --data DIR --before MANIFEST`: FOLDER holds lessons.npz, courses.json and
teacher-word.npz, and gets encoder-l3.q. The encoder of MANIFEST is read back from its integers, and taught the
teacher's word on our own sentences, on the sets that are hardest, and on some of everything else.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper

from tidegate.classifiers import ModelEntry, find_model, read_manifest
from training.corpus import load_parts
from training.encoder import lesson_file
from training.encoder.fit import Say
from training.encoder.lesson_file import DEV, DISGUISED, LESSON, MORE, Lessons
from training.encoder.model import Encoder
from training.encoder.teach import SHALLOW, taught, with_variations
from training.encoder.weights import save
from training.recipe import Recipe, read_recipe

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
OURS, AGAIN = "contrast", "encoder-l3-again"
HARD = ("dynahate", "hatemoji_build", "hatexplain", "sbic", "cad", "implicit_hate_classes", "suicidal_intent_tweets")
SHARES = {OURS: 1.0, "hard": 0.5, "rest": 0.13, "other windows": 0.05, "varied": 0.03}  # of the windows of each kind


def read_back(file: Path, eps: float = 1e-12, heads: int = 12) -> Encoder:
    """The encoder that `graph.write` wrote, as near as its integers tell."""
    given = {one.name: numpy_helper.to_array(one) for one in onnx.load(str(file)).graph.initializer}
    layers = 1 + max(int(name.split(".")[1]) for name in given if name.startswith("layers."))
    words = given["words"].astype(np.float32) * given["word_scale"]
    state: dict[str, Floats] = {
        "words.weight": words,
        "places.weight": given["places"],
        "norm.weight": given["norm_weight"],
        "norm.bias": given["norm_bias"],
        "head.weight": given["head"],
        "head.bias": given["head_bias"],
    }
    for i in range(layers):
        at = f"layers.{i}."
        for name, scale in (("qkv", "qkv_scale"), ("out", "out.scale"), ("up", "up.scale"), ("down", "down.scale")):
            state[f"{at}{name}.weight"] = (given[f"{at}{name}"].astype(np.float32) * given[f"{at}{scale}"]).T
            state[f"{at}{name}.bias"] = given[f"{at}{name}.bias"]
        for norm in ("norm_1", "norm_2"):
            for kind in ("weight", "bias"):
                state[f"{at}{norm}.{kind}"] = given[f"{at}{norm}.{kind}"]
    config = {
        "vocab_size": len(words),
        "hidden_size": words.shape[1],
        "max_position_embeddings": len(given["places"]),
        "num_attention_heads": heads,
        "intermediate_size": given["layers.0.up"].shape[1],
        "num_hidden_layers": layers,
        "layer_norm_eps": eps,
    }
    model = Encoder(config, len(given["head_bias"]))
    model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state.items()})
    return model


def chosen(lessons: Lessons, sets: npt.NDArray[np.str_], varied: int, seed: int) -> Ints:
    """Rows to go on with, in order: SHARES of each kind. sets: of every text of training; varied: rows after them."""
    rng = np.random.default_rng(seed)
    of = sets[np.where(lessons.kind == DEV, 0, lessons.text)]
    plain = np.isin(lessons.kind, (LESSON, DISGUISED))
    kinds: Mapping[str, Ints] = {
        OURS: np.flatnonzero(plain & (of == OURS)),
        "hard": np.flatnonzero(plain & np.isin(of, HARD)),
        "rest": np.flatnonzero(plain & (of != OURS) & ~np.isin(of, HARD)),
        "other windows": np.flatnonzero(lessons.kind == MORE),
        "varied": len(lessons.kind) + np.arange(varied),
    }
    parts = [rng.permutation(rows)[: round(SHARES[kind] * len(rows))] for kind, rows in kinds.items()]
    return np.sort(np.concatenate(parts))


def go_on(folder: Path, data: Path, before: Path, recipe: Recipe, tell: Say) -> None:
    """Writes encoder-l3.q."""
    lessons, courses = lesson_file.read(folder / "lessons.npz"), lesson_file.read_courses(folder / "courses.json")
    said = lesson_file.read_word(folder / "teacher-word.npz")
    sets = load_parts(data, recipe, None)[0]["train"].sets
    windows = with_variations(lessons, courses["teacher"], "cpu")
    rows = chosen(lessons, sets, len(said) - len(lessons.kind), recipe.seed)
    tell(f"{len(rows)} windows of {len(said)}, {int(windows.length[rows].sum())} tokens")
    model = read_back(encoder_file(before, recipe))
    taught(model, windows, lessons, courses[AGAIN], said, tell, rows)
    save(model, folder / f"{SHALLOW}.q")


def encoder_file(manifest: Path, recipe: Recipe) -> Path:
    """Where the manifest says that the encoder is."""
    entry = find_model(read_manifest(manifest), recipe.encoder.name, manifest)
    assert isinstance(entry, ModelEntry)  # noqa: S101 - the encoder of a cascade is a plain model
    return manifest.parent / entry.file


def main() -> int:
    """Exit status: 0 when the encoder is written."""
    parser = argparse.ArgumentParser(prog="python -m training.encoder.goes_on", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="directory of <set>.jsonl.gz (training/label_map.py)")
    parser.add_argument("--before", type=Path, required=True, help="a manifest whose encoder to go on from")
    parser.add_argument("--recipe", type=Path, default=Path(__file__).parents[1] / "recipes" / "cascade-en.toml")
    options = parser.parse_args()
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {line}", file=sys.stderr, flush=True)

    go_on(options.folder, options.data, options.before, read_recipe(options.recipe), tell)
    return 0


if __name__ == "__main__":
    sys.exit(main())
