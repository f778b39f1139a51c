"""What every fault drill uses: workers under steady traffic, a trouble, an exact account, and a report of it.

One tenant is bad all the time, so that one alert fires. No trouble may lose or resolve it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import random
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import redis.asyncio as aioredis
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.drills.closing import (
    assert_alerts_exact,
    assert_counts_exact,
    assert_repeatable,
    policy_versions,
    transitions,
    wait_for_evaluation,
)
from tests.drills.fleet import (
    ACCOUNT,
    ROOT,
    Fleet,
    OutputsByPosition,
    account,
    assert_account_closes,
    event,
    fleet,
    make_topics,
    positions,
    wait_until_counted,
)
from tests.drills.report import Report as Report
from tests.real.stack import Real
from tests.support.stacks import Stack
from tidegate.streams.core.events import Decision
from tidegate.streams.core.policy.resolved import LivePolicy

REPORTS = ROOT / "build" / "drills"
BAD_TENANT = "t0"  # a third of the traffic; always toxic
POLICY = """
schema_version = 1
labels = { toxicity = { flag = 0.5, review = 0.7, block = 0.9 }, stereotype = { flag = 0.5 } }
windows = { bucket_s = 5, rate_window_s = 3600, late_s = 3600, grace_s = 4 }

[alerts.incident]
of = "action.block"
by = ["tenant"]
kind = "share"
above = 0.5
resolve_below = 0.3
window_s = 30
for_s = 5
min_total = 20

# A third of the traffic is calm and bad by turns: an alert that moves all the time, and is held to the number.
[alerts.wave]
of = "label.stereotype"
by = ["tenant"]
kind = "share"
above = 0.5
resolve_below = 0.3
window_s = 10
for_s = 0
min_total = 10
"""
WAVY_TENANT = "t1"
WAVE_S = 10.0  # at the usual rate
CHUNK = 50  # the most completions between two reads of the clock


@dataclass
class Scene:
    """Workers on a stack, their traffic, and the report."""

    stack: Stack
    workers: Fleet
    report: Report
    rng: random.Random
    acknowledged: set[tuple[int, int]] = field(default_factory=set)
    generated: int = 0  # completions generated; their ids are c0, c1, …
    per_s: float = 0.0  # a drill may change it: a burst, or 0 for a pause
    usual_per_s: float = 0.0
    partitions: int = 0
    slowest_s: float = 0.0  # from a completion's send to its acknowledgement
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    # --- traffic

    def completion(self) -> bytes:
        """Returns the next completion. Those of tenant t0 are blocked, others have any score; t1's come in waves.

        It has no time of its own: the record's timestamp counts, so it is late only where Kafka is.
        """
        n, self.generated = self.generated, self.generated + 1
        tenant = f"t{n % 3}"
        text = f"said toxicity={0.95 if tenant == BAD_TENANT else self.rng.random() * 0.85:.2f}"
        if tenant == WAVY_TENANT:
            text += " stereotype=0.9" if int(n / (self.usual_per_s * WAVE_S)) % 2 else " stereotype=0.1"
        return event(n, text)

    async def _traffic(self, next_completion: Callable[[], bytes]) -> None:
        """Sends completions at `per_s` until the drill is over. Each is retried until Kafka acknowledges it."""
        async with AIOKafkaProducer(
            bootstrap_servers=self.stack.kafka,
            acks="all",
            linger_ms=5,
            request_timeout_ms=30_000,
            max_batch_size=256 * 1024,  # a burst of large ones goes out in few requests
        ) as producer:
            due, sending = time.monotonic(), set[asyncio.Task[None]]()
            while not self._over.is_set():
                if not self.per_s:
                    await asyncio.sleep(0.05)
                    due = time.monotonic()
                    continue
                chunk = max(1, min(CHUNK, int(self.per_s / 10)))
                for _ in range(chunk):
                    sending.add(asyncio.create_task(self._send(producer, next_completion())))
                due += chunk / self.per_s
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                sending = {task for task in sending if not task.done() or task.result()}
            await asyncio.gather(*sending)

    async def _send(self, producer: Any, value: bytes) -> None:
        key = json.loads(value)["user"].encode() if value.startswith(b"{") else None
        while True:
            began = time.monotonic()
            try:
                meta = await producer.send_and_wait("completions", value, key=key)
            except KafkaError:
                await asyncio.sleep(0.2)
            else:
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                self.acknowledged.add((meta.partition, meta.offset))
                return

    async def pause(self) -> None:
        """Stops the traffic. Returns once all is counted and workers know it. `per_s` above 0 resumes it."""
        self.per_s = 0
        await self._wait_for_acknowledgements()
        await self.wait_for_total(len(self.acknowledged))
        await asyncio.sleep(1)  # the workers read Redis's last replies

    async def _wait_for_acknowledgements(self) -> None:
        while self.generated > len(self.acknowledged):
            await asyncio.sleep(0.1)

    async def send_batch(self, completions: int, partition: int) -> int:
        """Sends them in one record batch, so that its reader has them all in hand. Returns the first offset."""
        async with AIOKafkaProducer(bootstrap_servers=self.stack.kafka, acks="all", max_batch_size=1 << 20) as producer:
            batch = producer.create_batch()
            for _ in range(completions):
                assert batch.append(key=None, value=self.completion(), timestamp=None) is not None
            meta = await (await producer.send_batch(batch, "completions", partition=partition))
        self.acknowledged |= {(partition, meta.offset + n) for n in range(completions)}
        return int(meta.offset)

    # --- watching

    async def total(self) -> int:
        """The number of completions counted by now."""
        found = (await wait_until_counted(self.stack.redis, 0, 0)).totals
        return sum(found[name] for name in ACCOUNT)

    async def wait_for_counts(self, more: int, within_s: float = 120) -> None:
        """Returns once that many more completions are counted."""
        expected = await self.total() + more
        await self.wait_for_total(expected, within_s)

    async def wait_for_total(self, expected: int, within_s: float = 90) -> None:
        """Returns once that many completions are counted in all."""
        found = await wait_until_counted(self.stack.redis, expected, within_s)
        total = sum(found.totals[name] for name in ACCOUNT)
        assert total >= expected, f"{total} of {expected} counted in {within_s:g} s\n{self.workers.logs()[-6000:]}"

    @contextlib.asynccontextmanager
    async def trouble(self, did: str, within_s: float = 150) -> AsyncIterator[None]:
        """Encloses the fault and its end. Recovery lasts from the begin of the fault until each partition has counted a
        record that was sent after its end, and so everything before that record.
        """
        self.report.did, began = did, time.monotonic()
        yield
        before, deadline = set(self.acknowledged), time.monotonic() + within_s
        left = set(range(self.partitions))
        while left and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            new = self.acknowledged - before
            first = {partition: min((o for p, o in new if p == partition), default=None) for partition in left}
            checkpoints = await self.checkpoints()
            left = {p for p in left if (at := first[p]) is None or checkpoints.get(p, 0) <= at}
        assert not left, f"partitions {left} did not move in {within_s:g} s\n{self.workers.logs()[-6000:]}"
        self.report.recovered_s = round(time.monotonic() - began, 1)

    async def checkpoints(self) -> dict[int, int]:
        """Partition of `completions` -> the next offset to count, where Redis answers and has a checkpoint."""
        client, found = aioredis.Redis.from_url(self.stack.redis, decode_responses=True), {}
        with contextlib.suppress(aioredis.RedisError):
            for partition in range(self.partitions):
                next_ = await client.hget(f"tidegate:{{completions-{partition}}}:checkpoint", "next")
                if next_ is not None:
                    found[partition] = int(next_)
        await client.aclose()
        return found

    async def alerts(self) -> list[dict[str, Any]]:
        """The transitions of the rule `incident`, each id once, in order of time."""
        return [alert for alert in await transitions(self.stack.kafka) if alert["rule"] == "incident"]

    async def wait_for_alert(self, within_s: float = 120) -> None:
        """Returns once the alert on the bad tenant fires. A drill calls it before its trouble."""
        async with asyncio.timeout(within_s):
            while not any(alert["state"] == "firing" for alert in await self.alerts()):
                await asyncio.sleep(0.5)

    # --- the account

    async def sent(self) -> set[tuple[int, int]]:
        """Ends the traffic. Returns every position on the topic; a producer's retry may have written a record twice."""
        self._over.set()
        await self._wait_for_acknowledgements()
        sent = await positions(self.stack.kafka)
        assert self.acknowledged <= sent, "Kafka lost records that it had acknowledged"
        return sent

    async def account(
        self, *, duplicates: bool, within_s: float = 120, fired: bool = True, exact: bool = False
    ) -> OutputsByPosition:
        """Ends the traffic, checks that the account closes, and fills the report.

        duplicates: a position may have two decisions. False: one more than a position is a bug.
        exact: every transition of every alert equals the one that the counted decisions give. This cannot hold where
        Kafka was unavailable while a record was sent (it is then later than the windows wait: grace_s), or where Redis
        came back with less: the ruler evaluates a boundary once. There, and on a machine so busy that a record takes
        half of grace_s to Kafka, only the incident is checked: it fires once and never resolves.
        """
        sent = await self.sent()
        redis = await wait_until_counted(self.stack.redis, len(sent), within_s)
        seen = await account(self.stack.kafka, len(sent), within_s)
        report = self.report
        newest_decisions = seen.counted()
        report.sent, report.dead_letters, report.duplicates = len(sent), seen.count_dead_letters(), seen.duplicates
        report.faults = sum(d["fault"] is not None for d in newest_decisions)
        report.decided = len(newest_decisions) - report.faults
        assert_account_closes(sent, seen, redis)
        if not duplicates:
            assert seen.duplicates == 0, f"{seen.duplicates} decisions beyond one a completion"
        policies = await policy_versions(self.stack.kafka)
        decisions, live = assert_repeatable(seen, policies), [*policies.values()][-1]
        assert_counts_exact(decisions, redis, live)
        if fired:
            await self._check_incident(decisions, live, exact=exact, within_s=within_s)
        return seen

    async def _check_incident(
        self, decisions: list[Decision], live: LivePolicy, *, exact: bool, within_s: float
    ) -> None:
        last_ms = max(d.at_ms for d in decisions)
        until_ms = await wait_for_evaluation(self.stack.redis, last_ms, within_s) if exact else last_ms
        found = await transitions(self.stack.kafka)
        incident = [alert for alert in found if alert["rule"] == "incident" and alert["at_ms"] <= last_ms]
        states = [alert["state"] for alert in incident]
        assert Counter(states)["firing"] == 1, f"one incident fired {states}"
        assert "resolved" not in states, f"resolved while the incident went on: {states}"
        self.report.alert = "fired once, never resolved"
        if exact and self.slowest_s > live.policy.windows.grace_s / 2:
            self.report.alert += f"; not held to the number: a record took {self.slowest_s:.1f} s to Kafka"
        elif exact:
            assert until_ms >= last_ms, f"the ruler came to {until_ms} of {last_ms} in {within_s:g} s"
            # Those under a clock that was behind count in the past, where the ruler had been already.
            first_ms = min(d.record_ms for d in decisions)
            transition_count = assert_alerts_exact(found, [d for d in decisions if d.at_ms >= first_ms], live, until_ms)
            self.report.alert += f"; {transition_count} transitions of 2 alerts, all as counted"


@contextlib.asynccontextmanager
async def scene(
    stack: Stack,
    folder: Path,
    drill: str,
    title: str,
    *,
    workers: int = 2,
    per_s: float = 200.0,
    partitions: int = 6,
    next_completion: Callable[[Scene], bytes] = Scene.completion,
    **settings: str,
) -> AsyncIterator[Scene]:
    """Creates topics and starts workers and traffic. Writes the report where the drill passed.

    drill: its name; the seed is computed from it.
    """
    seed, began = zlib.crc32(drill.encode()), time.monotonic()
    await make_topics(stack.kafka, partitions)
    with fleet(folder, stack.env(), **{"policy": POLICY, **settings}) as running:
        for _ in range(workers):
            running.start()
        await running.joined()
        report = Report(drill, title, servers(stack), seed)
        running_scene = Scene(
            stack, running, report, random.Random(seed), per_s=per_s, usual_per_s=per_s, partitions=partitions
        )
        traffic = asyncio.create_task(running_scene._traffic(lambda: next_completion(running_scene)))
        try:
            yield running_scene
            await traffic
        finally:
            running_scene._over.set()
            traffic.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await traffic
        write_report(running_scene.report, began)


def servers(stack: Stack) -> Literal["real", "embedded"]:
    """The kind of servers, as `--servers` takes it."""
    return "real" if isinstance(stack, Real) else "embedded"


def write_report(report: Report, began: float) -> None:
    """Writes the report of a drill that passed. began: its start by `time.monotonic`."""
    report.took_s = round(time.monotonic() - began, 1)
    path = REPORTS / report.servers / f"{report.drill}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dataclasses.asdict(report), indent=1) + "\n")
