"""`rates`: the current rates, as the compacted topic has them."""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.streams.cli.errors import go, say
from tidegate.streams.cli.render import clock, json_line, percent, table


def rates(
    scope: Annotated[str | None, typer.Option(help="Only these, as all or 'tenant=*'.")] = None,
    measure: Annotated[str | None, typer.Option(help="Only these, as fault or 'label.*'.")] = None,
    zero: Annotated[bool, typer.Option("--zero", help="Those without hits too.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="One Rate event a line.")] = False,
) -> None:
    """Show the current rates.

    Hits of a total, over a sliding window, for each scope. While a shadow policy runs, what it would have done stands
    under each as `would.…`.

    \b
    tidegate rates
    tidegate rates --scope 'tenant=*' --measure label.toxicity
    tidegate rates --scope all --measure '*action.*'
    tidegate rates --json | jq 'select(.share > 0.05)'

    Exit code: 0, 3 Kafka is unavailable.
    """
    from tidegate.streams.operations.rates import current_rates
    from tidegate.streams.settings.settings import Settings

    found = go(current_rates(Settings.load(), say))
    shown = found.matching(scope, measure, zero=zero)
    if json_:
        for rate in shown:
            json_line(rate)
        return
    if not shown:
        without = "" if zero or not found.rates else f" ({len(found.rates)} others; --zero shows those without hits)"
        say(f"no rates to show{without}")
        return
    table(
        ["scope", "measure", "rate", "hits", "total", "window", "until", ""],
        (
            [
                rate.scope, rate.measure, percent(rate.share), rate.hits, rate.total, f"{rate.window_s} s",
                clock(rate.at_ms), "incomplete" if rate.incomplete else "",
            ]
            for rate in shown
        ),
        right=["rate", "hits", "total", "window"],
    )  # fmt: skip
