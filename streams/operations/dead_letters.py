"""Dead letters: read, and sent again, each with the position of its origin in a header. `redrive.py` plans it."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from tidegate.streams.core.events import DeadLetter, DeadLetterReason
from tidegate.streams.core.partition import Record, TopicPartition, content_sha256
from tidegate.streams.errors import RequestInvalid, RequestRefused, UnreadableBatch
from tidegate.streams.kafka.lookup import KafkaLookup
from tidegate.streams.kafka.ranges import SKEW_MS
from tidegate.streams.kafka.reader import RangeReader, read_all
from tidegate.streams.kafka.writing import producer
from tidegate.streams.operations.deployment import Deployment, Note, unheeded
from tidegate.streams.operations.redrive import Letters, Origin, Plan
from tidegate.streams.store.keys import COPY_MS
from tidegate.streams.topics import COMPLETIONS, DEAD_LETTERS, DECISIONS, FEEDBACK
from tidegate.streams.wire.copies import copies_in
from tidegate.streams.wire.headers import ORIGIN


async def read_dead_letters(deployment: Deployment, note: Note = unheeded) -> Letters:
    """Every dead letter on the topic. Raises BrokerUnavailable, TopicsMissing."""
    found = Letters()
    async for record in read_all(deployment.brokers, DEAD_LETTERS):
        try:
            found.add(DeadLetter.read(record.value), record.timestamp)
        except ValidationError:
            note(f"dead-letters[{record.partition}]@{record.offset}: not a dead letter; left out")
    return found


def of_reason(letters: Sequence[DeadLetter], reason: str | None) -> list[DeadLetter]:
    """Those of one reason; all where none is given. Raises RequestInvalid where there is no such reason."""
    if reason is not None and reason not in list(DeadLetterReason):
        raise RequestInvalid(f"--reason {reason}: expected one of {', '.join(DeadLetterReason)}")
    return [letter for letter in letters if reason is None or letter.reason == reason]


def of_ids(letters: Sequence[DeadLetter], ids: Sequence[str]) -> list[DeadLetter]:
    """Those of these ids, each once. Raises RequestRefused where one is not on the topic."""
    by_id = {letter.id: letter for letter in letters}
    if missing := [id_ for id_ in ids if id_ not in by_id]:
        raise RequestRefused(f"{missing[0]}: no such dead letter on the topic; `tidegate dead-letters list` shows them")
    return [by_id[id_] for id_ in dict.fromkeys(ids)]


async def plan_redrive(deployment: Deployment, letters: Letters, chosen: Sequence[DeadLetter], *, named: bool) -> Plan:
    """What of the chosen ones is to be sent, less what was decided since. named: by id, so however old they are.

    Raises BrokerUnavailable, TopicsMissing.
    """
    since_ms = 0 if named else int(time.time() * 1000) - COPY_MS
    plan = Plan.of(letters, chosen, since_ms)
    log = RangeReader(deployment.brokers)
    try:
        await _read(log, DECISIONS, plan, plan.partitions(COMPLETIONS))
        await _read(log, FEEDBACK, plan, plan.partitions(FEEDBACK))
    finally:
        await log.stop()
    return plan


async def _read(log: RangeReader, topic: str, plan: Plan, partitions: set[int]) -> None:
    if not partitions:
        return
    for stretch in await log.since(topic, max(1, plan.written_ms - SKEW_MS)):
        if stretch.partition.partition in partitions:
            async with aclosing(log.read(stretch)) as some:
                async for records in some:
                    for record in records:
                        _add_to(plan, record)


def _add_to(plan: Plan, record: Record) -> None:
    if record.topic == FEEDBACK:  # of which no decision is published: what was sent again is decided, or on its way
        for copy in copies_in([record]).by_offset.values():
            plan.copied(TopicPartition(record.topic, record.partition), copy)
        return
    try:
        plan.add_decision(from_json(record.value or b""))
    except (ValueError, TypeError, KeyError, AttributeError):
        return  # not a decision


async def redrive(deployment: Deployment, plan: Plan, note: Note = unheeded) -> int:
    """How many were sent and acknowledged. note: is called with why one was not. Raises BrokerUnavailable."""
    sent, source = 0, KafkaLookup(deployment.brokers)
    try:
        async with producer(deployment) as out:
            for origin, letters in plan.send.items():
                found = await _record(source, letters, note)
                if isinstance(found, str):
                    note(f"{letters[0].id}: {found}; not sent")
                    continue
                key, value, headers = found
                await out.send_and_wait(
                    origin.partition.topic,
                    value,
                    key=key,
                    partition=origin.partition.partition,
                    headers=_marked(headers, origin),
                )
                sent += 1
    finally:
        await source.stop()
    return sent


def _marked(headers: Sequence[tuple[str, bytes]], origin: Origin) -> list[tuple[str, bytes]]:
    """As they were, and the one that names the origin."""
    return [*((name, value) for name, value in headers if name.lower() != ORIGIN), (ORIGIN, str(origin).encode())]


async def _record(source: KafkaLookup, letters: Sequence[DeadLetter], note: Note) -> tuple[Any, bytes, list[Any]] | str:
    """Key, value and headers to send again, from any of an origin's dead letters; or why there are none."""
    if letters[0].length == 0:
        return "it had no bytes: a tombstone or an empty record"
    for letter in letters:
        at = letter.source
        try:
            record = await source.read(TopicPartition(at.topic, at.partition), at.offset)
        except UnreadableBatch as error:
            note(str(error))
            continue
        if record is not None and record.value and content_sha256(record.value) == letter.sha256:
            return record.key, record.value, list(record.headers)
    for letter in letters:
        if letter.value_base64 is not None:
            return None, base64.b64decode(letter.value_base64), []
    topic = letters[0].source.topic
    return f"{topic} holds it no longer, and its bytes were not kept: TIDEGATE_DEAD_LETTER_BYTES was off"
