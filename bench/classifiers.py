"""`classifiers`: the model alone, one thread."""

from __future__ import annotations

import statistics
import time

from bench import completions
from bench.results import Results
from classifiers import load

BATCHES = (1, 64, 256)
TEXTS = 1024
RUNS = 5


def run(results: Results, runs: int = RUNS, count: int = TEXTS) -> None:
    """CPU and wall time a text at each batch size; sizes interleaved, so that a slow moment hits all of them."""
    classifier = load()
    texts = list(completions.texts(count))
    classifier.score(texts[:64])
    cpu: dict[int, list[float]] = {size: [] for size in BATCHES}
    wall: dict[int, list[float]] = {size: [] for size in BATCHES}
    for _ in range(runs):
        for size in BATCHES:
            cpu_began, began = time.process_time(), time.perf_counter()
            for start in range(0, count, size):
                classifier.score(texts[start : start + size])
            wall[size].append(time.perf_counter() - began)
            cpu[size].append(time.process_time() - cpu_began)
    for size in BATCHES:
        what = f"classifier {classifier.name} batch {size}"
        results.add(what, "cpu", statistics.median(cpu[size]) / count * 1e6, "us/text", runs)
        results.add(what, "rate", count / statistics.median(wall[size]), "texts/s", runs)
