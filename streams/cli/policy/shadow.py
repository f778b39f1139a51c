"""`policy shadow`, `promote` and `drop`: a candidate tried on live traffic, and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tidegate.streams.cli.errors import ExitCode, agreed, fail, go, note, say
from tidegate.streams.cli.policy.change import AsJson, Author, Why, attribution, carry_out
from tidegate.streams.cli.render import clock, json_line, progress

if TYPE_CHECKING:
    from tidegate.streams.operations.shadow import ShadowChanged, ShadowNotChanged


def shadow(
    file: Annotated[Path, typer.Argument(help="A policy file: the whole candidate.")],
    reason: Why,
    author: Author,
    json_: AsJson = False,
) -> None:
    """Run a policy file as a shadow: what it would do is recorded and counted, and nothing is done about it.

    Every decision then carries `would_be`, and rates have `would.…` beside them. No rule of it alerts but those with
    `shadow = true`. One shadow runs at a time: another one replaces it. While it runs, a cascade's bands hold its
    thresholds too, and prompts are scored where it has prompt labels: it says so.

    \b
    tidegate policy shadow stricter.toml --reason "would 0.8 be too strict?"
    tidegate rates --measure '*label.toxicity'
    tidegate policy promote --reason "it is not"

    Exit code: 0 it runs, 1 another shadow came first, 2 the file is wrong, 3 Kafka is unavailable.
    """
    from tidegate.classifiers import MissingLabelError
    from tidegate.streams.core.policy.model import PolicyError
    from tidegate.streams.operations.policy_history import NamedPolicy
    from tidegate.streams.operations.shadow import propose_shadow, start_shadow
    from tidegate.streams.policy_log.file import read_policy
    from tidegate.streams.settings.settings import Settings

    settings, by = Settings.load(), attribution(author, reason)
    try:
        proposal = go(propose_shadow(settings, NamedPolicy(str(file), read_policy(file)), note))
    except (PolicyError, MissingLabelError) as error:
        fail(f"{error}\nnothing written; no shadow started", ExitCode.WRONG)
    running = proposal.running
    if proposal.same_as is not None:
        say(f"no different from {proposal.same_as}; nothing written")
        if json_:
            json_line({"verdict": "unchanged", "version": running.version if running else None})
        return
    for line in proposal.warnings:
        say(line)
    made = _require_changed(go(start_shadow(settings, proposal, by, note)), json_)
    for difference in proposal.changes if not json_ else ():
        typer.echo(str(difference))
    replaced = f", in place of {running.version}" if running else ""
    beside = made.live.version if made.live else proposal.live.version
    rules = proposal.alerting
    alerting = f"of its rules these alert: {', '.join(rules)}" if rules else "none of its rules alerts"
    say(f"shadow {made.entry.version} runs beside policy {beside}{replaced}; {alerting}")


def promote(
    reason: Why,
    author: Author,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, whatever it changes; for scripts.")] = False,
    json_: AsJson = False,
) -> None:
    """Make the shadow the live policy, by one change. It is live within a second, on every worker; the shadow ends.

    Where the live policy changed since the shadow was started, promoting it takes that back: it says which keys, and
    asks. Where it loosens a block or a floor, it says what that opens and asks too.

    \b
    tidegate policy promote --reason "a day of it: 0.3% more blocked, none of them overturned"

    Exit code: 0 live, 1 no shadow, another change came first, or you said no, 2 the classifier lacks a label of it,
    or nobody to ask, 3 Kafka is unavailable.
    """
    from tidegate.classifiers import MissingLabelError
    from tidegate.streams.operations.policy_history import STANDS
    from tidegate.streams.operations.shadow import propose_promotion
    from tidegate.streams.settings.settings import Settings

    settings, by = Settings.load(), attribution(author, reason)
    try:
        promotion = go(propose_promotion(settings, progress=progress, note=note))
    except MissingLabelError as error:
        fail(f"{error}\n{STANDS}", ExitCode.WRONG)
    if taken_back := promotion.proposal.taken_back:
        say(f"since shadow {promotion.shadow.version} was started, the live policy changed; promoting takes back:")
        for difference in taken_back:
            say(f"  {difference}")
        agreed("take that back?", yes)
    carry_out(settings, promotion.proposal, by, yes=yes, as_json=json_)
    say(f"it was shadow {promotion.shadow.version}, which runs no longer")


def drop(reason: Why, author: Author, json_: AsJson = False) -> None:
    """End the shadow. Nothing else changes; its `would.…` rates are taken back.

    \b
    tidegate policy drop --reason "too strict: 4% of the support route would be blocked"

    Exit code: 0 it has ended, 1 no shadow, or another one came first, 3 Kafka is unavailable.
    """
    from tidegate.streams.operations.shadow import drop_shadow
    from tidegate.streams.settings.settings import Settings

    settings, by = Settings.load(), attribution(author, reason)
    live, running, made = go(drop_shadow(settings, by, note))
    _require_changed(made, json_)
    say(f"shadow {running.version} runs no longer; policy {live.version} is live as before")


def _require_changed(made: ShadowChanged | ShadowNotChanged, as_json: bool) -> ShadowChanged:
    """What was done, as JSON where that is asked for. Ends the command where another change came first."""
    from tidegate.streams.operations.shadow import ShadowNotChanged

    if as_json:
        entry, runs = made.entry, made.runs
        json_line({
            "verdict": entry.verdict.value, "version": runs.version if runs else None, "offset": entry.offset,
            "why": entry.why or None,
        })  # fmt: skip
    if isinstance(made, ShadowNotChanged):
        _fail_lost(made)
    return made


def _fail_lost(lost: ShadowNotChanged) -> NoReturn:
    """Says who came first, and what runs now. Ends the command."""
    from tidegate.streams.core.policy.log import ChangeVerdict

    if (winner := lost.winner) is None:
        fail(f"{lost.entry.why or lost.entry.verdict.value}; nothing changed")
    did = {ChangeVerdict.SHADOWED: f"shadow {winner.version}", ChangeVerdict.DROPPED: "the end of the shadow"}.get(
        winner.verdict, f"policy {winner.version}"
    )
    say(f"not done: {did} by {winner.author} at {clock(winner.at_ms)} came first: {winner.reason}")
    say(f"shadow {lost.runs.version} runs now" if lost.runs else "no shadow runs now")
    fail("nothing changed; look at it, then run the command again")
