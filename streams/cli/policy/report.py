"""What a what-if found, as people read it. Nothing here decides what is found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import typer

from tidegate.streams.cli.render import clock, percent, span, table, value
from tidegate.streams.core.events import Action
from tidegate.streams.core.simulation.effects import Example, FeedbackCounts
from tidegate.streams.operations.what_if_report import warnings

if TYPE_CHECKING:
    from tidegate.streams.core.simulation.backtest import Firing
    from tidegate.streams.core.simulation.effects import Effects, Group, Shift
    from tidegate.streams.operations.what_if import WhatIfRange, WhatIfResult

NEWLY = {
    Action.ALLOW: "allowed",
    Action.FLAG: "flagged",
    Action.REVIEW: "reviewed",
    Action.REDACT: "redacted",
    Action.BLOCK: "blocked",
}
FEEDBACK = {"complaint": "complained about", "appeal": "appealed", "upheld": "upheld", "overturned": "overturned"}


class Sides(NamedTuple):
    """What the two judgements are called."""

    was: str  # over a column
    now: str
    title: str  # "policy 1a2b3c4d of stricter.toml against what was decided"


def show(found: WhatIfResult, over: WhatIfRange, sides: Sides) -> None:
    """All of it, on standard output; what it cannot know last, where it is read."""
    effects = found.effects
    typer.echo(sides.title)
    typer.echo(f"completions that came from {clock(over.since_ms)} to {clock(over.until_ms)}")
    typer.echo(_read(found))
    if effects.decisions:
        typer.echo()
        _actions(effects, sides)
        _changes(effects)
        if effects.labels_hit:
            _shifts("label", effects.labels_hit, effects.decisions, sides)
        for what, groups in (("label", effects.labels), ("tenant", effects.tenants), ("model", effects.models)):
            _groups(what, [group for group in groups if group.changed])
        typer.echo(_feedback(effects))
        typer.echo()
    _alerts(found, sides)
    for line in warnings(found, over):
        typer.echo(f"note: {line}")


def _read(found: WhatIfResult) -> str:
    effects, recent = found.effects, found.recent
    if not effects.decisions:
        head = "no decisions on them"
    else:
        faults = f", {effects.faults:,} of them faults" if effects.faults else ""
        failed = f", {effects.producer_failed:,} failed at the producer" if effects.producer_failed else ""
        head = f"{effects.decisions:,} decisions, from {clock(effects.first_ms)} to {clock(effects.last_ms)}"
        head += faults + failed
    again = f"; {recent.decided_again:,} were decided again and count once" if recent.decided_again else ""
    wrong = f"; {recent.not_decisions:,} records on the topic are no decisions" if recent.not_decisions else ""
    return head + again + wrong


def _actions(effects: Effects, sides: Sides) -> None:
    share = percent(effects.changed / effects.decisions)
    typer.echo(
        f"{effects.changed:,} of {effects.decisions:,} change ({share}): {effects.tighter:,} become stronger, "
        f"{effects.looser:,} weaker; {effects.other_labels:,} keep their action for other labels"
    )
    typer.echo()
    rows = []
    for moved in effects.actions:
        newly = effects.newly[Action(moved.name)]
        rows.append([
            moved.name, f"{moved.was:,}", percent(moved.was / effects.decisions), f"{moved.now:,}",
            percent(moved.now / effects.decisions), f"{newly:,}",
        ])  # fmt: skip
    columns = ["action", sides.was, "rate", sides.now, "rate ", "newly"]
    table(columns, rows, right=columns[1:])
    typer.echo()


def _changes(effects: Effects) -> None:
    if not effects.changes:
        return
    table(
        ["change", "decisions", "the first of them"],
        (
            [
                f"{change.was.value} -> {change.now.value}" if n == 0 else "",
                f"{change.count:,}" if n == 0 else "",
                _example(example) if example else "",
            ]
            for change in effects.changes
            for n, example in enumerate(change.examples or [None])
        ),
        right=["decisions"],
    )
    typer.echo()


def _example(example: Example) -> str:
    by = f" by the {example.by}" if example.by else ""
    score = "" if example.score is None else f" {example.score:.4f}{by}, threshold {example.threshold:g}"
    feedback = "".join(f", {FEEDBACK[kind.value]}" for kind in example.said)
    return f"{example.id}  {example.tenant}/{example.model}  {example.label}{score} ({example.scope}){feedback}"


def _shifts(what: str, moved: Sequence[Shift], total: int, sides: Sides) -> None:
    columns = [what, sides.was, "rate", sides.now, "rate "]
    table(
        columns,
        ([one.name, f"{one.was:,}", percent(one.was / total), f"{one.now:,}", percent(one.now / total)]
         for one in moved),
        right=columns[1:],
    )  # fmt: skip
    typer.echo()


def _groups(what: str, groups: Sequence[Group]) -> None:
    if not groups:
        return
    columns = [f"because of {what}" if what == "label" else what, "change", "of", "rate", "stronger", "weaker", "newly"]
    table(
        columns,
        (
            [
                f"{group.others:,} others" if group.others else group.name, f"{group.changed:,}",
                f"{group.decisions:,}", percent(group.share), f"{group.tighter:,}", f"{group.looser:,}",
                ", ".join(f"{n:,} {NEWLY[action]}" for action, n in group.newly.items() if n),
            ]
            for group in groups
        ),
        right=columns[1:-1],
    )  # fmt: skip
    typer.echo()


def _feedback(effects: Effects) -> str:
    return (
        f"of those that change, {_feedback_counts(effects.said_of_changed)}; of all, {_feedback_counts(effects.said)}"
    )


def _feedback_counts(counts: FeedbackCounts) -> str:
    return (
        f"people complained about {counts.complaint:,} and appealed {counts.appeal:,}, "
        f"reviewers upheld {counts.upheld:,} and overturned {counts.overturned:,}"
    )


def _alerts(found: WhatIfResult, sides: Sides) -> None:
    was, now = _by_scope(found.was.firings if found.was else []), _by_scope(found.now.firings)
    if not was and not now:
        typer.echo("alerts: none would fire" + ("" if found.was is None else ", and none would have"))
        return
    table(
        ["alert", "scope", sides.was, sides.now],
        (
            [
                rule, scope,
                "not known" if found.was is None else _firings(was.get((rule, scope), []), found),
                _firings(now.get((rule, scope), []), found),
            ]
            for rule, scope in sorted({*was, *now})
        ),
    )  # fmt: skip
    typer.echo()


def _firings(firings: Sequence[Firing], found: WhatIfResult) -> str:
    return "\n".join(_firing(firing, found.now.since_ms) for firing in firings) or "does not fire"


def _firing(firing: Firing, since_ms: int) -> str:
    began = f"from before {clock(since_ms)}" if firing.fired_ms < since_ms else f"at {clock(firing.fired_ms)}"
    if firing.resolved_ms is None:
        lasted = "still firing at the end"
    else:
        lasted = f"for {span(firing.resolved_ms - firing.fired_ms)}"
    return f"{began} {lasted}, up to {value(firing.kind, firing.peak)}"


def _by_scope(firings: Sequence[Firing]) -> dict[tuple[str, str], list[Firing]]:
    """(rule, scope) -> its firings, in order."""
    found: dict[tuple[str, str], list[Firing]] = {}
    for firing in sorted(firings, key=lambda firing: (firing.rule, firing.scope, firing.fired_ms)):
        found.setdefault((firing.rule, firing.scope), []).append(firing)
    return found
