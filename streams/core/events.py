"""The contracts: one frozen model for every event Tidegate reads or writes; here decisions and dead letters.

The JSON Schemas and the AsyncAPI document are generated from them (`tidegate schemas`) and tested against them: the
docstring under a field is its description there. No outgoing model but `moderated_text.py` holds a text: incoming
events are in `incoming.py`, all others go out. Rates, alerts and enforcements are in `rated.py`, the records of the
`policies` log in `policy/records.py`, what all events share in `fields.py`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tidegate.streams.core.fields import MAX_CHOICES as MAX_CHOICES
from tidegate.streams.core.fields import STRENGTH as STRENGTH
from tidegate.streams.core.fields import UNKNOWN as UNKNOWN
from tidegate.streams.core.fields import Action as Action
from tidegate.streams.core.fields import Event, Id, Incoming, Outgoing, Score
from tidegate.streams.core.fields import Scopes as Scopes
from tidegate.streams.core.fields import Source as Source
from tidegate.streams.core.incoming import Completion as Completion
from tidegate.streams.core.incoming import Feedback as Feedback
from tidegate.streams.core.incoming import FeedbackKind as FeedbackKind
from tidegate.streams.core.moderated_text import ModeratedText as ModeratedText
from tidegate.streams.core.policy.records import PolicyChange as PolicyChange
from tidegate.streams.core.policy.records import ShadowChange as ShadowChange
from tidegate.streams.core.policy.records import Silence as Silence
from tidegate.streams.core.rated import Alert as Alert
from tidegate.streams.core.rated import AlertReason as AlertReason
from tidegate.streams.core.rated import AlertState as AlertState
from tidegate.streams.core.rated import Enforcement as Enforcement
from tidegate.streams.core.rated import Rate as Rate
from tidegate.streams.core.times import TimeSource as TimeSource


class Span(BaseModel):
    """Unicode code points `[start, end)` of the original text that carry a label: of the choice that gave its score."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    start: Annotated[int, Field(ge=0)]
    """Where it begins: the first code point, counted from 0."""
    end: Annotated[int, Field(ge=0)]
    """Where it ends: the code point after the last."""
    label: str
    """The label that it carries."""


class Reason(BaseModel):
    """Why a decision is not `allow`: the score that reached a threshold, and the scope of that threshold."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    label: str
    """A label; or `producer_failed` or `fault`, which have no score."""
    action: Action
    """The action that the threshold requests; `review` in place of `redact` where there are no spans to hide."""
    score: Score | None = None
    """The label's score, in [0, 1]. Null where the reason is no label."""
    threshold: Score | None = None
    """The threshold that the score reached, in [0, 1]. Null where the reason is no label."""
    scope: str
    """Whose threshold it was: `default`, `floor`, or the selector of a scope rule, as `tenant=acme,route=kids`."""
    of: Literal["completion", "prompt"] = "completion"
    """Which text gave the score."""
    choice: int = 0
    """Index of the choice that gave the score, from 0."""
    by: Literal["screen", "encoder"] | None = None
    """Which stage of a cascade gave the score. Null where one model gives all."""


class FaultReason(StrEnum):
    """Why we could not score a completion."""

    CLASSIFIER_ERROR = "classifier_error"
    CLASSIFIER_TIMEOUT = "classifier_timeout"
    BAD_SCORES = "bad_scores"  # wrong shape, NaN, or outside [0, 1]
    KILLED_WORKER = "killed_worker"


# The producer's status of a completion. `prompt_blocked`: `serve` blocked the prompt, and no completion was made.
Status = Literal["ok", "failed", "prompt_blocked"]


class EventTime(StrEnum):
    """How a completion's own time compares with the time at which its record arrived."""

    ON_TIME = "on_time"
    FUTURE = "future"  # ahead by more than the policy allows: the time it arrived is used
    TOO_LATE = "too_late"  # behind by more than the policy allows: decided, counted only as too_late
    REPLACED = "replaced"  # no time at all, or one that no completion can have: the time it arrived is used


class WouldBe(BaseModel):
    """The shadow policy's judgement of the same inputs. It is recorded and never applied."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    action: Action
    """The strongest action that the shadow policy requests."""
    reasons: tuple[Reason, ...] = ()
    """Every threshold of the shadow policy that was reached, the strongest first."""
    spans: tuple[Span, ...] = ()
    """Spans that only the shadow requested, apart from the decision's: a consumer that redacts must not hide them."""
    policy_version: str
    """The shadow policy's version."""


class Decision(Outgoing):
    """One per completion: the action, why, and every input it was made from except the text."""

    id: Id
    """The completion's id, as its producer gave it."""
    source: Source
    """Where the completion was read: of decisions with one source one was counted."""
    epoch: int
    """The owner's epoch (a fencing token); of the decisions on one source the highest epoch's was counted."""
    action: Action
    """The strongest action that any reason requests."""
    reasons: tuple[Reason, ...] = ()
    """Every threshold that was reached, the strongest first; else the fault, or the producer's. Empty: nothing."""
    spans: tuple[Span, ...] = ()
    """What `redact` hides: pieces of the text that carry a label whose score reaches a `redact` threshold."""
    fault: FaultReason | None = None
    """Why we could not score it. Null where there was no need or nothing went wrong."""
    status: Status = "ok"
    """The producer's status: whether its model gave an answer; `prompt_blocked`: it was never asked for one."""
    scores: dict[str, Score] = Field({})
    """Per label the strongest choice's score, in [0, 1]; empty where nothing was scored."""
    choice_of: dict[str, int] = Field({})
    """Per label the index of the choice that gave its score, from 0; empty where there is one choice."""
    by_encoder: tuple[str, ...] | None = None
    """Labels whose score a cascade's encoder gave, the others are its screen's. Null where one model gives all."""
    prompt_scores: dict[str, Score] = Field({})
    """The same as `scores`, of the prompt; empty where no prompt was scored."""
    prompt_by_encoder: tuple[str, ...] | None = None
    """The same as `by_encoder`, of `prompt_scores`."""
    scopes: Scopes = Scopes()
    """Where it came from: whose thresholds held, and in which rates it counts."""
    user: str | None = None
    """The user of the tenant as an HMAC under the user key, 32 hex digits. Null: none given."""
    conversation: str | None = None
    """The conversation as an HMAC under the user key, 32 hex digits. Null: none given."""
    event_ms: int | None = None
    """The time that the producer gave, in ms since 1970-01-01 UTC. 0: what it gave is no time. Null: none given."""
    record_ms: int
    """The record's own timestamp as it is: in whatever unit its producer wrote it, and -1 where it has none."""
    at_ms: int
    """The time that it is counted under, in ms since 1970-01-01 UTC: `event_ms` or `arrived_ms`."""
    time: EventTime = EventTime.ON_TIME
    """Which of them, and why; a `too_late` one is decided, and counted only as that."""
    policy_version: str
    """The policy that decided: its offset on the `policies` log, and a digest of its content."""
    model_version: str
    """The classifier that gave the scores."""
    would_be: WouldBe | None = None
    """What the shadow policy requests. Null where none ran beside the live one."""
    record_hmac: str | None = None
    """HMAC-SHA256 of the record's value under the user key, 32 hex digits, to recognise it by. Null: none was made."""
    origin: Source | None = None
    """Of a record that `redrive` sent again: where the first one stands. No other of its copies is decided."""
    origin_sha256: str | None = None
    """Of a record with an origin, its value's SHA-256, 16 hex digits: another value is no copy of the same."""
    dropped: tuple[str, ...] = ()
    """What could not be read in the record and was left out: paths in the producer's form, as `metadata.user`, in the
    order they were found; 16 at most, and never a value."""
    arrived_ms: int | None = None
    """When its record came, in ms since 1970-01-01 UTC: `record_ms` read by its magnitude where that can be, else the
    worker's clock. Null: a decision from before it was recorded."""
    arrived_by: TimeSource | None = None
    """Whose clock `arrived_ms` is from: `record`, `broker` (LogAppendTime) or `worker`."""
    time_source: TimeSource | None = None
    """Whose clock `at_ms` is from: the `producer`'s, or that of `arrived_ms`."""
    request_id: Id | None = None
    """Of a moderation over HTTP: the id that the caller gave. Null: none, or it was no such moderation."""
    unverified: bool = False
    """Whether it stands as `serve` gave it, not decided again: the `policies` log has that policy no longer."""

    @property
    def came_ms(self) -> int:
        """When its record arrived; an older decision knows its timestamp only."""
        return self.record_ms if self.arrived_ms is None else self.arrived_ms


class Moderation(Outgoing):
    """One text that `tidegate serve` moderated: the verdict its caller got, and every input of it except the text."""

    id: Id
    """Made by `serve`, as `http-` and a UUID of version 7; no two moderations have one."""
    request_id: Id | None = None
    """The caller's own id. Null: none was given."""
    policies_next: Annotated[int, Field(ge=0)]
    """Up to which offset of `policies`, exclusive, `serve` must have read to have this policy and shadow."""
    action: Action
    """What the caller was told: the strongest action that any reason requests."""
    reasons: tuple[Reason, ...] = ()
    """As in a decision."""
    spans: tuple[Span, ...] = ()
    """As in a decision."""
    fault: FaultReason | None = None
    """Why it could not be scored. Null where there was no need or nothing went wrong."""
    status: Status = "ok"
    """As in a decision; `prompt_blocked`: `/v1/guard` blocked the prompt, and no model was asked."""
    scores: dict[str, Score] = Field({})
    """As in a decision."""
    choice_of: dict[str, int] = Field({})
    """As in a decision."""
    by_encoder: tuple[str, ...] | None = None
    """As in a decision."""
    prompt_scores: dict[str, Score] = Field({})
    """As in a decision."""
    prompt_by_encoder: tuple[str, ...] | None = None
    """As in a decision."""
    scopes: Scopes = Scopes()
    """Where it came from; the tenant is the key's, where a key has one."""
    user: str | None = None
    """The user of the tenant as an HMAC under the user key, 32 hex digits. Null: none given."""
    conversation: str | None = None
    """The conversation as an HMAC under the user key, 32 hex digits. Null: none given."""
    event_ms: int | None = None
    """The time that the caller gave, in ms since 1970-01-01 UTC. 0: what it gave is no time. Null: none given."""
    policy_version: str
    """The policy that judged."""
    model_version: str
    """The classifier that gave the scores."""
    would_be: WouldBe | None = None
    """What the shadow policy requests. Null where none ran beside the live one."""
    dropped: tuple[str, ...] = ()
    """As in a decision."""


class DeadLetterReason(StrEnum):
    """Why an input could not be read."""

    TOMBSTONE = "tombstone"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    TOO_DEEP = "too_deep"
    UNKNOWN_VERSION = "unknown_version"
    INVALID = "invalid"  # a field is missing or of the wrong type: `expected` names it
    STREAM_CHUNK = "stream_chunk"
    UNKNOWN_FORM = "unknown_form"
    UNREADABLE_BATCH = "unreadable_batch"  # a record batch of Kafka's that cannot be decoded: `offsets` records of it
    NOT_REPEATABLE = "not_repeatable"  # a moderation: the policy that it names gives another verdict on its scores
    REDRIVEN = "redriven"  # sent again, and another copy of it was decided before: neither decided nor sent again


class DeadLetter(Outgoing):
    """Input that could not be read. Its id is its source position."""

    id: str
    """The source position, as `completions[3]@88214`."""
    source: Source
    """Where the record was read."""
    epoch: int
    """The owner's epoch (a fencing token); of dead letters with one id the highest epoch's was counted."""
    reason: DeadLetterReason
    """Why it could not be read."""
    where: str
    """Where in the record: `byte 17`, or the path of the field; never its value."""
    expected: str
    """What should have been there."""
    length: int
    """Bytes of the record's value."""
    sha256: str
    """SHA-256 of the record's value, 64 hex digits."""
    record_ms: int
    """The record's own timestamp, in ms since 1970-01-01 UTC; of `unreadable_batch` when a worker first met it."""
    value_base64: str | None = None
    """The record's value, only where the setting dead_letter_bytes is on. Null: not kept."""
    offsets: int = 1
    """Consecutive offsets, from `source` on, that it covers; each counts as one dead letter."""
    origin: str | None = None
    """Of a record that `redrive` sent again: the id of its first dead letter."""


INCOMING: tuple[type[Incoming], ...] = (Completion, Feedback)
OUTGOING: tuple[type[Event], ...] = (
    Decision,
    Moderation,
    ModeratedText,
    DeadLetter,
    Rate,
    Alert,
    PolicyChange,
    ShadowChange,
    Silence,
    Enforcement,
)
