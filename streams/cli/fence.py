"""`fence`: per source partition, the truth about what was counted; and how to rewind it."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.edge import ExitCode, agreed, fail, go, say
from streams.cli.show import ago, clock, json_line, table

if TYPE_CHECKING:
    from streams.settings import Settings
    from streams.store import Fence, Part, Progress

OWNER_TIMEOUT_S = 10  # an owner beats once a second; one that is silent for this long is gone
SOURCES = ("completions", "feedback")

fence = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What was counted, and how to rewind.")


@dataclass(frozen=True)
class Row:
    """What the store knows of one part."""

    part: Part
    fence: Fence | None
    progress: Progress
    now_ms: int

    @property
    def owner(self) -> str | None:
        """The worker that holds it and is alive."""
        alive = self.now_ms - self.progress.seen_ms < OWNER_TIMEOUT_S * 1000
        return self.progress.owner if alive else None

    def told(self) -> dict[str, object]:
        fence, mark = self.fence, self.fence.mark if self.fence else None
        return {
            "part": f"{self.part.topic}-{self.part.partition}",
            "next": fence.next if fence else None,
            "generation": fence.generation if fence else None,
            "cluster": fence.cluster if fence else None,
            "mark_offset": mark.offset if mark else None,
            "mark_ms": mark.timestamp_ms if mark else None,
            "owner": self.owner,
            "lag": self.progress.lag if self.progress.seen_ms else None,
            "seen_ms": self.progress.seen_ms or None,
        }


@fence.command()
def show(json_: Annotated[bool, typer.Option("--json", help="One part a line.")] = False) -> None:
    """Show every fence: the next offset to be counted, who holds it, and how far behind it is.

    \b
    tidegate fence show
    tidegate fence show --json | jq 'select(.lag > 1000) | .part'

    Exit code: 0, 3 Kafka or Redis is away.
    """
    from streams.settings import Settings

    rows = go(_rows(Settings.load()))
    if json_:
        for row in rows:
            json_line(row.told())
        return
    table(
        ["part", "next", "generation", "last counted", "owner", "lag", "seen"],
        (
            [
                f"{row.part.topic}-{row.part.partition}",
                row.fence.next if row.fence else "no fence",
                row.fence.generation if row.fence else "-",
                f"@{mark.offset} {clock(mark.timestamp_ms)}" if row.fence and (mark := row.fence.mark) else "-",
                row.owner or "none",
                row.progress.lag if row.progress.seen_ms else "-",
                f"{ago(row.progress.seen_ms, row.now_ms)} ago" if row.progress.seen_ms else "never",
            ]
            for row in rows
        ),
        right=["next", "generation", "lag"],
    )


@fence.command()
def reset(
    part: Annotated[str, typer.Option(metavar="TOPIC-PARTITION", help="As completions-3.")],
    to: Annotated[str, typer.Option(metavar="OFFSET|committed", help="The next offset to be read.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Even from a worker that is alive.")] = False,
) -> None:
    """Move a fence: records are then decided and counted twice, or never.

    Back: records from there on are read again, decided again, and counted a second time. Forward: records up to
    there are never read. A worker that takes the part over starts at the new offset, under a new generation.

    \b
    tidegate fence reset --part completions-3 --to 88000
    tidegate fence reset --part completions-3 --to committed --yes

    Exit code: 0 moved, 1 held by a worker or not agreed to, 2 wrong usage, 3 Kafka or Redis is away.
    """
    from streams.settings import Settings

    settings = Settings.load()
    target = _part(part)
    row, start, end, offset = go(_prepare(settings, target, to))
    if not start <= offset <= end:
        fail(f"{target}: {offset} is outside [{start}, {end}], what the topic holds; nothing moved", ExitCode.WRONG)
    if row.owner and not force:
        fail(
            f"{target}: held by {row.owner}, alive {ago(row.progress.seen_ms, row.now_ms)} ago; expected nobody: "
            "stop it, or --force; nothing moved"
        )
    say(_consequence(row, offset, start))
    agreed(f"move the fence of {target} to {offset}?", yes)
    moved = go(_move(settings, row, offset))
    typer.echo(f"{target}: next is {moved.next}, generation {moved.generation}")


def _part(text: str) -> Part:
    from streams.store import Part

    found = re.fullmatch(r"(.+?)(?:-(\d+)|\[(\d+)\])", text)
    if not found or found[1] not in SOURCES:
        fail(f"--part {text}: expected one such as completions-3 or feedback-0; nothing moved", ExitCode.WRONG)
    return Part(found[1], int(found[2] or found[3]))


def _consequence(row: Row, offset: int, start: int) -> str:
    if row.fence is None:
        return f"{row.part}: there is no fence; a worker would start at the committed offset, or at {start}"
    n = offset - row.fence.next
    if n < 0:
        return f"{row.part}: offsets [{offset}, {row.fence.next}) will be decided again and counted twice: {-n} at most"
    if n > 0:
        return f"{row.part}: offsets [{row.fence.next}, {offset}) will never be decided nor counted: {n} at most"
    return f"{row.part}: next is {offset} already; only its generation changes"


async def _rows(settings: Settings, wanted: Sequence[Part] | None = None) -> list[Row]:
    from streams.errors import TopicsMissing
    from streams.source import partition_counts
    from streams.store import Part
    from streams.store.redis import RedisStore

    counts = await partition_counts(settings.kafka)
    if missing := [topic for topic in SOURCES if topic not in counts]:
        raise TopicsMissing(f"kafka {settings.kafka}: no topic {', '.join(missing)}; expected `tidegate topics` first")
    parts = [Part(topic, p) for topic in SOURCES for p in range(counts[topic])]
    if wanted is not None:
        if strange := [part for part in wanted if part not in parts]:
            fail(f"{strange[0]}: {strange[0].topic} has {counts[strange[0].topic]} partitions", ExitCode.WRONG)
        parts = list(wanted)
    store = RedisStore(settings.redis, settings.namespace)
    try:
        now_ms = await store.now_ms()
        fences, progress = await store.fences(parts), await store.progress(parts)
    finally:
        await store.close()
    return [Row(*of, now_ms) for of in zip(parts, fences, progress, strict=True)]


async def _prepare(settings: Settings, part: Part, to: str) -> tuple[Row, int, int, int]:
    """The part as it stands, the bounds of its partition, and the offset meant."""
    from streams.source import Source

    (row,) = await _rows(settings, [part])
    source = Source(settings.kafka)
    try:
        start, end = await source.bounds(part)
    finally:
        await source.stop()
    if to == "committed":
        return row, start, end, await _committed(settings, part)
    if not to.isdecimal():
        fail(f"--to {to}: expected an offset in [{start}, {end}], or committed; nothing moved", ExitCode.WRONG)
    return row, start, end, int(to)


async def _committed(settings: Settings, part: Part) -> int:
    from aiokafka import TopicPartition
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    from streams.errors import BrokerAway

    group, tp = f"{settings.group}-{part.topic}", TopicPartition(part.topic, part.partition)
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    try:
        await admin.start()
        found = (await admin.list_consumer_group_offsets(group, partitions=[tp])).get(tp)
    except (KafkaError, OSError) as error:
        raise BrokerAway(f"kafka {settings.kafka}: {group}: {type(error).__name__}: {error}") from error
    finally:
        await admin.close()
    if found is None or found.offset < 0:
        fail(f"{part}: group {group} has committed nothing; expected an offset; nothing moved")
    return int(found.offset)


async def _move(settings: Settings, row: Row, offset: int) -> Fence:
    """The fence where it is now. Its part is claimed and let go: a worker that held it takes it over again."""
    from streams.source import cluster_id
    from streams.store import Fence
    from streams.store.redis import RedisStore

    cluster = await cluster_id(settings.kafka)
    store = RedisStore(settings.redis, settings.namespace)
    try:
        (claim,) = await store.claim([row.part], f"tidegate-fence-reset-{time.time_ns()}")
        generation = (claim.fence.generation if claim.fence else 0) + 1
        moved = Fence(offset, cluster, generation, None)
        if not await store.reset(row.part, claim.token, moved):
            fail(f"{row.part}: a worker took it meanwhile; nothing moved; run it again")
        await store.release(row.part, claim.token)
        return moved
    finally:
        await store.close()
