"""`send`: lines of a file onto a source topic, each as it is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tidegate.streams.cli.errors import ExitCode, fail, go, say
from tidegate.streams.cli.jsonl import Numbered, chunks, opened, size
from tidegate.streams.cli.render import progress

if TYPE_CHECKING:
    from tidegate.streams.settings.settings import Settings

UNREADABLE_SHOWN = 10  # lines named one by one; the rest is in the count
DOUBTFUL_SHOWN = 10  # the same of those that can be read
DOUBTS_SHOWN = 3  # of one line

Header = tuple[str, bytes]


@dataclass(frozen=True)
class Line:
    """A line as the record that it becomes; what the decoders read (`wire.Record`)."""

    topic: str
    value: bytes
    headers: Sequence[Header]
    key: bytes | None = None
    partition: int = 0
    offset: int = 0
    timestamp: int = 0


def send(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="JSONL, one event a line; - is standard input.")],
    topic: Annotated[Literal["completions", "feedback"], typer.Option(help="Where to.")] = "completions",
    header: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="On every record; may be given again.")
    ] = None,
) -> None:
    """Send events from a file.

    One JSON object a line, in any input form. Lines are sent as they are, one record each. One that Tidegate cannot
    read is named, and sent all the same: it becomes a dead letter. So is one that can be read and may not be meant so:
    a key that is nearly one of ours (tennant), seconds where milliseconds are meant, a field that is left out. One
    larger than TIDEGATE_MAX_RECORD_BYTES is refused.

    \b
    tidegate send completions.jsonl
    tidegate send feedback.jsonl --topic feedback
    tail -f app.log | tidegate send - --header tidegate-tenant=acme

    Exit code: 0 all sent, 1 some refused, 2 wrong usage, 3 Kafka is unavailable.
    """
    from tidegate.streams.settings.settings import Settings

    headers = [_header(pair) for pair in header or ()]
    counts = go(_send(Settings.load(), file, topic, headers))
    noun = "line" if counts["sent"] == 1 else "lines"
    said = f"{counts['sent']} {noun} sent to {topic}"
    if counts["unreadable"]:
        said += f", {counts['unreadable']} of them unreadable: they become dead letters"
    if counts["doubtful"]:
        said += f", {counts['doubtful']} of them perhaps not as meant"
    if counts["refused"]:
        fail(f"{said}; {counts['refused']} refused")
    say(said)


def _header(pair: str) -> Header:
    name, equals, found = pair.partition("=")
    if not name or not equals:
        fail(f"--header {pair}: no NAME=VALUE; nothing sent", ExitCode.WRONG)
    return name, found.encode()


async def _send(settings: Settings, file: str, topic: str, headers: Sequence[Header]) -> Counter[str]:
    from tidegate.streams.kafka.reader import require_topic
    from tidegate.streams.kafka.writing import producer

    counts: Counter[str] = Counter()
    with opened(file) as lines, progress(f"to {topic}", size(file)) as advance:
        await require_topic(settings.brokers, topic)
        async with producer(settings) as out:
            for chunk in chunks(lines, advance):
                await _send_chunk(out, chunk, topic, headers, settings.max_record_bytes, counts)
    return counts


async def _send_chunk(
    out: Any, chunk: Sequence[Numbered], topic: str, headers: Sequence[Header], limit: int, counts: Counter[str]
) -> None:
    """Returns when all of it was acknowledged: the next line of a pipe may come tomorrow."""
    from tidegate.streams.kafka.writing import record_bytes

    pending: list[tuple[int, int, Any]] = []
    for number, value in chunk:
        key, why, doubtful = _read(Line(topic, value, headers))
        bytes_ = record_bytes(key, value, headers)
        if bytes_ > limit:
            counts["refused"] += 1
            say(f"line {number}: {bytes_:,} bytes as a record, over TIDEGATE_MAX_RECORD_BYTES, {limit:,}; not sent")
            continue
        if why:
            counts["unreadable"] += 1
            if counts["unreadable"] <= UNREADABLE_SHOWN:
                say(f"line {number}: {why}; sent, it becomes a dead letter")
        if doubtful:
            counts["doubtful"] += 1
            if counts["doubtful"] <= DOUBTFUL_SHOWN:
                more = f"; {len(doubtful) - DOUBTS_SHOWN} more" if len(doubtful) > DOUBTS_SHOWN else ""
                say(f"line {number}: {'; '.join(doubtful[:DOUBTS_SHOWN])}{more}; sent")
        pending.append((number, bytes_, await out.send(topic, value, key=key, headers=list(headers))))
    await _acknowledged(pending, counts)


async def _acknowledged(pending: list[tuple[int, int, Any]], counts: Counter[str]) -> None:
    """Waits for what is on its way. What the broker finds too large is refused; other errors are raised."""
    from tidegate.streams.kafka.errors import MessageSizeTooLargeError

    results = await asyncio.gather(*(future for _, _, future in pending), return_exceptions=True)
    for (number, bytes_, _), result in zip(pending, results, strict=True):
        if isinstance(result, MessageSizeTooLargeError):
            counts["refused"] += 1
            say(f"line {number}: {bytes_:,} bytes as a record, over the broker's message.max.bytes; not sent")
        elif isinstance(result, BaseException):
            raise result
        else:
            counts["sent"] += 1


def _read(line: Line) -> tuple[bytes | None, str, list[str]]:
    """The record's key as the docs recommend it, why Tidegate cannot read the line (empty: it can), and near misses.

    A line without an id of its own has no key by it: its position is not known yet.
    """
    from tidegate.streams.wire import Unreadable, decode_completion, decode_feedback, doubts

    if line.topic == "feedback":
        heard = decode_feedback(line)
        if isinstance(heard, Unreadable):
            return None, str(heard), []
        return heard.completion_id.encode(), "", doubts(line, heard)
    found = decode_completion(line)
    if isinstance(found, Unreadable):
        return None, str(found), []
    own = found.id if found.id != f"{line.topic}[{line.partition}]@{line.offset}" else None
    key = f"{found.tenant}:{found.user}" if found.user else found.conversation or own
    return None if key is None else key.encode(), "", doubts(line, found)
