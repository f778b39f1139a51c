"""Redis lost the marks of decided copies: they are restored from Kafka before another copy is decided."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pydantic_core import to_json

from tests.recovery.test_rebuild import NOW, P, RebuildWorld, S, TopicsLookup, a_world
from tests.wire.records import Fake
from tidegate.streams.core.events import DeadLetterReason, Decision, Source
from tidegate.streams.core.partition import Copy, TopicPartition, content_hash
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.ingest.takeover import take_over
from tidegate.streams.recovery.copies import LostCopies
from tidegate.streams.store import Checkpoint
from tidegate.streams.store.keys import COPY_MS
from tidegate.streams.store.memory import MemoryStore
from tidegate.streams.topics import DEAD_LETTERS, DECISIONS

SHA = "0123456789abcdef"
DAY_MS = 86_400 * S


def copied(world: RebuildWorld, offset: int, of: int, epoch: int | None = None, sha256: str = SHA) -> Decision:
    """Returns the decision on the copy at that offset."""
    origin = Source(topic=P.topic, partition=P.partition, offset=of)
    decision = world.decision(offset, world.epoch if epoch is None else epoch, 0.1)
    return decision.model_copy(update={"origin": origin, "origin_sha256": sha256})


def lost(world: RebuildWorld, store: MemoryStore | None = None) -> LostCopies:
    made = LostCopies(store or world.store, world.topics, lambda: {DEAD_LETTERS: 2})
    made.wanted.add(P)
    return made


async def marks(world: RebuildWorld, *origins: int, partition: TopicPartition = P) -> tuple[bool, dict[int, Copy]]:
    (copies,) = await world.store.copies([(partition, origins)])
    return copies.complete, dict(copies.decided)


async def with_copies(*of: int, ago_ms: int = DAY_MS) -> RebuildWorld:
    """Ten completions decided so long ago; those at 5, 6, … are copies."""
    world = RebuildWorld()
    await world.claim()
    for offset in range(10):
        world.completion(offset, NOW - ago_ms + offset * S)
    for offset in range(10):
        copy = offset - 5 < len(of) and offset >= 5
        decision = copied(world, offset, of[offset - 5]) if copy else world.decision(offset, world.epoch, 0.1)
        world.publish(decision, world.record(offset).timestamp + 50)
    return world


async def test_an_emptied_redis_gets_marks_older_than_its_windows() -> None:
    world = await with_copies(1, 2)
    world.emptied()
    (claim,) = await world.store.claim([P], "w2")
    copies = lost(world)
    await copies.restore(P, claim.epoch, 10)
    assert await marks(world, 1, 2, 3) == (True, {1: Copy(1, SHA, 5), 2: Copy(2, SHA, 6)})
    assert copies.wanted == set()


async def test_copies_at_or_above_the_end_are_not_marked() -> None:
    """Published by a worker that died before it counted: the offset is not below the checkpoint, and is read again."""
    world = await with_copies(1, 2)
    await lost(world).restore(P, world.epoch, 6)
    assert await marks(world, 1, 2) == (True, {1: Copy(1, SHA, 5)})


async def test_the_first_copy_of_the_highest_epoch_is_marked() -> None:
    #  5 copies 1, decided; 6 too, by a frozen owner, and a dead letter of the next one; 7 copies 2 likewise
    world = await with_copies(1)
    world.publish(copied(world, 6, 1, world.epoch - 9), NOW)
    world.publish(copied(world, 7, 2, world.epoch - 9), NOW)
    letter = world.letter(7, world.epoch).model_copy(update={"origin": f"{P}@2"})
    world.publish(letter, NOW)
    await lost(world).restore(P, world.epoch, 10)
    assert await marks(world, 1, 2) == (True, {1: Copy(1, SHA, 5)})


async def test_a_mark_expires_by_when_its_copy_was_decided() -> None:
    world = await with_copies(1, ago_ms=COPY_MS - 60 * S)
    await lost(world).restore(P, world.epoch, 10)
    assert (await marks(world, 1))[1] == {1: Copy(1, SHA, 5)}
    world.now_ms += 70 * S
    assert (await marks(world, 1))[1] == {}


async def test_decisions_older_than_marks_are_kept_are_not_read() -> None:
    world = await with_copies(1, ago_ms=COPY_MS + 600 * S)
    read: list[int] = []
    plain = world.topics.read

    async def watched(*ranges: object):  # type: ignore[no-untyped-def]
        async for records in plain(*ranges):  # type: ignore[arg-type]
            read.extend(record.offset for record in records)
            yield records

    world.topics.read = watched  # type: ignore[method-assign,assignment]
    await lost(world).restore(P, world.epoch, 10)
    assert (read, await marks(world, 1)) == ([], (True, {}))


async def test_a_partition_without_redriven_records_reads_nothing() -> None:
    world = await with_copies(1)
    copies = lost(world)
    copies.wanted.clear()
    await copies.restore(P, world.epoch, 10)
    assert await marks(world, 1) == (False, {})


async def test_an_owner_that_lost_its_partition_marks_nothing() -> None:
    """The copies stay wanted: the next takeover reads them."""
    world = await with_copies(1)
    copies = lost(world)
    with pytest.raises(StoreUnavailable):
        await copies.restore(P, world.epoch - 1, 10)
    assert (copies.wanted, await marks(world, 1)) == ({P}, (False, {}))


async def test_records_that_are_not_ours_are_skipped() -> None:
    world = await with_copies(1)
    for value in (b"", b"{", b"[]", b'{"source": 3}', to_json({"source": {"topic": "x"}, "epoch": "y"})):
        world.topics.add(TopicPartition(DECISIONS, P.partition), value, NOW)
        world.topics.add(TopicPartition(DEAD_LETTERS, 1), value, NOW)
    await lost(world).restore(P, world.epoch, 10)
    assert await marks(world, 1) == (True, {1: Copy(1, SHA, 5)})


async def test_feedback_is_read_from_its_topic_less_dead_letters() -> None:
    partition = TopicPartition("feedback", 1)
    world = RebuildWorld()
    (claim,) = await world.store.claim([partition], "w1")
    await world.store.reset(partition, claim.epoch, Checkpoint(5, "c", 1, None))
    for offset, of in ((2, 0), (3, 0), (4, 1), (5, 1)):
        headers = (("tidegate-origin", f"{partition}@{of}".encode()),)
        record = Fake(b"{}", headers, partition.topic, partition.partition, offset, NOW - DAY_MS + offset)
        world.topics.kept.setdefault(partition, []).append(record)
    source = Source(topic=partition.topic, partition=partition.partition, offset=2)
    world.completion(2, NOW)
    letter = world.letter(2, 7).model_copy(update={"id": str(source), "source": source, "origin": f"{partition}@0"})
    world.publish(letter, NOW - DAY_MS)
    made = LostCopies(world.store, world.topics, lambda: {DEAD_LETTERS: 2})
    made.wanted.add(partition)
    await made.restore(partition, claim.epoch, 5)  # the one at 5 is yet to be counted
    sha = content_hash(b"{}")
    assert await marks(world, 0, 1, partition=partition) == (True, {0: Copy(0, sha, 3), 1: Copy(1, sha, 4)})


# --- a rebuild


def redriven(world: RebuildWorld, offset: int, of: int) -> object:
    made = world.letter(offset, world.epoch)
    return made.model_copy(update={"reason": DeadLetterReason.REDRIVEN, "origin": f"{P}@{of}"})


async def world_within(outcomes: Sequence[int]) -> RebuildWorld:
    """30 completions in the windows; those at the offsets named are copies of 0, the first of them decided."""
    world = await a_world()
    kept = world.topics.kept
    first, *others = outcomes
    kept[TopicPartition(DECISIONS, P.partition)][first] = Fake(
        to_json(copied(world, first, 0)), topic=DECISIONS, partition=1, offset=first, timestamp=NOW - 60 * S
    )
    for offset in others:
        del kept[TopicPartition(DECISIONS, P.partition)][offset]
        world.publish(redriven(world, offset, 0), NOW)  # type: ignore[arg-type]
    return world


async def test_a_rebuild_counts_redriven_apart_and_marks_copies() -> None:
    world = await world_within([4, 11])
    world.emptied()
    assert (await world.taken_over(30)).position == 30
    assert await world.store.totals([P]) == {"decided": 29, "redriven": 1}
    assert await marks(world, 0) == (False, {0: Copy(0, SHA, 4)})


async def test_an_older_redis_keeps_its_marks_and_gets_the_rest() -> None:
    """Marks are as old as the checkpoint beside them: its marks, if complete, and those of the rebuild are all."""
    world = await world_within([20])
    await world.store.mark_copies(P, world.epoch, [], complete=True)
    own = world.store.partitions[P]
    own.next, own.marker = 15, None
    own.totals.clear()
    assert (await world.taken_over(30)).position == 30
    assert await marks(world, 0) == (True, {0: Copy(0, SHA, 20)})


async def test_deciding_again_is_not_refused_by_its_own_marks() -> None:
    world = await world_within([20])
    world.emptied()
    owned = await take_over(world.store, TopicsLookup(world.topics), P, "w2", "cluster-a", 25, world.rebuild())
    copies = lost(world)
    await copies.restore(P, owned.epoch, owned.position)
    assert owned.position == 25
    assert await marks(world, 0) == (True, {0: Copy(0, SHA, 20)})
