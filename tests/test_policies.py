"""The `policies` log on a real broker: every reader arrives at the same version, and keeps it while Kafka is away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams import policies
from streams.core.events import PolicyChange, Silence
from streams.core.log import Folded, Verdict
from streams.core.policy import Policy, parse
from streams.embedded import Embedded, free_port
from streams.errors import BrokerAway
from streams.policies import NAME, TOPIC, Policies
from streams.publish import Message, Publisher
from tests.proxy import Proxy

SOON_S = 10.0


def policy(block: float) -> Policy:
    return parse({"labels": {"toxicity": {"block": block}}}, "policy.toml")


def change(parent: str | None, block: float) -> PolicyChange:
    return PolicyChange(
        parent=parent,
        policy=policy(block).model_dump(mode="json", exclude_none=True),
        author="ann",
        reason="why not",
        at_ms=int(time.time() * 1000),
    )


@contextlib.asynccontextmanager
async def publisher(kafka: str) -> AsyncIterator[Publisher]:
    made = Publisher(kafka, idempotent=False, max_record_bytes=1_000_000, client_id="test")
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@contextlib.asynccontextmanager
async def reader(kafka: str, **more: Any) -> AsyncIterator[Policies]:
    made = Policies(kafka, **more)
    try:
        yield made
    finally:
        await made.stop()


async def topic(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, 1, 1)])
    await admin.close()


@pytest.fixture
async def kafka(own_embedded: Embedded) -> str:
    await topic(own_embedded.kafka)
    return own_embedded.kafka


async def until(met: Callable[[], bool], within_s: float = SOON_S) -> None:
    async with asyncio.timeout(within_s):
        while not met():
            await asyncio.sleep(0.05)


# --- the first policy


async def test_an_empty_log_has_no_policy(kafka: str) -> None:
    async with reader(kafka) as known:
        assert (await known.read()).live is None
        with pytest.raises(LookupError):
            _ = known.live


async def test_a_seed_is_live_for_who_wrote_it_and_for_who_comes_later(kafka: str) -> None:
    async with publisher(kafka) as writer, reader(kafka) as first, reader(kafka) as second:
        await first.read()
        await first.seed(writer, policy(0.9), "w1")
        assert first.live.policy == policy(0.9)
        assert (await second.read()).live == first.live
        assert second.live.version.startswith("0-")


async def test_of_two_seeds_at_once_both_readers_end_on_the_first_in_the_log(kafka: str) -> None:
    async with publisher(kafka) as writer, reader(kafka) as one, reader(kafka) as two, reader(kafka) as later:
        await asyncio.gather(one.read(), two.read())
        await asyncio.gather(one.seed(writer, policy(0.9), "w1"), two.seed(writer, policy(0.8), "w2"))
        await one.follow()
        await two.follow()
        await until(lambda: one.log.next == two.log.next == 2)
        assert one.live.version == two.live.version == (await later.read()).live.version  # type: ignore[union-attr]
        assert one.live.version.startswith("0-")


# --- changes


async def test_a_change_is_live_within_seconds_and_wakes_who_waits_for_it(kafka: str) -> None:
    async with publisher(kafka) as writer, reader(kafka) as known:
        await known.read()
        await known.seed(writer, policy(0.9), "w1")
        await known.follow()
        was = known.live.version
        waiting = asyncio.create_task(known.settled(lambda log: log.live is not None and log.live.version != was, 5))
        await asyncio.sleep(0)
        await known.write(writer, change(was, 0.7))
        assert (await waiting).live == known.live
        assert known.live.policy == policy(0.7)
        with pytest.raises(TimeoutError):
            await known.settled(lambda log: log.next > 99, 0.01)


async def test_garbage_is_skipped_and_the_live_version_stands_also_for_who_reads_from_the_start(
    kafka: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[tuple[int, Verdict]] = []

    def on_record(folded: Folded, offset: int, _: Any) -> None:
        seen.append((offset, folded.verdict))

    async with publisher(kafka) as writer, reader(kafka, on_record=on_record) as known, reader(kafka) as later:
        await known.read()
        await known.seed(writer, policy(0.9), "w1")
        await known.follow()
        was = known.live
        garbage = [None, b"\xff", b"{", b'{"kind": "policy"}', json.dumps({"completion": "what a user wrote"}).encode()]
        await writer.publish([Message(TOPIC, NAME, value, 0) for value in garbage])
        await known.write(writer, change(None, 0.8))
        await until(lambda: known.log.next == 7)
        assert known.live is was
        assert seen == [(0, Verdict.APPLIED), *((n, Verdict.INVALID) for n in range(1, 6)), (6, Verdict.LOST)]
        assert f"policies@2: not valid JSON; skipped, policy {was.version} stands" in caplog.messages
        assert "what a user wrote" not in caplog.text
        assert (await later.read()).live == was
        await known.write(writer, change(was.version, 0.7))  # and the log goes on
        await until(lambda: known.live.policy == policy(0.7))


async def test_a_silence_arrives(kafka: str) -> None:
    async with publisher(kafka) as writer, reader(kafka) as known:
        await known.read()
        await known.follow()
        now = int(time.time() * 1000)
        quiet = Silence(id="s1", author="ann", reason="known", at_ms=now, until_ms=now + 1000)
        await known.write(writer, quiet)
        assert (await known.settled(lambda log: bool(log.silences))).silences == {"s1": quiet}


async def test_history_is_read_in_silence_and_what_comes_after_is_said(
    kafka: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "streams.policies")
    async with publisher(kafka) as writer, reader(kafka) as known:
        await writer.publish([Message(TOPIC, NAME, change(None, 0.9).model_dump_json().encode(), 0)])
        await writer.publish([Message(TOPIC, NAME, b"{", 0)])
        await known.read()
        await known.follow()
        assert caplog.messages == []
        await known.write(writer, change(known.live.version, 0.7))
        await until(lambda: known.log.next == 3)
        assert caplog.messages == [f"policy {known.live.version} is live"]


async def test_reading_again_from_the_start_finds_the_same_and_blames_no_old_change(kafka: str) -> None:
    seen: list[Verdict] = []
    async with publisher(kafka) as writer, reader(kafka, on_record=lambda f, *_: seen.append(f.verdict)) as known:
        await known.read()
        await known.seed(writer, policy(0.9), "w1")
        await known.write(writer, change(known.live.version, 0.7))
        before = await known.read()
        seen.clear()
        assert await known.read() == before
        assert seen == [Verdict.APPLIED, Verdict.APPLIED]


# --- away


@pytest.mark.usefixtures("_wheels")
async def test_while_kafka_is_cut_off_the_last_version_stands_and_it_is_said(
    proxy_to: Callable[[str | None], Proxy], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(policies, "ASK_S", 0.5)
    network = proxy_to(None)
    with Embedded(advertised=network.address) as pair:
        network.target = pair.kafka_listens
        await topic(pair.kafka)
        async with reader(pair.kafka) as known, publisher(pair.kafka) as writer:
            await known.read()
            await known.seed(writer, policy(0.9), "w1")
            await known.follow()
            was = known.live
            assert known.away is None
            network.cut()
            await until(lambda: known.away is not None, 30)
            assert known.live is was
            (said,) = [message for message in caplog.messages if "policies not read" in message]
            assert said.endswith(f"; policy {was.version} stands")
            network.heal()
            await until(lambda: known.away is None, 30)
            await known.write(writer, change(was.version, 0.7))
            await until(lambda: known.live.policy == policy(0.7))


async def test_a_broker_that_is_not_there_is_said() -> None:
    nobody = f"127.0.0.1:{free_port()}"
    async with reader(nobody) as known:
        with pytest.raises(BrokerAway, match=nobody):
            await known.read()
