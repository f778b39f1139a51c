"""`rates`: the current rates, as the compacted topic has them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import go, say
from tidegate.streams.cli.render import clock, json_line, percent, table

if TYPE_CHECKING:
    from tidegate.streams.core.events import Rate
    from tidegate.streams.settings.settings import Settings


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
    from tidegate.streams.settings.settings import Settings

    found = go(_current(Settings.load()))
    hit = {_place(rate)[:-1] for rate in found if rate.hits}  # or the other of the two: 0 beside 12 is worth seeing
    shown = [
        rate
        for rate in sorted(found, key=_place)
        if (zero or _place(rate)[:-1] in hit)
        and (scope is None or fnmatchcase(rate.scope, scope))
        and (measure is None or fnmatchcase(rate.measure, measure))
    ]
    if json_:
        for rate in shown:
            json_line(rate)
        return
    if not shown:
        without = "" if zero or not found else f" ({len(found)} others; --zero shows those without hits)"
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


def _place(rate: Rate) -> tuple[bool, str, str, int, bool]:
    """Where it stands: `all` first, and what a shadow would have done under what was done."""
    from tidegate.streams.core.measures import WOULD

    measure = rate.measure.removeprefix(WOULD)
    return rate.scope != "all", rate.scope, measure, rate.window_s, measure != rate.measure


async def _current(settings: Settings) -> list[Rate]:
    """The last rate of every key that was not taken back."""
    from pydantic import ValidationError

    from tidegate.streams.core.events import Rate
    from tidegate.streams.kafka.reader import read_all

    last: dict[bytes, bytes | None] = {}
    async for record in read_all(settings.brokers, "rates"):
        last[record.key or b""] = record.value
    found = []
    for value in last.values():
        if value is not None:
            try:
                found.append(Rate.read(value))
            except ValidationError:  # somebody else's record: not ours to show
                say("a record on rates is no rate; left out")
    return found
