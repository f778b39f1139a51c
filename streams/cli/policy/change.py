"""What every change of the live policy shows and asks: its warnings, what it loosens, and what became of it."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from tidegate.streams.cli.errors import ExitCode, agreed, fail, go, note, say
from tidegate.streams.cli.render import clock, json_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.streams.core.policy.relaxations import Relaxation
    from tidegate.streams.core.simulation.effects import Effects, Group
    from tidegate.streams.operations.policy_change import Attribution, NotApplied, Proposal
    from tidegate.streams.operations.relaxation_effects import Opened
    from tidegate.streams.policy_log.history import LogEntry
    from tidegate.streams.settings.settings import Settings

Why = Annotated[str, typer.Option("--reason", help="Why; it stays on the log.")]
Author = Annotated[str, typer.Option(default_factory=getpass.getuser, show_default="you", help="Who says so.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, whatever it loosens; for scripts.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what became of it as one JSON object.")]
Tenant = Annotated[str | None, typer.Option(help="Only for this tenant.")]
Model = Annotated[str | None, typer.Option(help="Only for this model.")]
Route = Annotated[str | None, typer.Option(help="Only for this route.")]
Locale = Annotated[str | None, typer.Option(help="Only for this locale.")]

RELAXED_SHOWN = 20
NAMED = 5  # tenants and labels shown; `policy what-if` shows them all


def attribution(author: str, reason: str) -> Attribution:
    """Who changes something, and why. Ends the command where one of them is no line of text."""
    from tidegate.streams.operations.policy_change import Attribution, readable_line
    from tidegate.streams.operations.policy_history import STANDS

    for flag, text in (("--reason", reason), ("--author", author)):
        if not readable_line(text):
            fail(f"{flag} {text!r}: expected a line of text that people can read; {STANDS}", ExitCode.WRONG)
    return Attribution(author, reason)


def carry_out(settings: Settings, proposal: Proposal, by: Attribution, *, yes: bool, as_json: bool) -> None:
    """Shows what a proposal does, asks where it needs consent, and commits it. Ends the command where it is lost."""
    from tidegate.streams.operations.policy_change import NotApplied, commit

    if proposal.unchanged:
        say(f"no different from the live policy {proposal.parent}; nothing written")
        if as_json:
            json_line({"verdict": "unchanged", "version": proposal.parent})
        return
    for line in proposal.warnings:
        say(line)
    if proposal.relaxed:
        say(f"this loosens policy {proposal.parent}:")
        for line in (*relaxed_lines(proposal.relaxed), *_opened_lines(proposal.opened)):
            say(line)
        agreed("make it live?", yes)
    made = go(commit(settings, proposal, by, consent=True, note=note))
    if isinstance(made, NotApplied):
        _fail_lost(made, as_json)
    if as_json:
        entry = made.entry
        json_line({"verdict": entry.verdict.value, "version": entry.version, "offset": entry.offset})
    for difference in proposal.changes if not as_json else ():
        typer.echo(str(difference))
    say(f"policy {made.version} is live")


def relaxed_lines(found: Sequence[Relaxation]) -> list[str]:
    """A line for each of what is loosened; of very many, the first."""
    more = [f"  and {len(found) - RELAXED_SHOWN:,} more"] if len(found) > RELAXED_SHOWN else []
    return [*(f"  {relaxed}" for relaxed in found[:RELAXED_SHOWN]), *more]


def _opened_lines(opened: Opened | None) -> list[str]:
    """In numbers, what asked for that action or more and would no longer."""
    if opened is None:
        return []
    weakest, effects = opened.weakest.value, opened.effects
    if effects is None:
        return [f"what that opens could not be counted: {opened.unavailable}"]
    if not effects.decisions:
        return ["what that opens is not known: there are no decisions of the last hour"]
    was = "was" if effects.looser == 1 else "were"
    stopped = f"{was} blocked and would not be" if weakest == "block" else f"asked for {weakest} or more"
    lines = [
        f"{f'{effects.looser:,}' if effects.looser else 'none'} of {effects.decisions:,} decisions on what came since "
        f"{clock(effects.first_ms)} {stopped}{'' if weakest == 'block' else ' and would ask for less'}"
    ]
    if effects.looser:
        lines += [f"  by label: {_counts(effects.labels)}", f"  by tenant: {_counts(effects.tenants)}"]
        lines.append(f"  such as {', '.join(_examples(effects))}")
    return lines


def _counts(groups: Sequence[Group]) -> str:
    found = sorted((g for g in groups if g.looser), key=lambda g: -g.looser)
    rest = sum(g.looser for g in found[NAMED:])
    return ", ".join([f"{g.name} {g.looser:,}" for g in found[:NAMED]] + ([f"others {rest:,}"] if rest else []))


def _examples(effects: Effects) -> list[str]:
    return [
        example.id
        for change in effects.changes
        if change.now.strength < change.was.strength
        for example in change.examples
    ][:NAMED]


def _fail_lost(lost: NotApplied, as_json: bool) -> NoReturn:
    """Says who won, and what differs between what was assumed and what is. Ends the command."""
    entry, live, winner = lost.entry, lost.live, lost.winner
    if as_json:
        json_line({
            "verdict": entry.verdict.value, "version": live.version if live else None, "offset": entry.offset,
            "why": entry.why or None, "winner": winner and _as_json(winner),
            "changed": [difference._asdict() for difference in lost.changed],
        })  # fmt: skip
    if winner is None or live is None:
        fail(f"{entry.why or entry.verdict.value}; nothing changed")
    say(f"not applied: policy {winner.version} by {winner.author} at {clock(winner.at_ms)} came first: {winner.reason}")
    say(f"from {lost.parent}, which you changed, to {live.version}, which is live:")
    for line in map(str, lost.changed) if lost.changed else ("nothing differs",):
        say(f"  {line}")
    fail("nothing changed; look at it, then run the command again")


def _as_json(winner: LogEntry) -> dict[str, Any]:
    return {
        "version": winner.version, "author": winner.author, "at_ms": winner.at_ms, "reason": winner.reason,
    }  # fmt: skip
