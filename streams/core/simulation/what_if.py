"""What-if: what another policy would have decided. Decisions in, effects out. Pure.

Each decision is compared with another judgement of the same inputs: `decide(Inputs.of(decision), candidate)`, or the
shadow policy's. Texts are not scored again, so the scores' mistakes stay. `backtest.py` does the same for alerts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from heapq import heappush, heappushpop
from typing import TypeVar

from tidegate.streams.core.events import STRENGTH, Action, Decision, FeedbackKind, Reason, WouldBe
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.simulation.effects import (
    Change,
    Effects,
    Example,
    FeedbackCounts,
    Group,
    RestsOn,
    Shift,
    UnscoredLabel,
)

K = TypeVar("K")
Judged = Decision | WouldBe  # an action and the reasons for it

FEEDBACK_KINDS = (FeedbackKind.COMPLAINT, FeedbackKind.APPEAL, FeedbackKind.UPHELD, FeedbackKind.OVERTURNED)
FEEDBACK_BIT = {kind: 1 << n for n, kind in enumerate(FEEDBACK_KINDS)}  # the feedback of one completion is one number
EXAMPLES = 3  # ids a change
LARGEST = 20  # tenants and models listed in the result; the rest are one group
MOST_NAMES = 10_000  # of tenants or models while counting: producers may invent names without end


class WhatIf:
    """Tallies what differs between two judgements of the same decisions. The same decisions give the same effects."""

    def __init__(self, feedback: Mapping[str, int] | None = None, *, examples: int = EXAMPLES) -> None:
        """feedback: completion id -> FEEDBACK_BITs of its feedback. examples: ids listed for a change."""
        self._feedback, self._examples = feedback or {}, examples
        self._decisions = self._faults = self._failed = self._other_labels = 0
        self._first_ms: int | None = None
        self._last_ms: int | None = None
        self._actions: dict[tuple[Action, Action], int] = {}
        self._shown: dict[tuple[Action, Action], list[_Candidate]] = {}
        self._feedback_all: dict[int, int] = {}
        self._feedback_changed: dict[int, int] = {}
        self._scored_by: dict[str | None, int] = {}
        self._hits: dict[str, list[int]] = {}  # label -> decisions that have it among their reasons: was, now
        self._scored: dict[tuple[str, ...], int] = {}  # labels that a completion's scores name
        self._prompts: dict[tuple[str, ...], int] = {}
        self._tenants, self._models, self._labels = _Groups(), _Groups(), _Groups()

    def add(self, decision: Decision, was: Judged, now: Judged) -> None:
        """Adds one decision, and its judgement before and after."""
        self._decisions += 1
        at_ms = decision.came_ms
        if self._first_ms is None or self._last_ms is None:
            self._first_ms = self._last_ms = at_ms
        elif at_ms < self._first_ms:
            self._first_ms = at_ms
        elif at_ms > self._last_ms:
            self._last_ms = at_ms
        if decision.status == "failed":
            self._failed += 1
        if decision.fault is not None:
            self._faults += 1
        elif decision.status == "ok" or decision.scores:
            _count(self._scored, tuple(decision.scores))
            if decision.prompt_scores:
                _count(self._prompts, tuple(decision.prompt_scores))
        actions = was.action, now.action
        _count(self._actions, actions)
        scopes = decision.scopes
        tenant, model = self._tenants.add_decision(scopes.tenant), self._models.add_decision(scopes.model)
        feedback_bits = self._feedback.get(decision.id, 0) if self._feedback else 0
        if feedback_bits:
            _count(self._feedback_all, feedback_bits)
        if was.reasons or now.reasons:
            before, after = _label_names(was), _label_names(now)
            for side, names in enumerate((before, after)):
                for name in names:
                    self._hits.setdefault(name, [0, 0])[side] += 1
            if actions[0] is actions[1] and before != after:
                self._other_labels += 1
        if actions[0] is not actions[1]:
            self._changed(decision, was, now, (tenant, model), feedback_bits)

    def _changed(
        self, decision: Decision, was: Judged, now: Judged, groups: tuple[list[int], list[int]], feedback_bits: int
    ) -> None:
        driving = _driving_reason(was, now)
        name, by = (_label_name(driving), driving.by) if driving else ("none", None)
        column = _COLUMN[now.action]
        tighter = _TIGHTER if STRENGTH[now.action] > STRENGTH[was.action] else _LOOSER
        for group in (*groups, self._labels.add_decision(name)):
            group[tighter] += 1
            group[column] += 1
        _count(self._scored_by, by if driving and driving.score is not None else "nobody")
        if feedback_bits:
            _count(self._feedback_changed, feedback_bits)
        shown = self._shown.setdefault((was.action, now.action), [])
        when = decision.came_ms, decision.id, str(decision.source)
        example = _Candidate(when, decision, name, driving, feedback_bits)
        if len(shown) < self._examples:
            heappush(shown, example)
        elif shown and shown[0] < example:
            heappushpop(shown, example)

    def effects(self) -> Effects:
        """Returns what was tallied so far."""
        changed = {pair: n for pair, n in self._actions.items() if pair[0] is not pair[1]}
        tighter = sum(n for (was, now), n in changed.items() if STRENGTH[now] > STRENGTH[was])
        return Effects(
            decisions=self._decisions,
            faults=self._faults,
            producer_failed=self._failed,
            first_ms=self._first_ms,
            last_ms=self._last_ms,
            changed=sum(changed.values()),
            tighter=tighter,
            looser=sum(changed.values()) - tighter,
            other_labels=self._other_labels,
            newly={a: sum(n for (_, now), n in changed.items() if now is a) for a in Action},
            actions=[
                Shift(
                    name=action.value,
                    was=sum(n for (was, _), n in self._actions.items() if was is action),
                    now=sum(n for (_, now), n in self._actions.items() if now is action),
                )
                for action in Action
            ],
            labels_hit=[Shift(name=label, was=n[0], now=n[1]) for label, n in sorted(self._hits.items())],
            changes=[
                Change(was=was, now=now, count=n, examples=self._examples_of((was, now)))
                for (was, now), n in sorted(changed.items(), key=lambda item: (-item[1], _action_strengths(item[0])))
            ],
            labels=self._labels.largest(None, total=self._decisions),
            tenants=self._tenants.largest(LARGEST),
            models=self._models.largest(LARGEST),
            rests_on=RestsOn(
                screen=self._scored_by.get("screen", 0),
                encoder=self._scored_by.get("encoder", 0),
                one_model=self._scored_by.get(None, 0),
            ),
            said=_feedback_counts(self._feedback_all),
            said_of_changed=_feedback_counts(self._feedback_changed),
        )

    def unscored_labels(self, candidate: LivePolicy) -> list[UnscoredLabel]:
        """Returns labels of the candidate that decisions hold no score for: their effects cannot be known.

        A completion's label with the number of scored decisions that lack it; a prompt's where no decision has it.
        """
        scored = sum(self._scored.values())
        unscored = []
        for label in candidate.policy.labels:
            lacking = sum(n for labels, n in self._scored.items() if label not in labels)
            if lacking:
                unscored.append(UnscoredLabel(label=label, of="completion", decisions=lacking))
        unscored += [
            UnscoredLabel(label=label, of="prompt", decisions=scored)
            for label in candidate.policy.prompt_labels
            if scored and not any(label in labels for labels in self._prompts)
        ]
        return unscored

    def _examples_of(self, change: tuple[Action, Action]) -> list[Example]:
        ordered = sorted(self._shown.get(change, ()), key=lambda candidate: candidate.when)
        return [candidate.example() for candidate in ordered]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A decision to list, ordered so that a heap's least is the latest: the one to drop."""

    when: tuple[int, str, str]  # record timestamp, id, source
    decision: Decision
    label: str
    driving: Reason | None
    feedback_bits: int

    def __lt__(self, other: _Candidate) -> bool:
        return self.when > other.when

    def example(self) -> Example:
        decision, driving = self.decision, self.driving
        return Example(
            id=decision.id,
            record_ms=decision.record_ms,
            source=str(decision.source),
            tenant=decision.scopes.tenant,
            model=decision.scopes.model,
            label=self.label,
            score=driving.score if driving else None,
            threshold=driving.threshold if driving else None,
            scope=driving.scope if driving else None,
            by=driving.by if driving else None,
            said=[kind for kind in FEEDBACK_KINDS if self.feedback_bits & FEEDBACK_BIT[kind]],
        )


_DECISIONS, _TIGHTER, _LOOSER = range(3)
_COLUMN = {action: 3 + n for n, action in enumerate(Action)}
OTHER = "other"


class _Groups:
    """Counts by name, in lists of numbers: decisions, tighter, looser, then newly of each action."""

    def __init__(self) -> None:
        self._all: dict[str, list[int]] = {}
        self._other: list[int] = [0] * (3 + len(Action))

    def add_decision(self, name: str) -> list[int]:
        """Counts one decision, and returns the counts of that name."""
        group = self._all.get(name)
        if group is None:
            if len(self._all) >= MOST_NAMES:
                group = self._other
            else:
                group = self._all[name] = [0] * (3 + len(Action))
        group[_DECISIONS] += 1
        return group

    def largest(self, most: int | None, total: int | None = None) -> list[Group]:
        """Returns the groups by most changes, most decisions, then name; the others, if any, as one group.

        total: the decisions that each share is of, where a group counts only changes.
        """
        ordered = sorted(self._all.items(), key=lambda item: (-item[1][1] - item[1][2], -item[1][0], item[0]))
        shown = ordered if most is None else ordered[:most]
        rest = [group for _, group in ordered[len(shown) :]] + ([self._other] if self._other[_DECISIONS] else [])
        groups = [_group(name, counts, total) for name, counts in shown]
        if rest:
            names = len(ordered) - len(shown)
            summed = [sum(column) for column in zip(*rest, strict=True)]
            groups.append(_group(OTHER, summed, total, names=names))
        return groups


def _group(name: str, counts: list[int], total: int | None, names: int = 0) -> Group:
    decisions = counts[_DECISIONS] if total is None else total
    changed = counts[_TIGHTER] + counts[_LOOSER]
    return Group(
        name=name,
        others=names,
        decisions=decisions,
        changed=changed,
        share=changed / decisions if decisions else 0.0,
        tighter=counts[_TIGHTER],
        looser=counts[_LOOSER],
        newly={action: counts[column] for action, column in _COLUMN.items()},
    )


def _driving_reason(was: Judged, now: Judged) -> Reason | None:
    """Returns the strongest reason of the stricter side: the label that makes the difference."""
    stricter = now if STRENGTH[now.action] > STRENGTH[was.action] else was
    return stricter.reasons[0] if stricter.reasons else None


def _label_name(reason: Reason) -> str:
    """The label's name; a prompt's label is another one than a completion's: `prompt.toxicity`."""
    return f"prompt.{reason.label}" if reason.of == "prompt" else reason.label


def _label_names(judged: Judged) -> Collection[str]:
    return {_label_name(reason) for reason in judged.reasons}


def _action_strengths(pair: tuple[Action, Action]) -> tuple[int, int]:
    return STRENGTH[pair[0]], STRENGTH[pair[1]]


def _feedback_counts(counts: Mapping[int, int]) -> FeedbackCounts:
    by_kind = {k.value: sum(n for bits, n in counts.items() if bits & FEEDBACK_BIT[k]) for k in FEEDBACK_KINDS}
    return FeedbackCounts(**by_kind)


def _count(counts: dict[K, int], key: K) -> None:
    counts[key] = counts.get(key, 0) + 1


def lacks_spans(decision: Decision, live: LivePolicy) -> bool:
    """Whether a label reaches a `redact` threshold, and became `review` because no spans of it were recorded."""
    thresholds, _ = live.resolve(decision.scopes)
    return any(
        reason.action is Action.REVIEW and reason.score is not None and reason.score >= bar.threshold
        for reason in decision.reasons
        if reason.of == "completion"
        for bar in thresholds.get(reason.label, ())
        if bar.action is Action.REDACT
    )
