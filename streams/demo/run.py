"""Runs the demo: the stack, the topics, a worker and `serve`, the traffic, a dashboard of the output topics."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.demo.account import Account, Position, reconcile
from tidegate.streams.demo.dashboard import TOPICS, Dashboard, Event
from tidegate.streams.demo.http_client import HttpClient
from tidegate.streams.demo.sender import Sender
from tidegate.streams.demo.traffic import HTTP_TENANT, LENGTH_S, describe_phase, traffic
from tidegate.streams.demo.view import Now
from tidegate.streams.embedded import EmbeddedStack, free_port
from tidegate.streams.embedded.child_process import ChildProcess
from tidegate.streams.errors import TidegateError
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.kafka.reader import follow
from tidegate.streams.operations.api_keys import add_key
from tidegate.streams.policy_log.file import read_policy
from tidegate.streams.settings.settings import PREFIX, Settings
from tidegate.streams.store.redis import RedisStore
from tidegate.streams.topics import MODERATIONS, SOURCES

POLICY_FILE = Path(__file__).with_name("policy.toml")
PARTITIONS = 3
WORKER = {"SESSION_TIMEOUT_S": "6", "HEARTBEAT_S": "1.5"}  # a fresh group: no other member to wait for
READY_S = 90.0  # a cold disk reads Faust and ONNX slowly, and two processes do
POLL_S = 0.25  # between two checks of everything
LONGEST_S = 110.0  # after the first event: then the account is made as it is
AFTER_S = 1.5  # after every outcome is read: a second one of a position would come by then
TOTALS_S = 5.0  # Redis counts after the topics hold the outcomes
LOG_LINES = 15  # of a process's log, where it ended by itself


class DemoStopped(TidegateError):
    """The demo could not run to its end: the message says why. Nothing of it is left running; start it again."""


class DemoDisplay(Protocol):
    """Shows the demo: in a terminal, or as plain lines."""

    def say(self, line: str) -> None: ...
    def rules(self, policy: Policy) -> None: ...
    def show(self, dash: Dashboard, policy: Policy, now: Now) -> None: ...
    def transition(self, alert: Event, now: Now) -> None: ...


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The account and the dashboard at the end of the demo."""

    account: Account
    dash: Dashboard
    start_ms: int  # of the first event
    seconds: float  # from the first event to the account

    def to_dict(self) -> dict[str, int | float]:
        """Returns the account as one JSON object."""
        account = self.account
        return {
            "sent": account.sent,
            "sent_by_kafka": account.by_kafka,
            "sent_over_http": account.over_http,
            "unanswered_over_http": account.unanswered,
            "decided": account.decided,
            "faults": account.faults,
            "dead_letters": account.dead_letters,
            "redriven": account.redriven,
            "alerts_fired": self.dash.fired,
            "alerts_resolved": self.dash.resolved,
            "seconds": round(self.seconds, 1),
        }

    @property
    def problems(self) -> list[str]:
        """A line for each problem; empty where the account closes and an alert fired and resolved."""
        problems = list(self.account.problems)
        if not self.dash.resolved:
            problems.append(f"{self.dash.fired} alerts fired and none resolved; expected one at least")
        return problems


def run(display: DemoDisplay) -> DemoResult:
    """Runs the demo and leaves nothing running.

    Raises EmbeddedError, DemoStopped, BrokerUnavailable, StoreUnavailable.
    """
    # The shell's variables are for another deployment: the demo's processes must see this stack only.
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        del os.environ[name]
    policy = read_policy(POLICY_FILE)
    display.rules(policy)
    display.say("")
    began = time.monotonic()
    with EmbeddedStack() as stack, tempfile.TemporaryDirectory(prefix="tidegate-") as made:
        display.say(f"a broker on {stack.kafka} and a store on {stack.redis.split('/')[2]}, both in memory")
        asyncio.run(ensure_topics(stack.kafka, PARTITIONS, 1))
        folder = Path(made)
        keys = folder / "keys.json"
        secret = add_key(keys, "demo", HTTP_TENANT, int(time.time() * 1000)).secret
        ports = {port: free_port() for port in ("worker", "probes", "serve")}
        worker = {"POLICY_FILE": str(POLICY_FILE), "HTTP_PORT": str(ports["worker"]), "PARTITIONS": str(PARTITIONS)}
        serve = {
            "SERVE_PORT": str(ports["serve"]),
            "SERVE_PROBE_PORT": str(ports["probes"]),
            "SERVE_KEYS_FILE": str(keys),
            "SERVE_COUNT": "required",
        }
        with (
            _child("worker", stack, worker | WORKER, folder, ports["worker"]) as working,
            _child("serve", stack, serve, folder, ports["probes"]) as serving,
        ):
            display.say(f"a worker, and `tidegate serve` on 127.0.0.1:{ports['serve']}: ready in 10 to 20 s")
            session = _Session(stack, (working, serving), HttpClient(ports["serve"], secret), policy, display)
            try:
                asyncio.run(session.until_ready())
                display.say(f"ready after {time.monotonic() - began:.0f} s; now a minute of made-up traffic\n")
                result = asyncio.run(session.traffic())
            finally:
                display.say("\nstopping serve, the worker, the store and the broker: some seconds")
    return result


@dataclass(frozen=True, slots=True)
class _Child:
    """One process of ours, with its log."""

    name: str
    process: ChildProcess
    log: Path
    probe_port: int

    def check(self) -> None:
        """Raises DemoStopped where it ended by itself."""
        if (code := self.process.wait(0)) is not None:
            raise DemoStopped(f"{self.name} ended by itself with exit code {code}; its log ends:\n{self.tail()}")

    def tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join(f"  {line}" for line in lines) or "  (nothing was logged)"


@contextlib.contextmanager
def _child(
    command: str, stack: EmbeddedStack, settings: dict[str, str], folder: Path, probe_port: int
) -> Iterator[_Child]:
    env = {**stack.env(), **{PREFIX + name: value for name, value in settings.items()}}
    log = folder / f"{command}.log"
    with log.open("wb") as out, ChildProcess(command, env=env, log=out) as process:
        yield _Child(f"`tidegate {command}`", process, log, probe_port)


class _Session:
    """One run of the traffic, on a stack and processes that are up."""

    def __init__(
        self,
        stack: EmbeddedStack,
        children: Sequence[_Child],
        client: HttpClient,
        policy: Policy,
        display: DemoDisplay,
    ) -> None:
        self._stack, self._children, self._policy, self._display = stack, children, policy, display
        self._settings = Settings.load(kafka=stack.kafka, redis=stack.redis, idempotent=False)
        self._dash = Dashboard()
        self._sender = Sender(self._settings, client)
        self._moderations: set[Position] = set()  # that `serve` wrote
        self._start_ms, self._began = 0, 0.0

    async def until_ready(self) -> None:
        """Returns once every process is ready."""
        deadline = time.monotonic() + READY_S
        for child in self._children:
            while not await asyncio.to_thread(_answers, f"http://127.0.0.1:{child.probe_port}/readyz"):
                self._check()
                if time.monotonic() > deadline:
                    raise DemoStopped(f"{child.name} was not ready in {READY_S:.0f} s; its log ends:\n{child.tail()}")
                await asyncio.sleep(POLL_S)

    async def traffic(self) -> DemoResult:
        """Sends everything, waits until it is decided and the alerts resolved, and returns the account."""
        # In half a second: making the traffic takes some of it.
        self._start_ms, self._began = int(time.time() * 1000) + 500, time.monotonic() + 0.5
        records = traffic(self._start_ms)
        tasks = [asyncio.create_task(self._read(topic)) for topic in (*TOPICS, MODERATIONS)]
        sending = asyncio.create_task(self._sender.send(records, self._began))
        try:
            await self._wait_for_outcomes(sending, tasks)
            return await self._result()
        finally:
            for task in (sending, *tasks):
                task.cancel()
            await asyncio.gather(sending, *tasks, return_exceptions=True)

    async def _wait_for_outcomes(self, sending: asyncio.Task[None], readers: Sequence[asyncio.Task[None]]) -> None:
        done_since: float | None = None
        while (at_s := time.monotonic() - self._began) < LONGEST_S:
            self._check()
            for task in (sending, *readers):
                if task.done():
                    task.result()  # raises what ended it
            self._display.show(self._dash, self._policy, self._now())
            if not sending.done() or not self._all_out() or self._dash.resolved < self._dash.fired:
                done_since = None
            elif done_since is None:
                done_since = at_s
            elif at_s - done_since > AFTER_S:
                break
            await asyncio.sleep(POLL_S)
        self._display.show(self._dash, self._policy, self._now())

    def _all_out(self) -> bool:
        """Whether everything that was sent came out; what was answered over HTTP has been read from its topic then."""
        read = len(self._moderations) >= self._sender.answered
        return read and self._sender.acknowledged | self._moderations <= self._dash.outcomes.keys()

    async def _read(self, topic: str) -> None:
        async for record in follow(self._settings.brokers, topic, from_start=True):
            if topic == MODERATIONS:
                self._moderations.add(Position(topic, record.partition, record.offset))
                continue
            for alert in self._dash.read(topic, record.key, record.value):
                self._display.transition(alert, self._now())

    async def _result(self) -> DemoResult:
        store = RedisStore(self._settings.store, self._settings.namespace)
        deadline = time.monotonic() + TOTALS_S
        try:
            while True:
                totals = {
                    topic: await store.totals([TopicPartition(topic, p) for p in range(PARTITIONS)])
                    for topic in SOURCES
                }
                account = reconcile(self._sender.sent(self._moderations), self._dash.outcomes, totals)
                if not account.problems or time.monotonic() > deadline:
                    break
                await asyncio.sleep(POLL_S)
        finally:
            await store.close()
        seconds = time.monotonic() - self._began
        return DemoResult(account, self._dash, self._start_ms, seconds)

    def _now(self) -> Now:
        at_s = max(0.0, time.monotonic() - self._began)
        sender = self._sender
        counts = len(sender.acknowledged), sender.answered, sender.feedback
        return Now(at_s, LENGTH_S, *counts, describe_phase(at_s), self._start_ms)

    def _check(self) -> None:
        self._stack.check()
        for child in self._children:
            child.check()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 - our own process, on loopback
            return bool(answer.status == 200)
    except OSError:  # not listening yet, or 503: waiting for something
        return False
