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
    ModeratedText,
    Moderation,
    PolicyChange,
    Rate,
    ShadowChange,
    Silence,
)
from tidegate.streams.core.fields import Event

DAY_MS = 86_400_000

COMPLETIONS, FEEDBACK, MODERATIONS, POLICIES = "completions", "feedback", "moderations", "policies"
DECISIONS, ALERTS, RATES, ENFORCEMENTS = "decisions", "alerts", "rates", "enforcements"
DEAD_LETTERS, REPLAYS = "dead-letters", "replays"
MODERATED_TEXTS = "moderated-texts"
CONTROL = "tidegate-control"
SOURCES = (COMPLETIONS, FEEDBACK, MODERATIONS)  # what workers read in a group, with a checkpoint for each partition
DECIDED = (COMPLETIONS, MODERATIONS)  # those of which each record becomes a decision or a dead letter

# Who reads and writes a topic; settings/roles.py gives each role its rights. A process waits for the topics of its role
# alone: a topic that a later release adds stalls no upgrade and opens no right.
Role = Literal["producer", "worker", "serve", "dashboard", "ops"]


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
    written_by: tuple[Role, ...]
    read_by: tuple[Role, ...]
    optional: bool = False  # a process goes on without it until it is there: it came with a later release


TOPICS: tuple[Topic, ...] = (
    Topic(
        COMPLETIONS,
        "`tenant:user` recommended, else the conversation, else the id",
        "delete",
        7 * DAY_MS,
        None,
        "Completion events, in any of the eight input forms.",
        (Completion,),
        written_by=("producer", "ops"),
        read_by=("worker", "ops"),
    ),
    Topic(
        FEEDBACK,
        "the completion's id",
        "delete",
        30 * DAY_MS,
        None,
        "What people said of completions: thumbs, complaints, their opposite, appeals, verdicts.",
        (Feedback,),
        written_by=("producer", "serve", "ops"),
        read_by=("worker", "ops"),
    ),
    Topic(
        MODERATIONS,
        "`tenant:hmac(user)`, else the conversation's hash, else the id",
        "delete",
        7 * DAY_MS,
        None,  # the same number as `completions`, since their decisions go to one topic
        "What `tidegate serve` answered: each text's verdict, with all that it was made from but the text.",
        (Moderation,),
        written_by=("serve",),
        read_by=("worker", "ops"),
        optional=True,
    ),
    Topic(
        MODERATED_TEXTS,
        "the moderation's id",
        "delete",
        1 * DAY_MS,
        None,
        "Texts that `tidegate serve` moderated, for evidence; empty unless `TIDEGATE_SERVE_KEEP_TEXT` is on.",
        (ModeratedText,),
        written_by=("serve",),
        read_by=("ops",),
        optional=True,
    ),
    Topic(
        POLICIES,
        "the policy's name",
        "delete",  # never compacted: every change stays, in order. One partition: one order
        None,
        1,
        "Every change of the policy, its shadow and silences, with its author and reason: the audit trail.",
        (PolicyChange, ShadowChange, Silence),
        written_by=("ops",),
        read_by=("worker", "serve", "dashboard", "ops"),
    ),
    Topic(
        DECISIONS,
        "`tenant:hmac(user)`",
        "delete",
        7 * DAY_MS,
        None,  # the same number as `completions`: a decision goes to its completion's partition number
        "One decision for each completion and moderation, without its text; the same partition number as the source.",
        (Decision,),
        written_by=("worker",),
        read_by=("worker", "dashboard", "ops"),
    ),
    Topic(
        ALERTS,
        "the alert's fingerprint",
        "delete",
        30 * DAY_MS,
        None,
        "Every transition of an alert, and its state again while it fires.",
        (Alert,),
        written_by=("worker",),
        read_by=("worker", "dashboard", "ops"),
    ),
    Topic(
        RATES,
        "scope, measure and window",
        "compact",
        None,
        None,
        "Snapshots of rates, once a second where they changed; a tombstone when a scope goes quiet.",
        (Rate,),
        written_by=("worker",),
        read_by=("dashboard", "ops"),
    ),
    Topic(
        ENFORCEMENTS,
        "`tenant:hmac(user)`",
        "delete",
        30 * DAY_MS,
        None,
        "Users throttled, suspended, or let go.",
        (Enforcement,),
        written_by=("worker",),
        read_by=("worker", "dashboard", "ops"),
    ),
    Topic(
        DEAD_LETTERS,
        "the source position, `topic[partition]@offset`",
        "delete",
        7 * DAY_MS,
        None,
        "Input that could not be read, and what was expected.",
        (DeadLetter,),
        written_by=("worker",),
        read_by=("worker", "ops"),
    ),
    Topic(
        REPLAYS,
        "`tenant:hmac(user)`",
        "delete",
        1 * DAY_MS,
        None,
        "Ranges decided, or scored, again; never mixed with the live decisions.",
        (Decision,),
        written_by=("ops",),
        read_by=("ops",),
    ),
    Topic(
        CONTROL,
        "none",
        "delete",
        1 * DAY_MS,
        1,
        "Faust's own: it will not start without a topic. Nothing of ours is written to it.",
        (),
        written_by=(),
        read_by=("worker", "ops"),
    ),
)


def used_by(role: Role) -> tuple[str, ...]:
    """Names of the topics that a role reads or writes and does not go on without, in the table's order."""
    return tuple(
        topic.name for topic in TOPICS if not topic.optional and (role in topic.read_by or role in topic.written_by)
    )
