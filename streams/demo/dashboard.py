"""A dashboard's state: read from the output topics only.

No broker and no clock: the caller passes records, by topic, as bytes.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from tidegate.streams.core.measures import MeasureKind
from tidegate.streams.demo.account import Kind, Outcome, Position
from tidegate.streams.topics import DECIDED

TOPICS = ("decisions", "dead-letters", "rates", "alerts")
LATEST = 20  # decisions stored, to be shown
Event = dict[str, Any]
RateKey = tuple[str, str, int]  # scope, measure, window in seconds


@dataclass
class Incident:
    """One alert from when it fired to when it resolved."""

    rule: str
    scope: str
    rate: RateKey  # the one of the rule's measure
    kind: MeasureKind
    above: float
    fired_ms: int
    peak: float
    resolved_ms: int | None = None


@dataclass
class Affected:
    """The tenants, models and users whose completions reached a threshold of a label."""

    hits: Counter[tuple[str, str]] = field(default_factory=Counter)  # (tenant, model) -> decisions
    users: set[str] = field(default_factory=set)  # hashed


class Dashboard:
    """Folds records of TOPICS."""

    def __init__(self) -> None:
        self.outcomes: dict[Position, list[Outcome]] = {}
        self.actions: Counter[str] = Counter()
        self.dead_letters: Counter[str] = Counter()  # reason -> n
        self.faults = 0
        self.latest: deque[Event] = deque(maxlen=LATEST)  # decisions that are not `allow`, newest first
        self.labels: dict[str, Affected] = {}  # by label
        self.rates: dict[RateKey, Event] = {}
        self.alerts: dict[tuple[str, str], Event] = {}  # (rule, scope) -> its last event
        self.incidents: list[Incident] = []  # in the order in which they fired
        self._transitions: set[str] = set()  # ids: a transition may be published twice, under one

    @property
    def decided(self) -> int:
        return sum(self.actions.values())

    @property
    def fired(self) -> int:
        return len(self.incidents)

    @property
    def resolved(self) -> int:
        return sum(incident.resolved_ms is not None for incident in self.incidents)

    def read(self, topic: str, key: bytes | None, value: bytes | None) -> list[Event]:
        """Folds one record. Returns the alert transitions in it: none or one."""
        if topic == "rates":
            self._rate(key or b"", value)
        elif value is not None:
            event = json.loads(value)
            if topic == "alerts":
                return self._alert(event)
            self._outcome(event, dead=topic == "dead-letters")
        return []

    def _outcome(self, event: Event, *, dead: bool) -> None:
        source = event["source"]
        if source["topic"] not in DECIDED:
            return
        fault = not dead and event["fault"] is not None
        letter: Kind = "redriven" if event.get("reason") == "redriven" else "dead_letters"
        kind: Kind = letter if dead else "faults" if fault else "decided"
        outcome = Outcome(event["epoch"], kind, "" if dead else event["id"])
        position = Position(source["topic"], source["partition"], source["offset"])
        self.outcomes.setdefault(position, []).append(outcome)
        if dead:
            self.dead_letters[event["reason"]] += 1
            return
        if fault:
            self.faults += 1
        else:
            self.actions[event["action"]] += 1
        for label in {reason["label"] for reason in event["reasons"]}:
            affected = self.labels.setdefault(label, Affected())
            affected.hits[event["scopes"]["tenant"], event["scopes"]["model"]] += 1
            if event["user"]:
                affected.users.add(event["user"])
        if event["action"] != "allow":
            self.latest.appendleft(event)

    def _rate(self, key: bytes, value: bytes | None) -> None:
        if value is not None:
            event = json.loads(value)
            rate = event["scope"], event["measure"], event["window_s"]
            self.rates[rate] = event
            for incident in self.incidents:
                if incident.rate == rate and incident.resolved_ms is None:
                    reached = event["hits"] if incident.kind == "count" else event["share"] or 0.0
                    incident.peak = max(incident.peak, reached)
            return
        scope, measure, window = key.decode().split("|")  # a tombstone: the scope went quiet
        self.rates.pop((scope, measure, int(window)), None)

    def _alert(self, event: Event) -> list[Event]:
        self.alerts[event["rule"], event["scope"]] = event
        if event["resent"] or event["id"] in self._transitions:
            return []
        self._transitions.add(event["id"])
        if event["state"] == "firing":
            rate = event["scope"], event["measure"], event["window_s"]
            self.incidents.append(
                Incident(
                    event["rule"], event["scope"], rate, event["kind"], event["above"], event["at_ms"], event["value"]
                )
            )
        elif event["state"] == "resolved" and event["previous"] == "firing":
            for incident in self.incidents:
                if (incident.rule, incident.scope) == (event["rule"], event["scope"]):
                    incident.resolved_ms = incident.resolved_ms or event["at_ms"]
        return [event]
