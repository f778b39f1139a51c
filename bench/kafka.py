"""`kafka`: a bare loop against one worker and two, on three brokers of Apache Kafka with acks=all, and a Redis.

One cluster for all runs, wiped between them; needs Java, Maven and redis-server (tests/real/).
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable
from contextlib import AsyncExitStack

from bench.measure import ZEROS, Spent, Subject, backlogs, bare_on, worker_on
from bench.results import Results
from tests.real.stack import Real

RUNS = 3
COUNTS = {"zeros": 40_000, "model": 6_000}  # events a run
CLASSIFIERS = {"zeros": ZEROS, "model": ""}  # "": the manifest's default
KINDS = {"bare": 0, "1 worker": 1, "2 workers": 2}  # workers
SESSION_S = "30"  # they are stopped while the events are written: a session of six seconds would expire
SETTINGS = {"TIDEGATE_SESSION_TIMEOUT_S": SESSION_S, "TIDEGATE_HEARTBEAT_S": "3"}


class _Servers(Real):
    """Real servers whose workers may be stopped for a while."""

    def env(self) -> dict[str, str]:
        return {**super().env(), **SETTINGS}

    @property
    def broker_pids(self) -> list[int]:
        return [self.cluster.broker(n).pid for n in range(len(self.cluster))]


def run(results: Results, runs: int = RUNS, scale: float = 1.0) -> None:
    """Kinds are interleaved; medians. A worker is 1.0 of the bare loop's rate where it adds nothing."""
    with _Servers() as servers:
        asyncio.run(_one(servers, ZEROS, 1, round(COUNTS["zeros"] * scale)))  # not counted: brokers start cold
        for name in CLASSIFIERS:
            _measure(results, servers, name, runs, round(COUNTS[name] * scale))


def _measure(results: Results, servers: _Servers, name: str, runs: int, count: int) -> None:
    spent_by_kind: dict[str, list[Spent]] = {kind: [] for kind in KINDS}
    for _ in range(runs):
        for kind, workers in KINDS.items():
            servers.wipe()
            spent_by_kind[kind].append(asyncio.run(_one(servers, CLASSIFIERS[name], workers, count)))
    for kind, spent in spent_by_kind.items():
        what = f"kafka x3, {kind}, {name}"
        results.add(what, "rate", _median(spent, lambda s: s.per_s), "events/s", runs)
        results.add(what, "rate lowest", min(s.per_s for s in spent), "events/s", runs)
        results.add(what, "rate highest", max(s.per_s for s in spent), "events/s", runs)
        results.add(what, "cpu", _median(spent, lambda s: s.cpu), "us/event", runs)
        results.add(what, "broker cpu", _median(spent, lambda s: s.broker_cpu), "us/event", runs)
        if kind != "bare":
            rate = _median(spent, lambda s: s.per_s) / _median(spent_by_kind["bare"], lambda s: s.per_s)
            results.add(f"kafka x3, {kind} / bare, {name}", "rate", rate, "times", runs)
            results.add(what, "store cpu", _median(spent, lambda s: s.store_cpu), "us/event", runs)


async def _one(servers: _Servers, classifier: str, workers: int, count: int) -> Spent:
    async with AsyncExitStack() as running:
        if workers == 0:
            subjects: list[Subject] = [await running.enter_async_context(bare_on(servers, classifier))]
        else:
            subjects = [await running.enter_async_context(worker_on(servers, classifier)) for _ in range(workers)]
        if workers > 1:
            await asyncio.sleep(3.0)  # until the rebalance after the second one joined is over
        return await backlogs(subjects, servers.broker_pids, servers.store_pid, count)


def _median(spent: list[Spent], of: Callable[[Spent], float]) -> float:
    return statistics.median(of(s) for s in spent)
