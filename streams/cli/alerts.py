"""`alerts`: what is wrong just now, from the store; or what was, from the topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.streams.cli.errors import go, say
from tidegate.streams.cli.render import ago, clock, json_line, table, value

if TYPE_CHECKING:
    from tidegate.streams.core.events import Alert
    from tidegate.streams.settings.settings import Settings

STATES = ("firing", "pending", "resolved")  # as an operator reads them


def alerts(
    all_: Annotated[bool, typer.Option("--all", help="Every transition that the topic still holds.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="One alert a line.")] = False,
) -> None:
    """Show the alerts.

    Those pending, firing, or resolved within the last hour; or, with --all, the history. A rule named `shadow:…` is a
    shadow policy's, on what that would have done.

    \b
    tidegate alerts
    tidegate alerts --all
    tidegate alerts --json | jq -r 'select(.state == "firing") | .rule'

    Exit code: 0 whatever is firing, 3 Kafka or Redis is unavailable.
    """
    from tidegate.streams.settings.settings import Settings

    if all_:
        _show_history(go(_history(Settings.load())), json_)
        return
    now_ms, active = go(_active(Settings.load()))
    if json_:
        for alert in active:
            json_line(alert)
    elif not active:
        say("no alerts")
    else:
        table(
            ["state", "rule", "scope", "value", "above", "hits", "total", "since", "why", "silenced"],
            (
                [
                    a["state"], a["rule"], a["scope"], value(a["kind"], a["value"]), value(a["kind"], a["above"]),
                    a["hits"], a["total"], f"{ago(a['since_ms'], now_ms)} ago", a["reason"], a["silenced_by"],
                ]
                for a in active
            ),
            right=["value", "above", "hits", "total"],
        )  # fmt: skip


async def _active(settings: Settings) -> tuple[int, list[dict[str, Any]]]:
    """The store's time, and every alert it keeps, the worst first."""
    from tidegate.streams.cli.policy.log import read_log
    from tidegate.streams.core.alerts.status import parse_statuses
    from tidegate.streams.core.policy.rules import SHADOW
    from tidegate.streams.core.policy.silences import silenced_by
    from tidegate.streams.store.redis import RedisStore

    store = RedisStore(settings.store, settings.namespace)
    try:
        now_ms = await store.now_ms()
        kept = [status for status in parse_statuses(await store.alerts()).values() if not status.forgotten]
    finally:
        await store.close()
    silences = (await read_log(settings)).log.silences.values() if kept else ()
    kept.sort(key=lambda status: (STATES.index(status.state) if status.state in STATES else 9, -status.since_ms))
    return now_ms, [
        {
            **status.model_dump(mode="json", exclude={"unpublished", "last_sent_ms"}),
            "fingerprint": status.fingerprint,
            "shadow": status.rule.startswith(SHADOW),
            "silenced_by": silenced_by(silences, status.rule, status.scope, now_ms),
        }
        for status in kept
    ]


async def _history(settings: Settings) -> list[Alert]:
    """Every transition on the topic, in the order of their boundaries; each once."""
    from pydantic import ValidationError

    from tidegate.streams.core.events import Alert
    from tidegate.streams.kafka.reader import read_all

    found: dict[str, Alert] = {}
    async for record in read_all(settings.brokers, "alerts"):
        try:
            alert = Alert.read(record.value)
        except ValidationError:
            say(f"alerts[{record.partition}]@{record.offset}: not an alert; left out")
            continue
        if not alert.resent:
            found.setdefault(alert.id, alert)
    return sorted(found.values(), key=lambda alert: (alert.at_ms, alert.id))


def _show_history(history: list[Alert], as_json: bool) -> None:
    if as_json:
        for alert in history:
            json_line(alert)
    elif not history:
        say("no alerts on the topic")
    else:
        table(
            ["at", "state", "rule", "scope", "value", "above", "hits", "total", "why", "policy", "silenced"],
            (
                [
                    clock(a.at_ms), a.state.value, a.rule, a.scope, value(a.kind, a.value), value(a.kind, a.above),
                    a.hits, a.total, a.reason.value, a.policy_version, a.silenced_by,
                ]
                for a in history
            ),
            right=["value", "above", "hits", "total"],
        )  # fmt: skip
