"""`profile`: where the worker's CPU goes, by component."""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from bench.measure import ZEROS, backlog, worker
from bench.results import Results

COUNT = 40_000
SHOWN = 4  # innermost functions of each component
READ_S = 10.0  # until the worker has written its samples

# The first component that a stack is in, from its innermost frame out: component, end of the file, functions (none:
# all of them).
COMPONENTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("decode", "streams/wire/decode.py", ()),
    ("hash users", "streams/moderation/pseudonyms.py", ("hash",)),
    ("inputs", "streams/moderation/records.py", ("_inputs",)),
    ("decide", "streams/core/decide.py", ()),
    ("decide", "streams/worker/completion_handler.py", ("conclude",)),
    ("score", "streams/moderation/scoring.py", ()),
    ("score", "streams/moderation/moderator.py", ("score",)),
    ("serialise", "streams/worker/messages.py", ()),
    ("publish", "streams/kafka/producer.py", ()),
    ("aggregate", "streams/core/rates/aggregate.py", ()),
    ("aggregate", "streams/store/scope_limiter.py", ()),
    ("aggregate", "streams/worker/completion_handler.py", ("aggregate", "names")),
    ("apply", "streams/store/redis.py", ()),
    ("metrics", "streams/metrics.py", ()),
    ("pipeline", "streams/worker/pipeline.py", ()),
    ("ruler", "streams/ruler/ruler.py", ()),
    ("aiokafka fetch", "aiokafka/consumer/fetcher.py", ()),
    ("aiokafka send", "aiokafka/producer/sender.py", ()),
    ("aiokafka send", "aiokafka/producer/message_accumulator.py", ()),
    ("ingest", "streams/ingest/", ()),
    ("aiokafka other", "aiokafka/", ()),
    ("faust", "faust/", ()),
    ("faust", "mode/", ()),
    ("asyncio", "asyncio/", ()),
)


def run(results: Results, count: int = COUNT) -> None:
    """CPU of the event loop by component, with a classifier that returns zeros; and the functions it is spent in."""
    stacks, cpu = asyncio.run(_sampled(count))
    components: Counter[str] = Counter()
    leaves: dict[str, Counter[str]] = defaultdict(Counter)
    for stack, n in stacks:
        component = _component(stack)
        components[component] += n
        leaves[component][_short(stack[0])] += n
    total = sum(components.values())
    print(f"  {total} samples over {count} events")
    for component, n in components.most_common():
        results.add(f"profile {component}", "cpu", n / total * cpu, "us/event")
        for leaf, m in leaves[component].most_common(SHOWN):
            print(f"    {m / total * cpu:6.2f} us/event  {leaf}")


async def _sampled(count: int) -> tuple[list[tuple[list[str], int]], float]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "stacks.json"
        async with worker(ZEROS, ("-m", "bench.sampled", str(out))) as subject:

            def around(begins: bool) -> None:
                subject.process.send_signal(signal.SIGRTMIN if begins else signal.SIGRTMIN + 1)

            spent = await backlog(subject, count, around)
            deadline = time.monotonic() + READ_S
            while not out.exists() and time.monotonic() < deadline:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.1)
            return [(stack, n) for stack, n in json.loads(out.read_text())], spent.cpu


def _component(stack: list[str]) -> str:
    for frame in stack:
        file, _, function = frame.rpartition(":")
        for component, where, functions in COMPONENTS:
            inside = file.endswith(where) if where.endswith(".py") else f"/{where}" in file
            if inside and (not functions or function in functions or function.startswith("<")):
                return component
    return "other"


def _short(frame: str) -> str:
    return "/".join(frame.split("/")[-3:])
