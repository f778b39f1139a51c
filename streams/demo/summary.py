"""The summary at the end of the demo, as lines of text. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tidegate.streams.demo.view import StyledLine, format_value

if TYPE_CHECKING:
    from tidegate.streams.demo.run import DemoResult

LABELS = ("toxicity", "insult", "stereotype")  # whose affected users are listed
STANDS_OUT = 0.8  # of all that were affected: a tenant or model with this share is named


def summary(result: DemoResult) -> list[StyledLine]:
    """Returns the summary, in lines."""
    return [[], *_account(result), [], *_affected(result), [], *_alerts(result), [], *_next_commands()]


def _account(result: DemoResult) -> list[StyledLine]:
    account = result.account
    closes: StyledLine = (
        [("the account closes: ", "green"), ("each came out exactly once, and Redis counted the same", "")]
        if not account.problems
        else [("the account does not close, see below", "red")]
    )
    again = f" + {account.redriven:,} redriven" if account.redriven else ""
    return [
        [("What happened", "bold")],
        [
            (f"  {account.sent:,} completions sent in six forms = {account.decided:,} decided + ", ""),
            (
                f"{account.faults:,} faults + {account.dead_letters:,} dead letters{again}, in {result.seconds:.0f} s",
                "",
            ),
        ],
        [("  ", ""), *closes],
        [(f"  beside them {account.feedback:,} feedback events: thumbs and complaints", "")],
    ]


def _affected(result: DemoResult) -> list[StyledLine]:
    """Returns, per label, how many users were affected; a tenant or a model only where it stands out."""
    lines: list[StyledLine] = [[("Who was affected", "bold")]]
    for label in LABELS:
        affected = result.dash.labels.get(label)
        if affected is None:
            continue
        total = affected.hits.total()
        where = ""
        for kind, place in (("tenant", 0), ("model", 1)):
            sums: Counter[str] = Counter()
            for scope, n in affected.hits.items():
                sums[scope[place]] += n
            name, n = sums.most_common(1)[0]
            if n >= STANDS_OUT * total:
                where += f", {n} of them of {kind} {name}"
        lines.append([(f"  {label:<12}{total:>4} completions to {len(affected.users)} users{where}", "")])
    return lines


def _alerts(result: DemoResult) -> list[StyledLine]:
    lines: list[StyledLine] = [[("Alerts", "bold")]]
    for incident in result.dash.incidents:
        fired_s = (incident.fired_ms - result.start_ms) / 1000
        then = "still firing when the time was up"
        if incident.resolved_ms is not None:
            lasted = (incident.resolved_ms - incident.fired_ms) / 1000
            then = f"resolved at {fired_s + lasted:.0f} s: {lasted:.0f} s"
        peak = f"up to {format_value(incident.kind, incident.peak)}"
        lines.append(
            [(f"  {incident.rule:<22}{incident.scope:<20} ", ""), (f"{peak:<13}fired at {fired_s:.0f} s, {then}", "")]
        )
    return lines if len(lines) > 1 else [*lines, [("  none fired", "")]]


def _next_commands() -> list[StyledLine]:
    """Returns commands, each with what it does."""
    commands = {
        "tidegate up": "a broker, store and worker of yours",
        "tidegate send FILE": "completions, one JSON object a line",
        "tidegate policy set labels.toxicity.block 0.9 --reason …": "tune it while it runs",
        "README.md": "what it is, and its limits",
    }
    return [[("How to go on", "bold")], *([(f"  {what:<60}", ""), (why, "dim")] for what, why in commands.items())]
