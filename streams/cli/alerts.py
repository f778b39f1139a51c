"""`alerts`: what is wrong just now, from the store; or what was, from the topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import go, note, say
from tidegate.streams.cli.render import ago, clock, json_line, table, value

if TYPE_CHECKING:
    from tidegate.streams.core.events import Alert


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
    from tidegate.streams.operations.alerts import active_alerts, alert_history
    from tidegate.streams.settings.settings import Settings

    if all_:
        _show_history(go(alert_history(Settings.load(), say)), json_)
        return
    active = go(active_alerts(Settings.load(), note))
    if json_:
        for alert in active.alerts:
            json_line(alert.as_json())
    elif not active.alerts:
        say("no alerts")
    else:
        table(
            ["state", "severity", "rule", "scope", "value", "above", "hits", "total", "since", "why", "silenced"],
            (
                [
                    a.state.value, a.severity, a.rule, a.scope, value(a.kind, a.value), value(a.kind, a.above),
                    a.hits, a.total, f"{ago(a.since_ms, active.now_ms)} ago", a.reason.value, alert.silenced_by,
                ]
                for alert in active.alerts
                for a in (alert.status,)
            ),
            right=["value", "above", "hits", "total"],
        )  # fmt: skip


def _show_history(history: list[Alert], as_json: bool) -> None:
    if as_json:
        for alert in history:
            json_line(alert)
    elif not history:
        say("no alerts on the topic")
    else:
        table(
            [
                "at", "state", "severity", "rule", "scope", "value", "above", "hits", "total", "why", "policy",
                "silenced",
            ],
            (
                [
                    clock(a.at_ms), a.state.value, a.severity, a.rule, a.scope,
                    value(a.kind, a.value), value(a.kind, a.above), a.hits, a.total,
                    a.reason.value, a.policy_version, a.silenced_by,
                ]
                for a in history
            ),
            right=["value", "above", "hits", "total"],
        )  # fmt: skip
