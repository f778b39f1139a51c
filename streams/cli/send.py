"""`send`: lines of a file onto a source topic, each as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tidegate.streams.cli.errors import ExitCode, fail, go, say
from tidegate.streams.cli.jsonl import Numbered, chunks, opened, size
from tidegate.streams.cli.render import progress

if TYPE_CHECKING:
    from tidegate.streams.operations.send import EventSender, Header
    from tidegate.streams.settings.settings import Settings

UNREADABLE_SHOWN = 10  # lines named one by one; the rest is in the count
DOUBTFUL_SHOWN = 10  # the same of those that can be read
DOUBTS_SHOWN = 3  # of one line


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
    summary = f"{counts['sent']} {noun} sent to {topic}"
    if counts["unreadable"]:
        summary += f", {counts['unreadable']} of them unreadable: they become dead letters"
    if counts["doubtful"]:
        summary += f", {counts['doubtful']} of them perhaps not as meant"
    if counts["refused"]:
        fail(f"{summary}; {counts['refused']} refused")
    say(summary)


def _header(pair: str) -> Header:
    name, equals, found = pair.partition("=")
    if not name or not equals:
        fail(f"--header {pair}: no NAME=VALUE; nothing sent", ExitCode.WRONG)
    return name, found.encode()


async def _send(settings: Settings, file: str, topic: str, headers: Sequence[Header]) -> Counter[str]:
    from tidegate.streams.operations.send import event_sender

    counts: Counter[str] = Counter()
    with opened(file) as lines, progress(f"to {topic}", size(file)) as advance:
        async with event_sender(settings, topic) as sender:
            for chunk in chunks(lines, advance):
                await _send_chunk(settings, sender, chunk, topic, headers, counts)
    return counts


async def _send_chunk(
    settings: Settings,
    sender: EventSender,
    chunk: Sequence[Numbered],
    topic: str,
    headers: Sequence[Header],
    counts: Counter[str],
) -> None:
    """Returns when all of it was acknowledged: the next line of a pipe may come tomorrow."""
    from tidegate.streams.operations.send import check_event

    events = []
    for number, value in chunk:
        event = check_event(settings, topic, number, value, headers)
        if event.too_large:
            counts["refused"] += 1
            limit = f"TIDEGATE_MAX_RECORD_BYTES, {settings.max_record_bytes:,}"
            say(f"line {number}: {event.size:,} bytes as a record, over {limit}; not sent")
            continue
        if event.unreadable:
            counts["unreadable"] += 1
            if counts["unreadable"] <= UNREADABLE_SHOWN:
                say(f"line {number}: {event.unreadable}; sent, it becomes a dead letter")
        if event.doubts:
            counts["doubtful"] += 1
            if counts["doubtful"] <= DOUBTFUL_SHOWN:
                more = f"; {len(event.doubts) - DOUBTS_SHOWN} more" if len(event.doubts) > DOUBTS_SHOWN else ""
                say(f"line {number}: {'; '.join(event.doubts[:DOUBTS_SHOWN])}{more}; sent")
        events.append(event)
    refused = await sender.send(events)
    for event in refused:
        say(f"line {event.number}: {event.size:,} bytes as a record, over the broker's message.max.bytes; not sent")
    counts["refused"] += len(refused)
    counts["sent"] += len(events) - len(refused)
