"""The `policies` log on a real broker: all readers get the same version, and keep it while Kafka is unavailable."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.support.proxy import Proxy
from tests.support.stacks import Stack
from tidegate.streams.core.events import PolicyChange, ShadowChange, Silence
from tidegate.streams.core.policy.log import ChangeVerdict, Folded
from tidegate.streams.core.policy.model import Policy, parse, version
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.snapshot import LogMatch, to_json
from tidegate.streams.embedded import EmbeddedStack, free_port
from tidegate.streams.errors import BrokerUnavailable
from tidegate.streams.kafka import policies as policies_topic
from tidegate.streams.kafka.producer import Message, Publisher
from tidegate.streams.policy_log import reader as policies
from tidegate.streams.policy_log.reader import NAME, PolicyLogReader
from tidegate.streams.topics import POLICIES

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
async def reader(kafka: str, **more: Any) -> AsyncIterator[PolicyLogReader]:
    made = PolicyLogReader(kafka, **more)
    try:
        yield made
    finally:
        await made.stop()


@contextlib.asynccontextmanager
async def two_readers(kafka: str, stored: StoredSnapshot) -> AsyncIterator[tuple[PolicyLogReader, PolicyLogReader]]:
    async with reader(kafka, load_snapshot=stored) as one, reader(kafka, load_snapshot=stored) as two:
        yield one, two


async def topic(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(POLICIES, 1, 1)])
    await admin.close()


@pytest.fixture
async def kafka(own_stack: Stack) -> str:
    await topic(own_stack.kafka)
    return own_stack.kafka


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


async def test_a_seed_is_live_for_every_reader(kafka: str) -> None:
    async with publisher(kafka) as writer, reader(kafka) as first, reader(kafka) as second:
        await first.read()
        await first.seed(writer, policy(0.9), "w1")
        assert first.live.policy == policy(0.9)
        assert (await second.read()).live == first.live
        assert second.live.version.startswith("0-")


async def test_of_two_seeds_the_first_in_the_log_is_live(kafka: str) -> None:
    async with publisher(kafka) as writer, reader(kafka) as one, reader(kafka) as two, reader(kafka) as later:
        await asyncio.gather(one.read(), two.read())
        await asyncio.gather(one.seed(writer, policy(0.9), "w1"), two.seed(writer, policy(0.8), "w2"))
        await one.follow()
        await two.follow()
        await until(lambda: one.log.next == two.log.next == 2)
        assert one.live.version == two.live.version == (await later.read()).live.version  # type: ignore[union-attr]
        assert one.live.version.startswith("0-")


# --- changes


async def test_a_change_is_live_within_seconds_and_wakes_waiters(kafka: str) -> None:
    async with publisher(kafka) as writer, reader(kafka) as known:
        await known.read()
        await known.seed(writer, policy(0.9), "w1")
        await known.follow()
        was = known.live.version
        waiting = asyncio.create_task(known.wait_until(lambda log: log.live is not None and log.live.version != was, 5))
        await asyncio.sleep(0)
        await known.write(writer, change(was, 0.7))
        assert (await waiting).live == known.live
        assert known.live.policy == policy(0.7)
        with pytest.raises(TimeoutError):
            await known.wait_until(lambda log: log.next > 99, 0.01)


@pytest.mark.parametrize("turns", range(8))
async def test_a_waiter_can_be_cancelled_while_a_record_arrives(turns: int) -> None:
    policies = PolicyLogReader("127.0.0.1:1")
    waiting = asyncio.create_task(policies.wait_for_change(60))
    await asyncio.sleep(0.01)
    async with policies._changed:
        policies._changed.notify_all()
    for _ in range(turns):  # of the event loop, until the waiter is notified and until it goes on
        await asyncio.sleep(0)
    was_waiting = waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    assert waiting.cancelled() is was_waiting


async def test_garbage_is_skipped_and_the_live_version_stands(kafka: str, caplog: pytest.LogCaptureFixture) -> None:
    """Also for a reader that starts later."""
    seen: list[tuple[int, ChangeVerdict]] = []

    def on_record(folded: Folded, offset: int, _: Any) -> None:
        seen.append((offset, folded.verdict))

    async with publisher(kafka) as writer, reader(kafka, on_record=on_record) as known, reader(kafka) as later:
        await known.read()
        await known.seed(writer, policy(0.9), "w1")
        await known.follow()
        was = known.live
        garbage = [None, b"\xff", b"{", b'{"kind": "policy"}', json.dumps({"completion": "what a user wrote"}).encode()]
        await writer.publish([Message(POLICIES, NAME, value, 0) for value in garbage])
        await known.write(writer, change(None, 0.8))
        await until(lambda: known.log.next == 7)
        assert known.live is was
        assert seen == [
            (0, ChangeVerdict.APPLIED),
            *((n, ChangeVerdict.INVALID) for n in range(1, 6)),
            (6, ChangeVerdict.LOST),
        ]
        assert f"policies@2: not valid JSON; skipped, policy {was.version} stands" in caplog.messages
        assert "what a user wrote" not in caplog.text
        assert (await later.read()).live == was
        await known.write(writer, change(was.version, 0.7))  # and the log goes on
        await until(lambda: known.live.policy == policy(0.7))


async def test_a_silence_is_read(kafka: str) -> None:
    async with publisher(kafka) as writer, reader(kafka) as known:
        await known.read()
        await known.follow()
        now = int(time.time() * 1000)
        quiet = Silence(id="s1", author="ann", reason="known", at_ms=now, until_ms=now + 1000)
        await known.write(writer, quiet)
        assert (await known.wait_until(lambda log: bool(log.silences))).silences == {"s1": quiet}


async def test_only_changes_after_the_start_are_logged(kafka: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tidegate.streams.policy_log.reader")
    async with publisher(kafka) as writer, reader(kafka) as known:
        await writer.publish([Message(POLICIES, NAME, change(None, 0.9).model_dump_json().encode(), 0)])
        await writer.publish([Message(POLICIES, NAME, b"{", 0)])
        await known.read()
        await known.follow()
        assert caplog.messages == []
        await known.write(writer, change(known.live.version, 0.7))
        await until(lambda: known.log.next == 3)
        assert caplog.messages == [f"policy {known.live.version} is live"]


async def test_a_shadow_is_read_and_logged_once_at_start_and_end(kafka: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tidegate.streams.policy_log.reader")
    expected: list[str] = []

    def shadow(parent: str | None, block: float | None) -> ShadowChange:
        data = None if block is None else policy(block).model_dump(mode="json", exclude_none=True)
        return ShadowChange(parent=parent, policy=data, author="ann", reason="try", at_ms=1)

    async with publisher(kafka) as writer, reader(kafka) as known, reader(kafka) as later:
        await known.read()
        await known.seed(writer, policy(0.9), "w1")
        await known.follow()
        was = known.live.version

        async def write(record: Any) -> str | None:
            """Returns the version of the shadow after it."""
            at = known.log.next
            await known.write(writer, record)
            after = await known.wait_until(lambda log: log.next > at)
            return after.shadow.version if after.shadow else None

        first = await write(shadow(None, 0.8))
        expected.append(f"shadow {first} runs beside policy {was}")
        assert await write(shadow(None, 0.6)) == first  # another change was first
        expected.append(f"policies@2: made against no shadow, but {first} ran; skipped, policy {was} stands")
        second = await write(shadow(first, 0.7))
        expected.append(f"shadow {second} runs beside policy {was}")
        assert await write(change(was, 0.95)) == second  # it goes on beside another policy: nothing to log
        expected.append(f"policy {known.live.version} is live")
        assert (await later.read()).live == known.live
        assert later.live.shadow == known.live.shadow
        assert await write(change(known.live.version, 0.7)) is None  # what it tried is live
        expected += [f"policy {known.live.version} is live", f"shadow {second} runs no longer"]
        third = await write(shadow(None, 0.8))
        expected.append(f"shadow {third} runs beside policy {known.live.version}")
        assert await write(shadow(third, None)) is None
        expected.append(f"shadow {third} runs no longer")
        assert caplog.messages == expected


async def test_reading_again_from_the_start_gives_the_same_log(kafka: str) -> None:
    """No old change is reported again."""
    seen: list[ChangeVerdict] = []
    async with publisher(kafka) as writer, reader(kafka, on_record=lambda f, *_: seen.append(f.verdict)) as known:
        await known.read()
        await known.seed(writer, policy(0.9), "w1")
        await known.write(writer, change(known.live.version, 0.7))
        before = await known.read()
        seen.clear()
        assert await known.read() == before
        assert seen == [ChangeVerdict.APPLIED, ChangeVerdict.APPLIED]


# --- bad records, also for a later reader

# Forged: the right shape, but no child of the live policy; a child that is no policy; of a newer Tidegate; too large.
FORGED: list[tuple[Callable[[str], bytes], ChangeVerdict, str]] = [
    (
        lambda _: change("7-0badf00d", 0.1).model_dump_json().encode(),
        ChangeVerdict.LOST,
        "made against 7-0badf00d, but ",
    ),
    (lambda _: change(None, 0.1).model_dump_json().encode(), ChangeVerdict.LOST, "made against an empty log, but "),
    (
        lambda was: with_policy(was, {"labels": {"toxicity": {"block": 7}}}),
        ChangeVerdict.INVALID,
        "policy: labels.toxicity",
    ),
    (
        lambda was: with_policy(was, {"labels": {}, "alerts": {"a": {"of": "fault"}}}),
        ChangeVerdict.INVALID,
        "policy: alerts",
    ),
    (
        lambda was: with_policy(was, {"schema_version": 2, "labels": {}}),
        ChangeVerdict.INVALID,
        "policy.schema_version: 2 is ",
    ),
    (
        lambda was: with_policy(was, {"labels": {}}, schema_version=9),
        ChangeVerdict.INVALID,
        "schema_version: 9 is newer",
    ),
    (lambda was: with_policy(was, {"labels": "x" * 900_000}), ChangeVerdict.INVALID, "policy: labels: "),
    (lambda was: with_policy(was, {"labels": {}}, reason=["x"]), ChangeVerdict.INVALID, "reason: "),
]


def with_policy(parent: str, policy: dict[str, Any], **more: Any) -> bytes:
    return json.dumps(
        {"parent": parent, "policy": policy, "author": "mallory", "reason": "r", "at_ms": 1} | more
    ).encode()


async def test_forged_records_are_refused_with_a_reason(kafka: str, caplog: pytest.LogCaptureFixture) -> None:
    """Again after a restart."""
    refused: list[tuple[ChangeVerdict, str]] = []

    def on_record(folded: Folded, _offset: int, _: Any) -> None:
        if folded.verdict is not ChangeVerdict.APPLIED:
            refused.append((folded.verdict, folded.why))

    async with publisher(kafka) as writer, reader(kafka, on_record=on_record) as known:
        await known.read()
        await known.seed(writer, policy(0.9), "w1")
        await known.follow()
        was = known.live
        for forge, _, _ in FORGED:
            await writer.publish([Message(POLICIES, NAME, forge(was.version), 0)])
        await until(lambda: known.log.next == 1 + len(FORGED))
        assert known.live is was
        expected = [(verdict, f"policies@{n}: {why}") for n, (_, verdict, why) in enumerate(FORGED, 1)]
        assert [(verdict, why[: len(e)]) for (verdict, why), (_, e) in zip(refused, expected, strict=True)] == expected
        assert all(len(why) < 400 for _, why in refused)
        assert len([m for m in caplog.messages if m.endswith(f"; skipped, policy {was.version} stands")]) == len(FORGED)
        first, refused = refused, []
        async with reader(kafka, on_record=on_record) as later:  # a restart
            assert (await later.read()).live == was
            assert refused == first
        await known.write(writer, change(was.version, 0.7))
        await until(lambda: known.live.policy == policy(0.7))


# --- a truncated or recreated log


class StoredSnapshot:
    """A stored snapshot, as workers store it."""

    def __init__(self) -> None:
        self.text: str | None = None

    async def __call__(self) -> str | None:
        return self.text

    def store(self, known: PolicyLogReader) -> None:
        self.text = to_json(known.snapshot)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies_topic, "SHRUNK_S", 0.5)


async def recreate_topic(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.delete_topics([POLICIES])
    await admin.create_topics([NewTopic(POLICIES, 1, 1)])
    await admin.close()


async def three_changes(writer: Publisher, known: PolicyLogReader, stored: StoredSnapshot) -> LivePolicy:
    """A seed and two changes at 0, 1 and 2, and a silence at 3: all of it read and stored."""
    await known.read()
    await known.seed(writer, policy(0.9), "w1")
    await known.follow()
    for block in (0.8, 0.7):
        was = known.live.version
        await known.write(writer, change(was, block))
        await until(lambda was=was: known.live.version != was)  # type: ignore[misc]
    now = int(time.time() * 1000)
    await known.write(writer, Silence(id="s1", author="ann", reason="known", at_ms=now, until_ms=now + 60_000))
    await until(lambda: known.log.next == 4)
    stored.store(known)
    return known.live


@pytest.mark.usefixtures("quick")
async def test_a_recreated_topic_leaves_the_live_policy(kafka: str, caplog: pytest.LogCaptureFixture) -> None:
    """Changes whose parent it is are applied."""
    stored = StoredSnapshot()
    async with publisher(kafka) as writer, two_readers(kafka, stored) as (known, later):
        was = await three_changes(writer, known, stored)
        await known.stop()
        await recreate_topic(kafka)
        log_now = await later.read()  # a restart, all records gone
        assert (log_now.live, set(log_now.silences), log_now.next) == (was, {"s1"}, 0)
        assert later.fold_from.match is LogMatch.RECREATED
        v = was.version
        expected = f"its beginning is not what was live; folded from policy {v}, which was kept, policy {v} is live"
        assert f"policies: the topic was recreated, {expected}" in caplog.text
        await later.follow()
        await later.write(writer, change(None, 0.1))  # without a parent: not a seed either
        await later.write(writer, change(was.version, 0.6))
        await until(lambda: later.live.policy == policy(0.6))
        assert later.live.version.startswith("1-")
        stored.store(later)
        async with reader(kafka, load_snapshot=stored) as third:  # and after one more restart
            assert (await third.read()) == later.log
            assert third.fold_from.match is LogMatch.RECREATED
            for block in (0.65, 0.75, 0.85, 0.95):  # past the end of the old topic
                await later.write(writer, change(later.live.version, block))
                await until(lambda block=block: later.live.policy == policy(block))  # type: ignore[misc]
            assert (await third.read()) == later.log  # though the snapshot is four changes older
        async with reader(kafka) as forgetful:  # without a snapshot the one without a parent is the first
            assert (await forgetful.read()).live == LivePolicy(version(0, policy(0.1)), policy(0.1))


@pytest.mark.usefixtures("quick")
async def test_a_running_reader_follows_a_recreated_topic(kafka: str, caplog: pytest.LogCaptureFixture) -> None:
    """The live policy stands."""
    stored = StoredSnapshot()
    async with publisher(kafka) as writer, reader(kafka, load_snapshot=stored) as known:
        was = await three_changes(writer, known, stored)
        stored.text = None  # Redis has nothing: the reader has its own snapshot
        live: set[str] = set()
        await recreate_topic(kafka)
        async with asyncio.timeout(SOON_S):
            while known.fold_from.match is not LogMatch.RECREATED:
                live.add(known.live.version)  # there is a live one all the time
                await asyncio.sleep(0.02)
        assert live == {was.version}
        await known.write(writer, change(was.version, 0.6))
        await until(lambda: known.live.policy == policy(0.6))
        assert set(known.log.silences) == {"s1"}
        assert known.problem is not None
        assert caplog.text.count("the topic was recreated") == 1


async def test_a_recreated_topic_is_known_by_its_last_record(kafka: str) -> None:
    """Even if it is as long as the old one."""
    stored = StoredSnapshot()
    async with publisher(kafka) as writer, two_readers(kafka, stored) as (known, later):
        was = await three_changes(writer, known, stored)
        await known.stop()
        await recreate_topic(kafka)
        child = change(was.version, 0.6)
        for record in (child, child, child, child, child):
            await known.write(writer, record)
        assert (await later.read()).live == LivePolicy(version(0, policy(0.6)), policy(0.6))
        assert later.fold_from.match is LogMatch.RECREATED


@pytest.mark.parametrize("first", [1, 3, 4])
async def test_a_truncated_log_is_folded_onto_the_snapshot(
    kafka: str, first: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stored = StoredSnapshot()
    async with publisher(kafka) as writer, two_readers(kafka, stored) as (known, later):
        was = await three_changes(writer, known, stored)
        await known.write(writer, change(was.version, 0.6))
        await until(lambda: known.live.policy == policy(0.6))
        truncate_to(first, monkeypatch)
        assert (await later.read()) == known.log
        assert (later.fold_from.match, later.fold_from.at) == (LogMatch.TRUNCATED, 4)
        expected = f"folded from policy {was.version}, which was kept, policy {later.live.version} is live"
        assert f"its beginning is gone, it starts at {first}; {expected}" in caplog.text
        stored.store(later)
        seen: list[int] = []
        async with reader(kafka, on_record=lambda _, offset, __: seen.append(offset), load_snapshot=stored) as third:
            assert (await third.read()) == known.log
            assert seen == [4]  # what came since is read from the log, with its author


async def test_a_truncated_log_without_a_snapshot_has_no_policy(
    kafka: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Until one is applied."""
    async with publisher(kafka) as writer, reader(kafka) as known, reader(kafka) as later:
        await three_changes(writer, known, StoredSnapshot())
        truncate_to(2, monkeypatch)
        assert (await later.read()).live is None
        assert later.fold_from.match is LogMatch.UNKNOWN
        assert "starts at 2, and nothing was kept: no policy is known; expected `tidegate policy apply" in caplog.text
        await later.write(writer, change(None, 0.6))
        assert (await later.read()).live == LivePolicy(version(4, policy(0.6)), policy(0.6))


def truncate_to(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a broker that deleted the records before: the embedded one keeps everything."""

    async def seek_to_beginning(self: AIOKafkaConsumer, *tps: KafkaPartition) -> None:
        for tp in tps:
            self.seek(tp, first)

    monkeypatch.setattr(AIOKafkaConsumer, "seek_to_beginning", seek_to_beginning)


async def test_a_whole_log_wins_over_the_snapshot(kafka: str, caplog: pytest.LogCaptureFixture) -> None:
    """A difference is logged."""
    stored = StoredSnapshot()
    async with publisher(kafka) as writer, two_readers(kafka, stored) as (known, later):
        was = await three_changes(writer, known, stored)
        assert (await later.read()) == known.log
        assert caplog.text.count("wins") == 0
        forged = LivePolicy(version(2, policy(0.1)), policy(0.1))
        stored.text = to_json(replace(known.snapshot, log=replace(known.log, live=forged)))
        assert (await later.read()) == known.log
        assert f"policy {forged.version} was kept, the log says {was.version} at 4; the log wins" in caplog.text
        stored.text = to_json(replace(known.snapshot, log=replace(known.log, live=forged), last="0" * 16))
        assert (await later.read()) == known.log
        stored.text = "garbage"
        assert (await later.read()) == known.log
        assert "what was kept of policies cannot be read: record: Invalid JSON" in caplog.text


# --- unavailable


@pytest.mark.usefixtures("_wheels")
async def test_while_kafka_is_cut_off_the_last_version_stands(
    proxy_to: Callable[[str | None], Proxy], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning is logged."""
    monkeypatch.setattr(policies, "ASK_S", 0.5)
    network = proxy_to(None)
    with EmbeddedStack(advertised=network.address) as stack:
        network.target = stack.kafka_listens
        await topic(stack.kafka)
        async with reader(stack.kafka) as known, publisher(stack.kafka) as writer:
            await known.read()
            await known.seed(writer, policy(0.9), "w1")
            await known.follow()
            was = known.live
            assert known.unavailable is None
            network.cut()
            await until(lambda: known.unavailable is not None, 30)
            assert known.live is was
            (expected,) = [message for message in caplog.messages if "policies not read" in message]
            assert expected.endswith(f"; policy {was.version} stands")
            network.heal()
            await until(lambda: known.unavailable is None, 30)
            await known.write(writer, change(was.version, 0.7))
            await until(lambda: known.live.policy == policy(0.7))


async def test_an_absent_broker_raises() -> None:
    absent = f"127.0.0.1:{free_port()}"
    async with reader(absent) as known:
        with pytest.raises(BrokerUnavailable, match=absent):
            await known.read()
