"""`worker`: a bare loop against Tidegate's worker, over the same events, with the real model and with zeros."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from bench.measure import ZEROS, Spent, Subject, backlog, bare, worker
from bench.results import Results

RUNS = 5
COUNTS = {"zeros": 20_000, "model": 6_000}  # events a run
CLASSIFIERS = {"zeros": ZEROS, "model": ""}  # "": the manifest's default
LIMITS = {"zeros": 3.0, "model": 1.4}  # times the bare loop's CPU an event
KINDS: dict[str, Callable[[str], AbstractAsyncContextManager[Subject]]] = {"bare": bare, "tidegate": worker}


def run(results: Results, runs: int = RUNS, scale: float = 1.0) -> None:
    """Runs are interleaved, each in a process of its own on a stack of its own; medians and their ratio."""
    asyncio.run(_run(results, runs, scale))


async def _run(results: Results, runs: int, scale: float) -> None:
    for name, classifier in CLASSIFIERS.items():
        spent_by_kind: dict[str, list[Spent]] = {kind: [] for kind in KINDS}
        for _ in range(runs):
            for kind, start in KINDS.items():
                async with start(classifier) as subject:
                    spent_by_kind[kind].append(await backlog(subject, round(COUNTS[name] * scale)))
        for kind, all_spent in spent_by_kind.items():
            _add_rows(results, f"{kind} {name}", all_spent)
        ratio = _median(spent_by_kind["tidegate"], lambda s: s.cpu) / _median(spent_by_kind["bare"], lambda s: s.cpu)
        results.add(f"tidegate / bare {name}", "cpu", ratio, f"times (limit {LIMITS[name]:g})", runs)


def _add_rows(results: Results, what: str, spent: list[Spent]) -> None:
    runs = len(spent)
    results.add(what, "cpu", _median(spent, lambda s: s.cpu), "us/event", runs)
    results.add(what, "cpu lowest", min(s.cpu for s in spent), "us/event", runs)
    results.add(what, "cpu highest", max(s.cpu for s in spent), "us/event", runs)
    for thread in spent[0].threads:
        results.add(what, f"cpu {thread}", _median(spent, lambda s, t=thread: s.threads[t]), "us/event", runs)  # type: ignore[misc]
    results.add(what, "rate", _median(spent, lambda s: s.per_s), "events/s", runs)
    results.add(what, "broker cpu", _median(spent, lambda s: s.broker_cpu), "us/event", runs)
    results.add(what, "store cpu", _median(spent, lambda s: s.store_cpu), "us/event", runs)


def _median(spent: list[Spent], of: Callable[[Spent], float]) -> float:
    return statistics.median(of(s) for s in spent)
