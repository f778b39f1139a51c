"""What a what-if found, as people read it and as JSON. Nothing here decides what is found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from tidegate.streams.cli.render import clock, percent, span, table, value
from tidegate.streams.core.events import Action
from tidegate.streams.core.simulation.effects import Example, FeedbackCounts

if TYPE_CHECKING:
    from tidegate.streams.cli.recent import WhatIfRange, WhatIfResult
    from tidegate.streams.core.simulation.backtest import Firing
    from tidegate.streams.core.simulation.effects import Effects, Group, Shift

NEWLY = {
    Action.ALLOW: "allowed",
    Action.FLAG: "flagged",
    Action.REVIEW: "reviewed",
    Action.REDACT: "redacted",
    Action.BLOCK: "blocked",
}
SAID = {"complaint": "complained about", "appeal": "appealed", "upheld": "upheld", "overturned": "overturned"}


class Sides(NamedTuple):
    """What the two judgements are called."""

    was: str  # over a column
    now: str
    title: str  # "policy 1a2b3c4d of stricter.toml against what was decided"


def data(found: WhatIfResult, over: WhatIfRange, policies: dict[str, Any]) -> dict[str, Any]:
    """Everything, for programs: the same topics give the same bytes."""
    return {
        **policies,
        "since_ms": over.since_ms,
        "until_ms": over.until_ms,
        "effects": found.effects.model_dump(mode="json"),
        "never_scored": [named.model_dump(mode="json") for named in found.never_scored],
        "not_judged": found.not_judged,
        "without_spans": found.without_spans,
        "alerts": {
            "was": None if found.was is None else found.was.model_dump(mode="json"),
            "now": found.now.model_dump(mode="json"),
        },
        "read": {
            "records": found.recent.records,
            "not_decisions": found.recent.not_decisions,
            "decided_again": found.recent.decided_again,
            "feedback": found.feedback,
            "kept_since_ms": found.recent.complete_from_ms,
        },
        "warnings": [*warnings(found, over)],
    }


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
            _moved("label", effects.labels_hit, effects.decisions, sides)
        for what, groups in (("label", effects.labels), ("tenant", effects.tenants), ("model", effects.models)):
            _groups(what, [group for group in groups if group.changed])
        typer.echo(_said(effects))
        typer.echo()
    _alerts(found, sides)
    for line in warnings(found, over):
        typer.echo(f"note: {line}")


def warnings(found: WhatIfResult, over: WhatIfRange) -> Iterator[str]:
    """What the figures do not say, or cannot know."""
    effects, rests = found.effects, found.effects.rests_on
    if effects.looser:
        yield (
            f"{effects.looser:,} become weaker, and nothing here says how many of them were right: nobody complains "
            "of, or reviews, what was never seen"
        )
    if rests.screen:
        yield (
            f"{rests.screen:,} of {effects.changed:,} changes rest on the screen alone: the encoder did not read what "
            "they hang on, and may say otherwise where the policy's thresholds make it"
        )
    if rests.one_model:
        yield f"{rests.one_model:,} of {effects.changed:,} changes rest on a model that gives every score by itself"
    for named in found.never_scored:
        of_all = f"of {effects.decisions:,} decisions"
        unknown = "what it would do is not known"
        if named.of == "prompt":
            yield f"prompt_labels.{named.label}: {of_all} none holds a prompt's score of it: {unknown}"
        else:
            yield f"labels.{named.label}: {of_all} {named.decisions:,} hold no score of it: {unknown}"
    if found.without_spans:
        yield (
            f"{found.without_spans:,} reach a redact threshold and hold no spans: they are reviews here, and would be "
            "redacted where spans are found"
        )
    if found.not_filled_ms is not None:
        yield (
            f"what fills the windows before {clock(found.not_filled_ms)} is in part deleted: alerts up to there are of "
            "less than there was"
        )
    if found.recent.expired:
        yield f"{found.recent.expired} partitions of decisions keep nothing: everything in them was deleted"
    if found.feedback_from_ms is not None and found.feedback_from_ms > over.since_ms:
        yield f"feedback from before {clock(found.feedback_from_ms)} was deleted: what people said then is not here"
    if found.overflowed:
        yield (
            f"more {', '.join(f'{kind}s' for kind in found.overflowed)} than TIDEGATE_LIVE_SCOPES in the range: those "
            "that came last count together here, other ones may have done so live"
        )


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
    said = "".join(f", {SAID[kind.value]}" for kind in example.said)
    return f"{example.id}  {example.tenant}/{example.model}  {example.label}{score} ({example.scope}){said}"


def _moved(what: str, moved: Sequence[Shift], total: int, sides: Sides) -> None:
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


def _said(effects: Effects) -> str:
    return f"of those that change, {_words(effects.said_of_changed)}; of all, {_words(effects.said)}"


def _words(said: FeedbackCounts) -> str:
    return (
        f"people complained about {said.complaint:,} and appealed {said.appeal:,}, "
        f"reviewers upheld {said.upheld:,} and overturned {said.overturned:,}"
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
