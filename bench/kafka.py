"""`kafka`: a bare loop against one worker and two, on three brokers of Apache Kafka with acks=all, and a Redis.

One cluster for all runs, wiped between them; needs Java, Maven and redis-server (tests/real/). Beside the rates:
what an event takes on Kafka's disks and of Redis, which docs/scale.md stands on.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import redis

from bench.measure import ZEROS, Spent, Subject, backlogs, bare_on, worker_on
from bench.results import Results
from tests.real.pair import Real

RUNS = 3
COUNTS = {"zeros": 20_000, "model": 6_000}  # events a run
CLASSIFIERS = {"zeros": ZEROS, "model": ""}  # "": the manifest's default
KINDS = {"bare": 0, "1 worker": 1, "2 workers": 2}  # workers
SESSION_S = "30"  # they are stopped while the events are written: under six seconds they would be thrown out
SETTINGS = {"TIDEGATE_SESSION_TIMEOUT_S": SESSION_S, "TIDEGATE_HEARTBEAT_S": "3"}


class _Servers(Real):
    """Real servers whose workers may be stopped for a while."""

    def env(self) -> dict[str, str]:
        return {**super().env(), **SETTINGS}

    @property
    def broker_pids(self) -> list[int]:
        return [self.cluster.broker(n).pid for n in range(len(self.cluster))]

    def bytes_of(self, topic: str) -> int:
        """Of one copy on disk, all partitions: the largest of the copies."""
        folders = [self.root / f"kafka-{n}" / "data" for n in range(len(self.cluster))]
        return max(sum(_size(log) for log in folder.glob(f"{topic}-*/*.log")) for folder in folders)


def run(results: Results, runs: int = RUNS, scale: float = 1.0) -> None:
    """Kinds are interleaved; medians. A worker is 1.0 of the bare loop's rate where it adds nothing."""
    with _Servers() as servers:
        for name in CLASSIFIERS:
            _measure(results, servers, name, runs, round(COUNTS[name] * scale))


def _measure(results: Results, servers: _Servers, name: str, runs: int, count: int) -> None:
    found: dict[str, list[Spent]] = {kind: [] for kind in KINDS}
    taken: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for _ in range(runs):
        for kind, workers in KINDS.items():
            servers.wipe()
            with _taken(servers, count) as takes:
                found[kind].append(asyncio.run(_one(servers, CLASSIFIERS[name], workers, count)))
            taken[kind].append(takes)
    for kind, spent in found.items():
        what = f"kafka x3, {kind}, {name}"
        results.add(what, "rate", _median(spent, lambda s: s.per_s), "events/s", runs)
        results.add(what, "rate lowest", min(s.per_s for s in spent), "events/s", runs)
        results.add(what, "rate highest", max(s.per_s for s in spent), "events/s", runs)
        results.add(what, "cpu", _median(spent, lambda s: s.cpu), "us/event", runs)
        results.add(what, "broker cpu", _median(spent, lambda s: s.broker_cpu), "us/event", runs)
        if kind != "bare":
            rate = _median(spent, lambda s: s.per_s) / _median(found["bare"], lambda s: s.per_s)
            results.add(f"kafka x3, {kind} / bare, {name}", "rate", rate, "times", runs)
            results.add(what, "store cpu", _median(spent, lambda s: s.store_cpu), "us/event", runs)
            for metric in taken[kind][0]:
                value = statistics.median(takes[metric] for takes in taken[kind])
                of, _, unit = metric.partition(", ")
                results.add(what, of, value, unit, runs)


async def _one(servers: _Servers, classifier: str, workers: int, count: int) -> Spent:
    async with AsyncExitStack() as running:
        if workers == 0:
            subjects: list[Subject] = [await running.enter_async_context(bare_on(servers, classifier))]
        else:
            subjects = [await running.enter_async_context(worker_on(servers, classifier)) for _ in range(workers)]
        if workers > 1:
            await asyncio.sleep(3.0)  # the second one's joining has moved partitions of the first
        return await backlogs(subjects, servers.broker_pids, servers.store_pid, count)


@contextlib.contextmanager
def _taken(servers: _Servers, count: int) -> Iterator[dict[str, float]]:
    """What an event took while this went on, by 'of what, unit'; filled at the end."""
    takes: dict[str, float] = {}
    with redis.Redis.from_url(servers.redis) as client:
        client.config_resetstat()
        yield takes
        stats: dict[str, Any] = client.info("all")
    applies = stats.get("cmdstat_evalsha", {})
    takes["kafka, bytes a completion"] = servers.bytes_of("completions") / count
    takes["kafka, bytes a decision"] = servers.bytes_of("decisions") / count
    takes["redis, calls of scripts an event"] = applies.get("calls", 0) / count
    takes["redis, us of scripts an event"] = applies.get("usec", 0) / count
    takes["redis, commands an event"] = stats["total_commands_processed"] / count
    takes["redis, bytes to it an event"] = stats["total_net_input_bytes"] / count
    takes["redis, bytes from it an event"] = stats["total_net_output_bytes"] / count


def _size(file: Path) -> int:
    """Of what is in it: Kafka makes index files large, but not its logs."""
    try:
        return file.stat().st_size
    except OSError:  # deleted meanwhile
        return 0


def _median(spent: list[Spent], of: Callable[[Spent], float]) -> float:
    return statistics.median(of(s) for s in spent)
