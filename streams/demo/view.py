"""Renders the demo as lines of styled text, from the dashboard. Pure: the caller draws them on its terminal.

Rows keep their positions from the first second to the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.tables import AlertRule
from tidegate.streams.demo.dashboard import Dashboard

Style = str  # "", bold, dim, red, yellow, green
StyledLine = list[tuple[str, Style]]

WIDTH = 80  # columns that a line takes at the most
BAR = 6  # columns of a full bar
DECISIONS = 6  # shown at the most
ALERTS = 4  # rows reserved for them
# measure -> its title, and its rule as text.
MEASURE_TEXTS = {
    "label.toxicity": ("toxicity", "toxicity in over {limit} of {whose}completions"),
    "label.stereotype": ("stereotype", "stereotype in over {limit} of {whose}completions"),
    "complaint": ("complaints", "over {limit} complaints about {whose}completions"),
    "producer_failed": ("producer failed", "over {limit} of {whose}completions failed"),
    "fault": ("faults", "over {limit} of {whose}completions could not be scored"),
}
STATES = {"firing": "red", "pending": "yellow", "resolved": "green"}
ACTIONS = {"allow": "", "flag": "yellow", "review": "yellow", "redact": "red", "block": "red"}


@dataclass(frozen=True, slots=True)
class Now:
    """The progress of the run."""

    at_s: float  # since the first event was sent
    length_s: float
    by_kafka: int  # completions, acknowledged
    over_http: int  # texts that were answered
    feedback: int
    phase: str  # what is wrong in the traffic, as text
    start_ms: int


def format_value(kind: str, value: float | None) -> str:
    """Returns a share as a percentage, a count as it is."""
    if value is None:
        return "too few"
    return f"{value:g}" if kind == "count" else f"{value:.1%}"


def format_limit(kind: str, above: float) -> str:
    """Returns a rule's limit, in as few digits as it has."""
    return f"{above:g}" if kind == "count" else f"{above * 100:g}%"


def rules(policy: Policy) -> list[StyledLine]:
    """Returns the policy as text, before anything is sent."""
    lines: list[StyledLine] = [[("The policy: ", "bold"), ("scores at or above these ask for an action", "")]]
    for label, thresholds in policy.labels.items():
        asks = "   ".join(f"{action} {value:g}" for action, value in thresholds if value is not None)
        lines.append([(f"  {label:<23}", ""), (asks, "dim")])
    windows = " or ".join(f"{window_s} s" for window_s in sorted({rule.window_s for rule in policy.alerts.values()}))
    lines.append([(f"and these are alerts, over {windows}: so short that you see them come and go", "")])
    for name, rule in policy.alerts.items():
        whose = "" if rule.by == ("all",) else f"a {' or '.join(rule.by)}'s "
        held = f", for {rule.for_s} s" if rule.for_s else ""
        what = _measure_text(rule.of)[1].format(limit=format_limit(rule.kind, rule.above), whose=whose)
        lines.append([(f"  {name:<22}", ""), (what + held, "dim")])
    return lines


def screen(dash: Dashboard, policy: Policy, now: Now, height: int) -> list[StyledLine]:
    """Returns everything as lines. Where the terminal has fewer than `height` rows, the least important go first."""
    head = _head(dash, now)
    rates = _rates(dash, policy, zeros=True)
    alerts = _alerts(dash, now)
    fixed = len(head) + len(alerts) + 5  # titles and blanks
    if fixed + len(rates) + DECISIONS > height:
        rates = _rates(dash, policy, zeros=False)[: height - fixed - 1]
    decisions = _decisions(dash)[: max(1, height - fixed - len(rates))]
    return [
        *head,
        [],
        [("Rates", "bold"), (" over the last seconds, from `rates`; above a limit an alert fires", "dim")],
        *rates,
        [],
        [("Alerts", "bold"), (" from the topic `alerts`", "dim")],
        *alerts,
        [("Decisions", "bold"), (" other than allow, newest first, from `decisions`; never the text", "dim")],
        *decisions,
    ]


def _head(dash: Dashboard, now: Now) -> list[StyledLine]:
    done = min(1.0, now.at_s / now.length_s)
    columns = WIDTH - 34
    filled = round(done * columns)
    state = f"{min(now.at_s, now.length_s):3.0f} of {now.length_s:.0f} s" if done < 1 else "all is sent"
    dead = ", ".join(f"{reason.replace('_', ' ')} {n}" for reason, n in dash.dead_letters.most_common(2))
    satisfied = next((r for (scope, of, _), r in dash.rates.items() if (scope, of) == ("all", "satisfaction")), None)
    up = (
        "" if satisfied is None else f"   thumbs up {format_value('share', satisfied['share'])} of {satisfied['total']}"
    )
    actions: StyledLine = [("actions      ", "dim")]
    for action in ACTIONS:
        actions += [(f"{action} ", "dim"), (f"{dash.actions[action]:<6,}", ACTIONS[action])]
    return [
        [("Tidegate demo  ", "bold"), ("━" * filled, "green"), ("━" * (columns - filled), "dim"), (f"  {state}", "")],
        [("traffic      ", "dim"), (now.phase, "" if now.phase == "all is well" else "yellow")],
        [
            ("completions  ", "dim"), ("by Kafka ", "dim"), (f"{now.by_kafka:<7,}", ""),
            ("over HTTP ", "dim"), (f"{now.over_http:<6,}", ""),
            ("decided ", "dim"), (f"{dash.decided:<7,}", ""), ("faults ", "dim"), (f"{dash.faults:,}", ""),
        ],
        [("dead letters ", "dim"), (f"{dash.dead_letters.total():<5,}", ""), (dead, "dim")],
        actions,
        [("feedback     ", "dim"), ("sent ", "dim"), (f"{now.feedback:,}", ""), (up, "dim")],
    ]  # fmt: skip


def _rates(dash: Dashboard, policy: Policy, *, zeros: bool) -> list[StyledLine]:
    """Returns a row for each scope of each rule; of a count only the highest. zeros: those without hits too."""
    lines: list[StyledLine] = []
    for name, rule in policy.alerts.items():
        rates = {
            scope: rate
            for (scope, measure, window_s), rate in dash.rates.items()
            if (measure, window_s) == (rule.of, rule.window_s) and scope.partition("=")[0] in rule.by
        }
        if rule.kind == "count" or not zeros:
            rates = {scope: rate for scope, rate in rates.items() if rate["hits"]}
        if rule.kind == "count":
            rates = dict(sorted(rates.items(), key=lambda item: -item[1]["hits"])[:1])
        first, title = True, _measure_text(rule.of)[0]
        for scope in sorted(rates):
            name_column = f"{title if first else '':<16}"
            lines.append([(name_column, ""), *_rate(name, rule, scope, rates[scope], dash, first=first)])
            first = False
        if first and zeros:
            none = f"none in the last {rule.window_s} s"
            lines.append([(f"{title:<16}", ""), (f"{none:<47}", "dim"), (_limit(rule), "dim")])
    return lines


def _rate(name: str, rule: AlertRule, scope: str, rate: dict[str, Any], dash: Dashboard, *, first: bool) -> StyledLine:
    value = rate["hits"] if rule.kind == "count" else rate["share"]
    alert = dash.alerts.get((name, scope))
    state = alert["state"] if alert is not None and alert["state"] in ("pending", "firing") else ""
    style = STATES.get(state, "" if value else "dim")
    full = rule.above * 3 if rule.kind == "count" else min(1.0, rule.above * 4)
    bar = "█" * min(BAR, max(int(bool(value)), round(BAR * (value or 0) / full)))
    of = (
        ""
        if not rate["hits"]
        else f"in {rule.window_s} s"
        if rule.kind == "count"
        else f"{rate['hits']} of {rate['total']}"
    )
    return [
        (f"{scope.replace('=', ' '):<20}", style),
        (f"{bar:<{BAR}}", style),
        (f"{format_value(rule.kind, value):>8}", style),
        (f"  {of:<11}", "dim"),
        (f"{_limit(rule) if first else '':<10}", "dim"),
        (state, style),
    ]


def _limit(rule: AlertRule) -> str:
    return f"above {format_limit(rule.kind, rule.above)}"


def _alerts(dash: Dashboard, now: Now) -> list[StyledLine]:
    """Returns the newest alerts, the newest last; an unused row stays blank."""
    lines: list[StyledLine] = []
    for incident in dash.incidents[-ALERTS:]:
        state = "firing" if incident.resolved_ms is None else "resolved"
        since = f"from {_at(incident.fired_ms, now)}"
        if incident.resolved_ms is not None:
            since += f" to {_at(incident.resolved_ms, now)}"
        peak = f"up to {format_value(incident.kind, incident.peak)}"
        lines.append(
            [
                (f"{state:<9}", STATES[state]),
                (f"{incident.rule:<22}", ""),
                (f"{incident.scope:<19} ", ""),
                (f"{peak:<12}", ""),
                (since, "dim"),
            ]
        )
    if not lines:
        lines = [[("none yet", "dim")]]
    return lines + [[] for _ in range(ALERTS + 1 - len(lines))]


def _decisions(dash: Dashboard) -> list[StyledLine]:
    lines: list[StyledLine] = []
    for decision in list(dash.latest)[:DECISIONS]:
        reason = max(
            decision["reasons"], key=lambda reason: (list(ACTIONS).index(reason["action"]), reason["score"] or 0)
        )
        why = reason["label"]
        if reason["score"] is not None:
            why += f" {reason['score']:.2f} >= {reason['threshold']:g}"
        lines.append(
            [
                (f"{decision['action']:<8}", ACTIONS[decision["action"]]),
                (f"{_short(decision['id'], 30):<31}", ""),
                (f"{_short(decision['scopes']['model'], 10):<11}", "dim"),
                (f"{why}", ""),
            ]
        )
    return lines + [[] for _ in range(DECISIONS - len(lines))]


def _measure_text(measure: str) -> tuple[str, str]:
    return MEASURE_TEXTS.get(measure, (measure, f"over {{limit}} {measure}"))


def _at(at_ms: int, now: Now) -> str:
    return f"{(at_ms - now.start_ms) / 1000:.0f} s"


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def status_line(dash: Dashboard, now: Now) -> str:
    """Returns the state in one line, for an output that is no terminal."""
    firing = [f"{rule} {scope}" for (rule, scope), alert in dash.alerts.items() if alert["state"] == "firing"]
    return (
        f"{now.at_s:3.0f} s  sent {now.by_kafka:,} by Kafka, {now.over_http:,} over HTTP  decided {dash.decided:,}  "
        f"faults {dash.faults:,}  dead letters {dash.dead_letters.total():,}  firing: {', '.join(firing) or 'none'}"
    )


def format_transition(alert: dict[str, Any], now: Now) -> str:
    """Returns a transition of an alert in one line."""
    value, above = format_value(alert["kind"], alert["value"]), format_limit(alert["kind"], alert["above"])
    return f"{now.at_s:3.0f} s  alert {alert['state']}: {alert['rule']} {alert['scope']}, {value} (above {above})"
