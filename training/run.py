"""One run, from labelled text to a registered cascade, in the order it happens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tidegate.classifiers import golden
from tidegate.classifiers.classifier import Classifier
from tidegate.classifiers.loading import load
from training import report
from training.commit import commit_of
from training.corpus import Part, benign_texts, load_parts, some_of_each
from training.distil import Heard, distilled, read_by
from training.label_map import ENOUGH_REAL, LABELS, PROMPT_LABELS
from training.recipe import Recipe
from training.register import Register
from training.screen import DISTILLED, FIRST, better_of, blank_screen, calibrated, fit_screen, keep, kept
from training.settle import settle
from training.tokens import learn_tokenizer
from training.traffic import traffic_texts

GOLDEN_TEXTS, GOLDEN_TOLERANCE = 24, 0.05  # the encoder's int8 sums differ a little from processor to processor


class Sources(NamedTuple):
    """What a run takes instead of making it.

    only_lessons: stop where an accelerator is wanted. taught: a folder of lessons, and of what they taught. teacher:
    the teacher's first weights. encoder: a manifest whose encoder is taken as it is; then torch is not needed.
    parts: likewise, and its screen too: the bands, the golden texts and the figures are made anew.
    """

    only_lessons: bool = False
    taught: Path | None = None
    teacher: Path | None = None
    encoder: Path | None = None
    parts: Path | None = None

    def taken(self) -> dict[str, bool]:
        """What of them was given, for the account."""
        return {
            "screen and encoder": self.parts is not None,
            "encoder": self.encoder is not None,
            "what the lessons taught": self.taught is not None,
        }


def train(
    *,
    data: Path,
    out: Path,
    results: Path,
    recipe: Recipe,
    slice_rows: int | None,
    sources: Sources,
    tell: Callable[[str], None],
) -> dict[str, Any] | None:
    """The run's account, as written to RESULTS/<name>.json; the models are in OUT/models/, registered.

    data: holds every set of the label map. slice_rows: None for all rows. tell: gets one line a step. Nothing comes
    back where the lessons were all that was wanted.
    """
    began = time.monotonic()
    commit = commit_of(Path(__file__).parent)  # now: the checkout may move on while this runs
    tell(f"{recipe.name}: reading {data}, commit {commit}")
    parts, counts = load_parts(data, recipe, slice_rows)
    training, dev, test = parts["train"], parts["dev"], parts["test"]
    tell(", ".join(f"{split} {counts[split]['rows']} texts" for split in parts))
    label_counts = {split: report.label_counts(part) for split, part in parts.items()}
    experimental = [name for name in LABELS if label_counts["train"][name]["yes_real"] < ENOUGH_REAL]
    tell(f"experimental, for fewer than {ENOUGH_REAL} real positives: {', '.join(experimental) or 'none'}")
    register = Register(out, recipe, counts["train"]["per_set"], experimental)

    said = None
    if sources.parts:
        for part in (recipe.screen, recipe.encoder.name):
            register.take(sources.parts, part)
    elif sources.only_lessons:
        lessons(training, dev, recipe, out / "encoder", tell)
        return None
    else:
        said = _make_parts(training, dev, recipe, register, sources, tell)
    traffic = traffic_texts(data, recipe.seed, slice_rows)
    settle(dev, traffic, recipe, register, tell, said)
    cascade = load(recipe.name, manifest=register.manifest, threads=recipe.threads)
    file = register.folder(recipe.name) / "golden.json"
    golden.write(file, cascade, report.spread(test, GOLDEN_TEXTS), GOLDEN_TOLERANCE)
    register.golden(file)

    benign = {split: benign_texts(data, split, slice_rows) for split in ("dev", "test")}
    models = {}
    test = some_of_each(test, recipe.test_cap, recipe.seed)
    for name in (recipe.screen, recipe.encoder.name, recipe.name):
        tell(f"measuring {name}")
        models[name] = report.measured(name, register, test, benign, recipe)
    account = {
        "name": recipe.name,
        "commit": commit,
        "recipe": recipe.model_dump(mode="json"),
        "slice_rows": slice_rows,
        "taken": sources.taken(),
        "seconds": round(time.monotonic() - began),
        "texts": counts,
        "label_counts": label_counts,
        "experimental": experimental,
        "prompt_labels": list(PROMPT_LABELS),
        "models": models,
    }
    results.mkdir(parents=True, exist_ok=True)
    account_file = results / f"{recipe.name}.json"
    account_file.write_text(json.dumps(account, indent=1) + "\n", "utf-8")
    for name, found in models.items():
        register.figures(name, account_file.name, found)
    load(recipe.name, manifest=register.manifest)
    for label, row in models[recipe.name]["labels"].items():
        tell(f"{label}: " + ", ".join(f"{key} {value}" for key, value in row.items()))
    tell(f"wrote {register.manifest}, {out / 'models'} and {account_file}")
    return account


def _make_parts(
    training: Part, dev: Part, recipe: Recipe, register: Register, sources: Sources, tell: Callable[[str], None]
) -> Heard | None:
    """The encoder, and the screen that it teaches; both registered. Its word on dev, where it is at hand."""
    said = None
    if sources.encoder:
        first = blank_screen(learn_tokenizer(training.texts, recipe.vocab_size), recipe)
        register.take(sources.encoder, recipe.encoder.name)
        encoder = load(recipe.encoder.name, manifest=register.manifest)
        assert isinstance(encoder, Classifier)  # noqa: S101 - an entry without a kind
        screen = distilled(training, first, read_by(training, first, encoder, recipe, tell), recipe, tell)
    else:
        from training.encoder.made import made_encoder  # needs torch

        work = sources.taught or register.out / "encoder"
        if not (work / "lessons.npz").is_file():
            lessons(training, dev, recipe, work, tell)
        made = made_encoder(dev, recipe, register, work, sources.teacher, tell)
        first = kept(work, FIRST)
        if (work / DISTILLED).is_file():
            second = kept(work, DISTILLED)
        else:
            second = distilled(training, first, made.heard, recipe, tell)
            keep(second, work, DISTILLED)
        screen, said = better_of(first, second, dev, recipe, tell), made.dev
    register.screen(calibrated(screen, dev, recipe))
    tell("screen distilled and calibrated on dev")
    return said


def lessons(training: Part, dev: Part, recipe: Recipe, work: Path, tell: Callable[[str], None]) -> None:
    """Writes what teacher and encoder are to be taught, and the tokenizer of the screen that cut it."""
    from training.encoder.lessons import write_lessons
    from training.encoder.made import start_folder

    work.mkdir(parents=True, exist_ok=True)
    first = fit_screen(training, learn_tokenizer(training.texts, recipe.vocab_size), recipe, tell)
    keep(first, work, FIRST)
    tell(f"{write_lessons(work, training, dev, first, recipe, start_folder())} windows to be taught, in {work}")
