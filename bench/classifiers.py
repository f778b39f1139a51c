"""`classifiers`: screen, encoder and cascade, texts a second on one thread, beside the bare runs of their graphs."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bench import completions
from bench.results import Results
from tidegate.classifiers import Cascade, Classifier, load
from tidegate.classifiers.windows import groups

BATCH = 64
MADE_UP, HELD_OUT = 128, 128  # texts of each mix
RUNS = 3


def run(results: Results, runs: int = RUNS, made_up: int = MADE_UP, held_out: int = HELD_OUT) -> None:
    """CPU a text and texts a second of each model on each mix; models interleaved, so that a slow moment hits all."""
    cascade = load()
    assert isinstance(cascade, Cascade)  # noqa: S101 - the package's default
    for mix, texts in _mixes(made_up, held_out).items():
        _measure(results, runs, mix, texts, cascade)


def _measure(results: Results, runs: int, mix: str, texts: Sequence[str], cascade: Cascade) -> None:
    batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    jobs: dict[str, Callable[[], None]] = {
        "screen": lambda: _score(cascade.screen, batches),
        "screen, bare session.run": _bare(cascade.screen, texts),
        "encoder": lambda: _score(cascade.encoder, batches),
        "encoder, bare session.run": _bare(cascade.encoder, texts),
        "cascade": lambda: _score(cascade, batches),
    }
    spent: dict[str, list[float]] = {name: [] for name in jobs}
    for job in jobs.values():  # a worker's token cache and sessions are warm
        job()
    for _ in range(runs):
        for name, job in jobs.items():
            began = time.process_time()
            job()
            spent[name].append(time.process_time() - began)
    median = {name: statistics.median(times) / len(texts) * 1e6 for name, times in spent.items()}
    for name, micros in median.items():
        results.add(f"{name}, {mix}", "cpu", micros, "us/text", runs)
        results.add(f"{name}, {mix}", "rate on one core", 1e6 / micros, "texts/s", runs)
    for name in ("screen", "encoder"):
        ratio = median[name] / median[f"{name}, bare session.run"]
        results.add(f"{name}, {mix}", "cpu to bare session.run", ratio, "ratio", runs)
    results.add(f"cascade, {mix}", "texts/s to the encoder's", median["encoder"] / median["cascade"], "ratio", runs)
    sent = sum(cascade.score(batch).sent or 0 for batch in batches)
    results.add(f"cascade, {mix}", "texts sent to the encoder", sent / len(texts), "share", runs)
    results.add(mix, "characters, median", statistics.median(map(len, texts)), "characters", runs)


def _mixes(made_up: int, held_out: int) -> dict[str, list[str]]:
    """Returns name -> texts: ours, and those of language models if the sets are there (training/traffic.py)."""
    mixes = {"made-up mix": list(completions.texts(made_up))}
    data = os.environ.get("LABELLED_TEXT")
    if data:
        from training.traffic import traffic_texts

        mixes["stated mix"] = traffic_texts(Path(data), seed=20)[:held_out]
    return mixes


def _score(model: Classifier | Cascade, batches: Sequence[Sequence[str]]) -> None:
    for batch in batches:
        model.score(batch)


def _bare(model: Classifier, texts: Sequence[str]) -> Callable[[], None]:
    """Returns a job that runs the graph alone on the same windows, with prepared arrays."""
    windows, _ = model.windower.windows(texts)
    budget = model.entry.batch_tokens if model.entry.batching == "padded" else 0
    feeds = []
    for start in range(0, len(windows), 4 * BATCH):
        some = windows[start : start + 4 * BATCH]
        for group in groups(list(map(len, some)), budget):
            longest = max(len(some[i]) for i in group)
            ids, mask = np.zeros((2, len(group), longest), np.int64)
            for row, i in enumerate(group):
                ids[row, : len(some[i])], mask[row, : len(some[i])] = some[i], 1
            feeds.append({"input_ids": ids, "attention_mask": mask})
    session = model.graph.session

    def job() -> None:
        for feed in feeds:
            session.run(["logits"], feed)

    return job
