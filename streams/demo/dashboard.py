"""A dashboard's state: read from the output topics only.

No broker and no clock: the caller passes records, by topic, as bytes.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, Literal

from tidegate.streams.demo.account import CompletionOutcome, Kind, Position

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
    kind: Literal["share", "count"]
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
        self.outcomes: dict[Position, list[CompletionOutcome]] = {}
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

    def _outcome(self, found: Event, *, dead: bool) -> None:
        source = found["source"]
        if source["topic"] != "completions":
            return
        fault = not dead and found["fault"] is not None
        letter: Kind = "redriven" if found.get("reason") == "redriven" else "dead_letters"
        outcome = CompletionOutcome(found["epoch"], letter if dead else "faults" if fault else "decided")
        self.outcomes.setdefault((source["partition"], source["offset"]), []).append(outcome)
        if dead:
            self.dead_letters[found["reason"]] += 1
            return
        if fault:
            self.faults += 1
        else:
            self.actions[found["action"]] += 1
        for label in {reason["label"] for reason in found["reasons"]}:
            affected = self.labels.setdefault(label, Affected())
            affected.hits[found["scopes"]["tenant"], found["scopes"]["model"]] += 1
            if found["user"]:
                affected.users.add(found["user"])
        if found["action"] != "allow":
            self.latest.appendleft(found)

    def _rate(self, key: bytes, value: bytes | None) -> None:
        if value is not None:
            found = json.loads(value)
            rate = found["scope"], found["measure"], found["window_s"]
            self.rates[rate] = found
            for incident in self.incidents:
                if incident.rate == rate and incident.resolved_ms is None:
                    reached = found["hits"] if incident.kind == "count" else found["share"] or 0.0
                    incident.peak = max(incident.peak, reached)
            return
        scope, measure, window = key.decode().split("|")  # a tombstone: the scope went quiet
        self.rates.pop((scope, measure, int(window)), None)

    def _alert(self, found: Event) -> list[Event]:
        self.alerts[found["rule"], found["scope"]] = found
        if found["resent"] or found["id"] in self._transitions:
            return []
        self._transitions.add(found["id"])
        if found["state"] == "firing":
            rate = found["scope"], found["measure"], found["window_s"]
            self.incidents.append(
                Incident(
                    found["rule"], found["scope"], rate, found["kind"], found["above"], found["at_ms"], found["value"]
                )
            )
        elif found["state"] == "resolved" and found["previous"] == "firing":
            for incident in self.incidents:
                if (incident.rule, incident.scope) == (found["rule"], found["scope"]):
                    incident.resolved_ms = incident.resolved_ms or found["at_ms"]
        return [found]
