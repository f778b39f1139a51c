"""`serve`: moderation over HTTP beside a bare loop over the same classifier, and under five times what it can do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from bench import completions
from bench.measure import ROOT, ZEROS
from bench.results import Results
from bench.served import Load, Served, arrivals, ask_in_turn, ask_when_due, beside_kafka, quantile, served

RUNS = 5
TEXTS = 1_000
ZERO_REQUESTS = 6_000  # a run
CLIENTS = 64  # of a closed loop: a batch is full, another one waits
SIZES = {"served": 1, "served, 16 a request,": 16}  # texts of one request
HALF_S, OVERLOAD_S, TIMES, AFTER_S = 30.0, 60.0, 5.0, 5.0
HALF_ROUNDS = 6
QUANTILES = {"p50": 0.5, "p99": 0.99}


@dataclass(frozen=True)
class Plan:
    """How much of each is measured; a test takes less."""

    runs: int = RUNS
    texts: int = TEXTS
    zero_requests: int = ZERO_REQUESTS
    half_s: float = HALF_S
    overload_s: float = OVERLOAD_S
    classifier: str = ""  # the manifest's default


def run(results: Results, plan: Plan = Plan()) -> None:
    """Throughput, CPU of the front, p99 at half load, and a minute of five times the load. Interleaved runs."""
    asyncio.run(_run(results, plan))


async def _run(results: Results, plan: Plan) -> None:
    async with beside_kafka() as env:
        await front(results, plan, env)
        async with served(plan.classifier, env) as server, unserved(plan.classifier) as bare:
            per_s = await throughput(results, plan, server, bare)
            await half_load(results, plan, server, bare, per_s / 2)
            await overload(results, plan, server, per_s)


async def front(results: Results, plan: Plan, env: dict[str, str]) -> None:
    """CPU a request where the classifier costs nothing, counted and not."""
    texts = list(completions.texts(plan.texts))
    async with served(ZEROS, env) as counted, served(ZEROS, env, "off") as off:
        spent: dict[str, list[float]] = {"best_effort": [], "off": []}
        for _ in range(plan.runs):
            for name, server in (("best_effort", counted), ("off", off)):
                before = server.cpu_s()
                load = await ask_in_turn(server.port, texts, CLIENTS, requests=plan.zero_requests)
                await asyncio.sleep(1.0)  # until what waits is written
                _require(set(load.statuses) == {200}, f"statuses {dict(load.statuses)}; expected 200 alone")
                spent[name].append((server.cpu_s() - before) / plan.zero_requests * 1e6)
    for name, micros in spent.items():
        results.add(f"serve zeros, {name}", "cpu", statistics.median(micros), "us/request", plan.runs)
        results.add(f"serve zeros, {name}", "cpu lowest", min(micros), "us/request", plan.runs)


async def throughput(results: Results, plan: Plan, server: Served, bare: Bare) -> float:
    """Texts a second and CPU a text, by requests of one text and of several. Returns the first's texts a second."""
    texts = list(completions.texts(plan.texts))
    rates: dict[str, list[float]] = defaultdict(list)
    cpu: dict[str, list[float]] = defaultdict(list)
    for _ in range(plan.runs):
        alone = await bare.do(texts=texts)
        rates["bare"].append(alone["per_s"])
        cpu["bare"].append(alone["cpu"])
        for name, size in SIZES.items():
            bodies = [texts[at : at + size] for at in range(0, len(texts), size)]
            before = server.cpu_s()
            load = await ask_in_turn(server.port, bodies, max(4, 2 * CLIENTS // size), requests=len(bodies))
            rates[name].append(load.per_s * len(texts) / len(bodies))
            cpu[name].append((server.cpu_s() - before) / len(texts) * 1e6)
    for name in rates:
        results.add(f"{name} model", "rate", statistics.median(rates[name]), "texts/s", plan.runs)
        results.add(f"{name} model", "cpu", statistics.median(cpu[name]), "us/text", plan.runs)
    for name in SIZES:
        pairs = zip(rates[name], rates["bare"], strict=True)
        ratio = statistics.median(one / other for one, other in pairs)
        results.add(f"{name} / bare model", "rate", ratio, "times (at least 0.8)", plan.runs)
        ratio = statistics.median(cpu[name]) / statistics.median(cpu["bare"])
        results.add(f"{name} / bare model", "cpu", ratio, "times", plan.runs)
    return statistics.median(rates["served"])


async def half_load(results: Results, plan: Plan, server: Served, bare: Bare, per_s: float) -> None:
    """The same texts at the same times, by HTTP and by the bare loop, which scores together what waits.

    In short rounds, one after the other, of which the median counts: a slow moment of the machine is one round's.
    """
    texts = list(completions.texts(plan.texts, seed=2))
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for seed in range(HALF_ROUNDS):
        due = arrivals(per_s, plan.half_s / HALF_ROUNDS, seed)
        took = {
            "bare": (await bare.do(texts=texts, due=due))["took_ms"],
            "served": (await ask_when_due(server.port, texts, due)).took_ms,
        }
        for kind, values in took.items():
            for name, q in QUANTILES.items():
                found[kind, name].append(quantile(values, q))
    results.add("serve half load", "rate asked", per_s, "texts/s")
    for (kind, name), values in found.items():
        results.add(f"{kind} half load", name, statistics.median(values), "ms", HALF_ROUNDS)
    added = [one - other for one, other in zip(found["served", "p99"], found["bare", "p99"], strict=True)]
    results.add("served - bare half load", "p99", statistics.median(added), "ms (at most 10)", HALF_ROUNDS)
    results.add("served - bare half load", "p99 lowest", min(added), "ms", HALF_ROUNDS)


async def overload(results: Results, plan: Plan, server: Served, per_s: float) -> None:
    """Five times what it can do, then what it does at once afterwards."""
    texts = list(completions.texts(plan.texts, seed=3))
    before = await ask_in_turn(server.port, texts, 2 * CLIENTS, seconds=AFTER_S)
    loads: list[Load] = []
    rss = [server.rss_mib()]
    for seed in range(3):
        loads.append(await ask_when_due(server.port, texts, arrivals(TIMES * per_s, plan.overload_s / 3, seed)))
        rss.append(server.rss_mib())
    after = await ask_in_turn(server.port, texts, 2 * CLIENTS, seconds=AFTER_S)
    statuses = sum((load.statuses for load in loads), Counter[int]())
    seconds, asked = sum(load.seconds for load in loads), sum(statuses.values())
    sent_ms = [took for load in loads for took in load.sent_ms]
    what = f"serve {TIMES:g} times the load"
    _require(set(statuses) <= {200, 429}, f"statuses {dict(statuses)}; expected 200 and 429 alone")
    results.add(what, "asked", asked / seconds, "requests/s")
    results.add(what, "refused with 429", statuses[429] / asked, "share")
    results.add(what, "answered", statuses[200] / seconds, "texts/s")
    for q, name in ((0.5, "p50"), (0.99, "p99"), (1.0, "longest")):
        results.add(what, f"{name} of those answered", quantile(sent_ms, q), "ms")
    results.add(what, "memory at the end", rss[-1], "MiB")
    for third, name in enumerate(("first", "second", "last")):  # caches fill at first: a leak goes on
        results.add(what, f"memory grown, {name} third", rss[third + 1] - rss[third], "MiB")
    results.add(what, f"rate in the {AFTER_S:g} s after to before", after.per_s / before.per_s, "ratio")


class Bare:
    """A running `bench.unserved`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def do(self, **job: Any) -> dict[str, Any]:
        assert self._process.stdin is not None  # noqa: S101 - PIPE
        assert self._process.stdout is not None  # noqa: S101 - PIPE
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        await self._process.stdin.drain()
        found: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return found


@contextlib.asynccontextmanager
async def unserved(classifier: str) -> AsyncIterator[Bare]:
    """The bare loop, idle until it gets a job."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.unserved", classifier),
        cwd=ROOT, env=clean, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**26,
    )  # fmt: skip
    try:
        yield Bare(process)
    finally:
        process.kill()
        await process.wait()


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise RuntimeError(message)
