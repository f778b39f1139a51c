"""`policy status`: which version each worker decides by, and who is behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from tidegate.streams.cli.errors import fail, go, say
from tidegate.streams.cli.render import ago, clock, json_line, table

if TYPE_CHECKING:
    from tidegate.streams.cli.policy.log import LogHistory
    from tidegate.streams.core.worker_status import WorkerHealth
    from tidegate.streams.settings.settings import Settings

LOOKS = 3  # a word comes once a second: who took a change since is no longer behind by the next look
WORD_S = 1.2


class Looked(NamedTuple):
    """The log, every worker beside it, and when that was (store time)."""

    seen: LogHistory
    workers: list[WorkerHealth]
    now_ms: int


def status(
    json_: Annotated[bool, typer.Option("--json", help="One worker a line.")] = False,
) -> None:
    """Show which policy every worker decides by, who is behind, and whose policy file is ignored.

    Workers say so once a second. One that is silent for 5 s is shown as silent, and forgotten after 10 minutes, or
    when it starts again under the same name.

    \b
    tidegate policy status
    tidegate policy status --json | jq -r 'select(.why != "") | .worker'

    Exit code: 0 all are on the live version, 1 somebody is behind or silent or nobody is there, 3 Kafka or Redis is
    away.
    """
    from tidegate.streams.settings.settings import Settings

    looked = go(_look(Settings.load()))
    live = looked.seen.log.live
    if json_:
        for s in looked.workers:
            json_line(_told(s, looked))
    else:
        maker = looked.seen.maker(live.version) if live else None
        by = f", by {maker.author} at {clock(maker.at_ms)}" if maker else ""
        shadow = f"; shadow {live.shadow.version}" if live and live.shadow else ""
        typer.echo(f"policy {live.version} is live{by}{shadow}" if live else "no policy is live yet")
        if looked.workers:
            _table(looked)
    wrong = [f"{s.worker}: {s.why}" for s in looked.workers if s.why]
    if not looked.workers:
        wrong = ["no worker has said anything in the last 10 minutes"]
    for line in wrong[:-1]:
        say(line)
    if wrong:
        fail(wrong[-1])


def _table(looked: Looked) -> None:
    table(
        ["worker", "version", "behind", "since", "shadow", "model", "file", "log", "state"],
        (
            [
                s.worker,
                s.status.version or "-",
                "?" if s.behind is None else s.behind,
                f"{ago(s.status.since_ms, looked.now_ms)} ago" if s.status.since_ms else "-",
                s.status.shadow or "-",
                s.status.model or "-",
                s.status.file or "-",
                s.status.log.value,
                _state(s),
            ]
            for s in looked.workers
        ),
        right=["behind"],
    )


def _state(s: WorkerHealth) -> str:
    if s.silent:
        return s.why
    return "; ".join(f"waits for {what}: {why}" for what, why in s.status.waiting_for.items()) or "ready"


def _told(s: WorkerHealth, looked: Looked) -> dict[str, object]:
    live, report = looked.seen.log.live, s.status
    return {
        "worker": s.worker, "version": report.version, "live": live.version if live else None, "behind": s.behind,
        "since_ms": report.since_ms, "shadow": report.shadow, "model": report.model, "file": report.file,
        "log": report.log.value, "read_to": report.next, "ready": not (s.silent or report.waiting_for),
        "waiting_for": dict(report.waiting_for), "probes": report.probes, "started_ms": report.started_ms, "seen_ms": s.seen_ms,
        "silent": s.silent, "why": s.why,
    }  # fmt: skip


async def _look(settings: Settings) -> Looked:
    """Looks again where somebody is behind: its word may be a second old. Raises BrokerUnavailable, StoreUnavailable."""
    from tidegate.streams.cli.policy.log import read_log
    from tidegate.streams.core.policy.log import Verdict
    from tidegate.streams.core.worker_status import worker_healths
    from tidegate.streams.store.redis import RedisStore

    store = RedisStore(settings.store, settings.namespace)
    try:
        for look in range(LOOKS):
            seen = await read_log(settings)
            words, now_ms = await store.statuses(), await store.now_ms()
            changed = (Verdict.APPLIED, Verdict.SHADOWED, Verdict.DROPPED)
            changes = [e.offset for e in seen.entries if e.verdict in changed and e.offset < seen.log.next]
            workers = worker_healths(words, seen.log, changes, now_ms)
            if all(s.silent or not s.why for s in workers):
                break
            if look < LOOKS - 1:
                await asyncio.sleep(WORD_S)
        return Looked(seen, workers, now_ms)
    finally:
        await store.close()
