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
    tried: list[StyledLine] = (
        [[(f"         {account.unanswered:,} of these had no answer, and were asked again", "")]]
        if account.unanswered
        else []
    )
    return [
        [("What happened", "bold"), (f", in {result.seconds:.0f} s", "")],
        [(f"  {account.by_kafka:>6,} completions by Kafka, in six forms", "")],
        [(f"  {account.over_http:>6,} over HTTP, in OpenAI's form, which names no model and no user", "")],
        *tried,
        [
            (f"  {account.sent:>6,} = {account.decided:,} decided + {account.faults:,} faults + ", ""),
            (f"{account.dead_letters:,} dead letters{again}", ""),
        ],
        [("  ", ""), *closes],
        [(f"  beside them {account.feedback:,} feedback events: thumbs and complaints", "")],
    ]


def _affected(result: DemoResult) -> list[StyledLine]:
    """Returns, per label, how many users were affected, and the tenant or model that stands out."""
    lines: list[StyledLine] = [[("Who was affected", "bold")]]
    for label in LABELS:
        affected = result.dash.labels.get(label)
        if affected is None:
            continue
        total = affected.hits.total()
        stands_out = (STANDS_OUT * total, "")
        for kind, place in (("tenant", 0), ("model", 1)):
            sums: Counter[str] = Counter()
            for scope, n in affected.hits.items():
                sums[scope[place]] += n
            name, n = sums.most_common(1)[0]
            stands_out = max(stands_out, (n, f", {n} of them of {kind} {name}"))
        lines.append([(f"  {label:<12}{total:>4} completions to {len(affected.users)} known users{stands_out[1]}", "")])
    return lines


def _alerts(result: DemoResult) -> list[StyledLine]:
    lines: list[StyledLine] = [[("Alerts", "bold")]]
    for incident in result.dash.incidents:
        fired_s = (incident.fired_ms - result.start_ms) / 1000
        then = "still firing"
        if incident.resolved_ms is not None:
            then = f"to {(incident.resolved_ms - result.start_ms) / 1000:.0f} s"
        peak = f"up to {format_value(incident.kind, incident.peak)}"
        lines.append([(f"  {incident.rule:<22}{incident.scope:<19} {peak:<12}from {fired_s:.0f} s {then}", "")])
    return lines if len(lines) > 1 else [*lines, [("  none fired", "")]]


def _next_commands() -> list[StyledLine]:
    """Returns commands, each with what it does."""
    commands = {
        "tidegate up": "the same broker, store, worker and serve for you",
        "tidegate send FILE": "completions by Kafka, one JSON object a line",
        "curl … /v1/moderations": "a text over HTTP; `up` prints the whole line",
        "tidegate policy set --help": "to change a threshold while it runs",
        "README.md": "what it is, and its limits",
    }
    return [[("How to go on", "bold")], *([(f"  {what:<30}", ""), (why, "dim")] for what, why in commands.items())]
