"""The table of every topic that Tidegate reads or writes: for topic creation, the AsyncAPI document and the docs.

Pure: no broker. A topic's name here is its address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tidegate.streams.core.events import (
    Alert,
    Completion,
    DeadLetter,
    Decision,
    Enforcement,
    Feedback,
    PolicyChange,
    Rate,
    ShadowChange,
    Silence,
)
from tidegate.streams.core.fields import Event

DAY_MS = 86_400_000

COMPLETIONS, FEEDBACK, POLICIES = "completions", "feedback", "policies"
DECISIONS, ALERTS, RATES, ENFORCEMENTS = "decisions", "alerts", "rates", "enforcements"
DEAD_LETTERS, REPLAYS = "dead-letters", "replays"
SOURCES = (COMPLETIONS, FEEDBACK)  # what workers read in a group, with a checkpoint for each partition


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic, and how it is created if it does not exist."""

    name: str
    key: str  # its records' keys, in words; "none" if they have none
    cleanup: Literal["delete", "compact"]
    retention_ms: int | None  # None: for ever
    partitions: int | None  # None: the setting's
    about: str
    events: tuple[type[Event], ...]  # the types of its values; empty if they are not ours


TOPICS: tuple[Topic, ...] = (
    Topic(
        COMPLETIONS,
        "`tenant:user` recommended, else the conversation, else the id",
        "delete",
        7 * DAY_MS,
        None,
        "Completion events, in any of the eight input forms.",
        (Completion,),
    ),
    Topic(
        FEEDBACK,
        "the completion's id",
        "delete",
        30 * DAY_MS,
        None,
        "What people said of completions: thumbs, complaints, appeals, verdicts.",
        (Feedback,),
    ),
    Topic(
        POLICIES,
        "the policy's name",
        "delete",  # never compacted: every change stays, in order. One partition: one order
        None,
        1,
        "Every change of the policy, its shadow and silences, with its author and reason: the audit trail.",
        (PolicyChange, ShadowChange, Silence),
    ),
    Topic(
        DECISIONS,
        "`tenant:hmac(user)`",
        "delete",
        7 * DAY_MS,
        None,  # the same number as `completions`: a decision goes to its completion's partition number
        "One decision for each completion, without its text; the same partition number as the source.",
        (Decision,),
    ),
    Topic(
        ALERTS,
        "the alert's fingerprint",
        "delete",
        30 * DAY_MS,
        None,
        "Every transition of an alert, and its state again while it fires.",
        (Alert,),
    ),
    Topic(
        RATES,
        "scope, measure and window",
        "compact",
        None,
        None,
        "Snapshots of rates, once a second where they changed; a tombstone when a scope goes quiet.",
        (Rate,),
    ),
    Topic(
        ENFORCEMENTS,
        "`tenant:hmac(user)`",
        "delete",
        30 * DAY_MS,
        None,
        "Users throttled, suspended, or let go.",
        (Enforcement,),
    ),
    Topic(
        DEAD_LETTERS,
        "the source position, `topic[partition]@offset`",
        "delete",
        7 * DAY_MS,
        None,
        "Input that could not be read, and what was expected.",
        (DeadLetter,),
    ),
    Topic(
        REPLAYS,
        "`tenant:hmac(user)`",
        "delete",
        1 * DAY_MS,
        None,
        "Ranges decided, or scored, again; never mixed with the live decisions.",
        (Decision,),
    ),
    Topic(
        "tidegate-control",
        "none",
        "delete",
        1 * DAY_MS,
        1,
        "Faust's own: it will not start without a topic. Nothing of ours is written to it.",
        (),
    ),
)
