"""The drills of a soak: each breaks one thing, leaves it broken for some seconds, and repairs it.

Workers are killed and stopped, but never the first: its memory is watched from beginning to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from tests.drills.fleet import ROOT, SESSION_S, Fleet
from tests.drills.soak.traffic import TrafficProducer
from tests.real.stack import Real
from tests.support.proxy import Proxy
from tests.support.stacks import Stack

UNAVAILABLE_S = SESSION_S + 3  # longer than a session, so that the group notices
BURST_S = 8.0  # a burst is so many seconds' worth of completions, at once


@dataclass
class Networks:
    """The proxies between the workers and each dependency."""

    kafka: list[Proxy]
    redis: Proxy

    def env(self) -> dict[str, str]:
        """The TIDEGATE_ variables that put workers behind the proxies."""
        return {
            "TIDEGATE_KAFKA": ",".join(proxy.address for proxy in self.kafka),
            "TIDEGATE_REDIS": f"redis://{self.redis.address}/0",
        }


@contextlib.contextmanager
def networks(stack: Stack, before_broker: Proxy) -> Iterator[Networks]:
    """A proxy before each dependency. before_broker: running, the one that an embedded broker advertises."""
    with contextlib.ExitStack() as running:
        if isinstance(stack, Real):
            kafka = []
            for listens, proxied in zip(stack.cluster.listens, stack.cluster.proxied, strict=True):
                proxy = Proxy(listens)
                proxy.port = int(proxied.rpartition(":")[2])
                kafka.append(running.enter_context(proxy))
        else:
            before_broker.target = stack.kafka_listens
            kafka = [before_broker]
        redis = running.enter_context(Proxy(stack.redis.removeprefix("redis://").removesuffix("/0")))
        yield Networks(kafka, redis)


class Troubles:
    """The drills by name, each an `async def` that returns once the fault is over."""

    def __init__(
        self,
        stack: Stack,
        workers: Fleet,
        traffic: TrafficProducer,
        between: Networks,
        env: dict[str, str],
        rng: random.Random,
    ) -> None:
        self._stack, self._workers, self._traffic, self._between = stack, workers, traffic, between
        self._env, self._rng = env, rng
        self._second = sorted(workers.workers)[1]
        self._flag = 0.5
        self.drills: dict[str, Callable[[], Awaitable[None]]] = {
            "worker killed": self.worker_killed,
            "worker stopped in order": self.worker_stopped,
            "worker frozen": self.worker_frozen,
            "redis killed": self.redis_killed,
            "redis frozen": self.redis_frozen,
            "kafka's network cut": self.kafka_cut,
            "redis's network cut": self.redis_cut,
            "policy changed": self.policy_changed,
            "burst": self.burst,
        }
        if isinstance(stack, Real):
            self.drills["one broker killed"] = self.broker_killed
        else:  # the embedded broker is alone, and holds its log in memory
            self.drills["broker frozen"] = self.broker_frozen

    def in_turn(self) -> Iterator[str]:
        """Yields names at random without end. Each comes once before any comes again."""
        while True:
            names = sorted(self.drills)
            self._rng.shuffle(names)
            yield from names

    async def worker_killed(self) -> None:
        self._workers.kill(self._second)
        self._second = self._workers.start()

    async def worker_stopped(self) -> None:
        process = self._workers.workers.pop(self._second)
        process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(process.wait, 60)
        assert code == 0, f"a worker that was stopped in order ended with {code}"
        self._second = self._workers.start()

    async def worker_frozen(self) -> None:
        name = self._rng.choice(sorted(self._workers.workers))
        self._workers.signal(name, signal.SIGSTOP)
        await asyncio.sleep(UNAVAILABLE_S)
        self._workers.signal(name, signal.SIGCONT)

    async def redis_killed(self) -> None:
        self._stack.kill_store()
        await asyncio.sleep(3)
        await asyncio.to_thread(self._stack.start_store)

    async def redis_frozen(self) -> None:
        self._stack.freeze_store()
        await asyncio.sleep(UNAVAILABLE_S)
        self._stack.thaw_store()

    async def broker_killed(self) -> None:
        assert isinstance(self._stack, Real)
        n = self._rng.randrange(len(self._stack.cluster))
        await asyncio.to_thread(self._stack.cluster.kill_broker, n)
        await asyncio.sleep(UNAVAILABLE_S)
        await asyncio.to_thread(self._stack.cluster.start_broker, n)

    async def broker_frozen(self) -> None:
        self._stack.freeze_broker()
        await asyncio.sleep(UNAVAILABLE_S)
        self._stack.thaw_broker()

    async def kafka_cut(self) -> None:
        for proxy in self._between.kafka:
            proxy.cut()
        await asyncio.sleep(UNAVAILABLE_S)
        for proxy in self._between.kafka:
            proxy.heal()

    async def redis_cut(self) -> None:
        self._between.redis.cut()
        await asyncio.sleep(UNAVAILABLE_S)
        self._between.redis.heal()

    async def policy_changed(self) -> None:
        """Changes a threshold by `tidegate policy set`, under traffic."""
        self._flag = 0.6 if self._flag == 0.5 else 0.5
        change = ("labels.stereotype.flag", str(self._flag), "--yes", "--reason", "soak")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tidegate", "policy", "set", *change),
            cwd=ROOT,
            env=self._env,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, stderr_text = await process.communicate()
        assert process.returncode == 0, f"policy set ended with {process.returncode}: {stderr_text.decode()}"

    async def burst(self) -> None:
        self._traffic.burst(int(self._traffic.per_s * BURST_S))
