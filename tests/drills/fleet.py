"""Workers as processes, completions with given ids, and the account at the end: what every drill uses.

The account is read by a plain aiokafka consumer and plain Redis commands: it shares no code with what it checks.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis.asyncio as aioredis
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from tests.drills.reading import read_topic
from tidegate.streams.topics import COMPLETIONS, DEAD_LETTERS, DECISIONS

ROOT = Path(__file__).parents[2]
SESSION_S = 6.0
LATE_S = 2.0  # after the last expected record: a record that still comes is a duplicate
ACCOUNT = ("decided", "faults", "dead_letters", "redriven")  # totals whose sum is what was sent
POLICY = """
schema_version = 1
labels = { toxicity = { flag = 0.5, review = 0.7, block = 0.9 }, stereotype = { flag = 0.5 } }
windows = { bucket_s = 10, rate_window_s = 3600, late_s = 3600 }
"""


async def make_topics(kafka: str, partitions: int, config: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """Creates every topic. config: topic -> its Kafka configuration, where it has one."""
    config_of = config or {}
    names = ["completions", "decisions", "feedback", "dead-letters", "alerts", "rates", "enforcements", "replays"]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    copies = min(3, len((await admin.describe_cluster())["brokers"]))
    many = {**dict.fromkeys(names, partitions), "policies": 1, "tidegate-control": 1}
    topics = [NewTopic(name, n, copies, topic_configs=dict(config_of.get(name, {}))) for name, n in many.items()]
    await admin.create_topics(topics)
    await admin.close()


class Fleet:
    """Workers of one consumer group. Each is a process with its own log."""

    def __init__(self, folder: Path, env: dict[str, str], **settings: str) -> None:
        policy = folder / "policy.toml"
        policy.write_text(settings.pop("policy", POLICY))
        self._folder = folder
        self._env = {
            **os.environ,
            **env,
            "TIDEGATE_POLICY_FILE": str(policy),
            "TIDEGATE_CLASSIFIER": "tests.support.scorers:scripted",
            "TIDEGATE_HTTP_PORT": "0",
            "TIDEGATE_SESSION_TIMEOUT_S": str(SESSION_S),
            "TIDEGATE_HEARTBEAT_S": "1",
            "TIDEGATE_SCORE_TIMEOUT_S": "2",
            **{f"TIDEGATE_{name.upper()}": value for name, value in settings.items()},
        }
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self._started = 0

    def start(self, environ: Mapping[str, str] | None = None, **settings: str) -> str:
        """Returns the name of a new worker. environ: variables of its process that are no settings."""
        self._started += 1
        name = f"w{self._started}"
        env = {**self._env, "TIDEGATE_WORKER": name, **{f"TIDEGATE_{k.upper()}": v for k, v in settings.items()}}
        env |= environ or {}
        with (self._folder / f"{name}.log").open("wb") as log:
            self.workers[name] = subprocess.Popen(
                [sys.executable, "-m", "tidegate", "worker"], cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT
            )
        return name

    def signal(self, name: str, signum: int) -> None:
        self.workers[name].send_signal(signum)

    def kill(self, name: str) -> None:
        self.signal(name, signal.SIGKILL)
        self.workers.pop(name).wait()

    async def leave(self, name: str) -> int:
        """Sends SIGTERM. Returns the exit code once the worker ended, within 90 s."""
        self.signal(name, signal.SIGTERM)
        return await asyncio.to_thread(self.workers.pop(name).wait, 90)

    def epochs(self, name: str) -> dict[int, int]:
        """Partition of `completions` -> the epoch of its last takeover in that worker's log."""
        takeovers = re.findall(r"completions\[(\d+)\]: taken over at \d+, epoch (\d+)", self.log(name))
        return {int(partition): int(epoch) for partition, epoch in takeovers}

    async def joined(self, timeout_s: float = 120) -> None:
        """Returns when the log of every running worker has a takeover."""
        async with asyncio.timeout(timeout_s):
            while not all("taken over" in self.log(name) for name in self.workers):
                await asyncio.sleep(0.2)

    def ended(self) -> list[str]:
        return [name for name, process in self.workers.items() if process.poll() is not None]

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def logs(self) -> str:
        return "\n".join(self.log(f"w{n}") for n in range(1, self._started + 1))

    def stop(self) -> None:
        for process in self.workers.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.workers.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def fleet(folder: Path, env: dict[str, str], **settings: str) -> Iterator[Fleet]:
    running = Fleet(folder, env, **settings)
    try:
        yield running
    finally:
        running.stop()


async def send(
    kafka: str, events: Iterable[bytes], per_s: float = 0, topic: str = "completions"
) -> list[tuple[int, int]]:
    """Sends each and waits for its acknowledgement. Returns (partition, offset) of each record. per_s 0: at once."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", linger_ms=2, request_timeout_ms=60_000)
    await producer.start()
    acks, start = [], time.monotonic()
    try:
        for n, event in enumerate(events):
            if per_s and n % 20 == 0:
                await asyncio.sleep(max(0.0, start + n / per_s - time.monotonic()))
            while True:
                try:
                    acks.append(await producer.send(topic, event, key=str(n % 97).encode()))
                    break
                except KafkaError:
                    await asyncio.sleep(0.2)
        return [(meta.partition, meta.offset) for meta in await asyncio.gather(*acks)]
    finally:
        await producer.stop()


def event(n: int, text: str, **more: Any) -> bytes:
    return json.dumps({"id": f"c{n}", "completion": text, "tenant": f"t{n % 3}", "user": f"u{n % 50}", **more}).encode()


@dataclass
class OutputsByPosition:
    """Decisions and dead letters by source position."""

    decisions: dict[tuple[int, int], list[dict[str, Any]]] = field(default_factory=dict)
    dead: dict[tuple[int, int], list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def positions(self) -> set[tuple[int, int]]:
        """Every source position with an output. The dead letter of an undecodable batch covers all its offsets."""
        ranges = ((p, o, found[0].get("offsets", 1)) for (p, o), found in self.dead.items())
        return {*self.decisions, *((p, offset) for p, o, n in ranges for offset in range(o, o + n))}

    def count_dead_letters(self, *, redriven: bool = False) -> int:
        """The number of offsets with a dead letter. redriven: only those whose other copy was decided before."""
        return sum(
            found[0].get("offsets", 1) for found in self.dead.values() if (found[0]["reason"] == "redriven") is redriven
        )

    def counted(self) -> list[dict[str, Any]]:
        """The decision with the highest epoch of each position: the one that Redis counted.

        Fails where two decisions of one epoch differ.
        """
        newest_decisions = []
        for position, found in self.decisions.items():
            epoch = max(d["epoch"] for d in found)
            newest = [d for d in found if d["epoch"] == epoch]
            assert all(d == newest[0] for d in newest), f"{position}: decided two ways under one epoch"
            newest_decisions.append(newest[0])
        return newest_decisions

    @property
    def duplicates(self) -> int:
        return sum(len(found) - 1 for found in self.decisions.values())


async def account(kafka: str, expected: int, timeout_s: float, topic: str = COMPLETIONS) -> OutputsByPosition:
    """Reads all decisions and dead letters, LATE_S after `expected` source positions have one, or at the timeout."""
    deadline = time.monotonic() + timeout_s
    while len((await _published(kafka, topic)).positions) < expected and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
    await asyncio.sleep(LATE_S)
    return await _published(kafka, topic)


async def _published(kafka: str, source: str) -> OutputsByPosition:
    outputs = OutputsByPosition()
    for topic, into in ((DECISIONS, outputs.decisions), (DEAD_LETTERS, outputs.dead)):
        async for record in read_topic(kafka, topic):
            out = json.loads(record.value)
            if out["source"]["topic"] == source:
                into.setdefault((out["source"]["partition"], out["source"]["offset"]), []).append(out)
    return outputs


async def positions(kafka: str) -> set[tuple[int, int]]:
    """(partition, offset) of every record on `completions`; a producer's retry may have written one twice."""
    return {(record.partition, record.offset) async for record in read_topic(kafka, COMPLETIONS)}


@dataclass
class RedisCounts:
    """The counts in Redis: totals, which never expire, and series summed over every bucket and partition."""

    totals: Counter[str]
    series: Counter[str]
    buckets: dict[int, Counter[str]] = field(default_factory=dict)  # start (ms) -> series -> n, over partitions


async def keys(client: Any, pattern: str) -> set[str]:
    """The keys that match, each once: SCAN may return one twice."""
    return {key async for key in client.scan_iter(match=pattern, count=1000)}


async def read_counts(url: str, topic: str = "completions") -> RedisCounts:
    """Reads every total and bucket of a topic from Redis."""
    client = aioredis.Redis.from_url(url, decode_responses=True)
    totals: Counter[str] = Counter()
    series: Counter[str] = Counter()
    buckets: dict[int, Counter[str]] = {}
    try:
        for key in await keys(client, f"tidegate:{{{topic}-*"):
            into = [totals] if key.endswith(":totals") else []
            if ":b:" in key:
                into = [series, buckets.setdefault(int(key.rpartition(":")[2]), Counter())]
            if into:
                for name, n in (await client.hgetall(key)).items():
                    for sums in into:
                        sums[name] += int(n)
    finally:
        await client.aclose()
    return RedisCounts(totals, series, buckets)


async def wait_until_counted(url: str, expected: int, timeout_s: float, topic: str = COMPLETIONS) -> RedisCounts:
    """The counts of a topic's records once Redis has counted `expected` of them, or at the timeout."""
    deadline = time.monotonic() + timeout_s
    while True:
        with contextlib.suppress(aioredis.RedisError):
            found = await read_counts(url, topic)
            if sum(found.totals[k] for k in ACCOUNT) >= expected:
                # Keys are read one after another: a bucket may be read before the last events, totals after them.
                return await read_counts(url, topic)
        if time.monotonic() > deadline:
            return await read_counts(url, topic)
        await asyncio.sleep(0.5)


def assert_account_closes(sent: set[tuple[int, int]], outputs: OutputsByPosition, redis: RedisCounts) -> None:
    """Fails unless nothing is lost, nothing is counted twice, and the counted decision has the highest epoch."""
    assert outputs.positions == sent, f"lost {len(sent - outputs.positions)}, unknown {len(outputs.positions - sent)}"
    newest_decisions = outputs.counted()
    faults = sum(d["fault"] is not None for d in newest_decisions)
    letters = {"dead_letters": outputs.count_dead_letters(), "redriven": outputs.count_dead_letters(redriven=True)}
    for name, n in {"decided": len(newest_decisions) - faults, "faults": faults, **letters}.items():
        assert redis.totals[name] == n, f"Redis counted {redis.totals[name]} {name}, published were {n}"
    judged = [d for d in newest_decisions if d["fault"] is None and (d["status"] == "ok" or d["scores"])]
    scored = [d for d in judged if d["time"] != "too_late"]
    for scope in ("all", *sorted({f"tenant={d['scopes']['tenant']}" for d in scored})):
        of = [d for d in scored if scope in ("all", f"tenant={d['scopes']['tenant']}")]
        assert redis.series[f"scored|{scope}"] == len(of), scope
        for action in ("allow", "flag", "review", "redact", "block"):
            found = redis.series[f"action.{action}|{scope}"]
            decided = sum(d["action"] == action for d in of)
            assert found == decided, (
                f"Redis counted {found} {action} in {scope}, decided by the highest epoch: {decided}"
            )
