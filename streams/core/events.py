"""The contracts: one frozen model for every event Tidegate reads or writes.

The JSON Schemas and the AsyncAPI document are generated from this file (`tidegate schemas`) and tested
against it. A field's comment says what its type cannot. No model here holds completion text on its way out:
`Completion` and `Feedback` come in, everything else goes out. What they share is in `contract.py`, what stands on
the `policies` log in `changes.py`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from streams.core.changes import PolicyChange as PolicyChange
from streams.core.changes import ShadowChange as ShadowChange
from streams.core.changes import Silence as Silence
from streams.core.contract import MAX_CHOICES as MAX_CHOICES
from streams.core.contract import STRENGTH as STRENGTH
from streams.core.contract import UNKNOWN as UNKNOWN
from streams.core.contract import Action as Action
from streams.core.contract import Choices, Event, Id, Incoming, Name, Score
from streams.core.contract import Scopes as Scopes
from streams.core.contract import Source as Source
from streams.core.times import Given
from streams.core.times import TimeSource as TimeSource


class Completion(Incoming):
    """One model output that a producer reports (native form; the other three are mapped onto it)."""

    # The model's default is for failed ones; what comes in must have the text, so that one lost on the way is seen.
    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["completion"], "properties": {"completion": {"type": ["string", "array"]}}},
                {"required": ["status"], "properties": {"status": {"const": "failed"}}},
            ]
        }
    )

    id: Id
    completion: str | Choices = ""  # the text, or one text per choice; empty where status is "failed"
    prompt: str | None = None
    status: Literal["ok", "failed"] = "ok"
    tenant: Name = UNKNOWN
    model: Name = UNKNOWN  # the producer's model, not our classifier
    route: Name = UNKNOWN
    locale: Name = UNKNOWN
    user: Id | None = None  # raw; leaves Tidegate only as an HMAC
    conversation: Id | None = None  # raw; leaves Tidegate only as an HMAC
    at_ms: Given | None = None  # event time; the record's timestamp where absent

    @property
    def choices(self) -> tuple[str, ...]:
        return (self.completion,) if isinstance(self.completion, str) else self.completion


class FeedbackKind(StrEnum):
    """What a person said of a completion; each is a measure of its own."""

    THUMB_UP = "thumb_up"
    THUMB_DOWN = "thumb_down"
    COMPLAINT = "complaint"
    APPEAL = "appeal"
    UPHELD = "upheld"  # a reviewer's verdict: the decision was right
    OVERTURNED = "overturned"  # a reviewer's verdict: the decision was wrong


class Feedback(Incoming):
    """What a person said of a completion. Without tenant, model and route it counts in `all` only."""

    id: Id
    completion_id: Id
    kind: FeedbackKind
    tenant: Name | None = None
    model: Name | None = None
    route: Name | None = None
    user: Id | None = None  # raw; leaves Tidegate only as an HMAC
    at_ms: Given | None = None  # read and left: feedback counts under its record's time


class Span(BaseModel):
    """Unicode code points `[start, end)` of the original text that carry a label: of the choice that gave its score."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]
    label: str


class Reason(BaseModel):
    """Why a decision is not `allow`: the score that reached a threshold, and whose threshold it was."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str  # a label, or "producer_failed" / "fault", which have no score
    action: Action
    score: Score | None = None
    threshold: Score | None = None
    scope: str  # "default", "floor", or the scope's selector, such as "tenant=acme,route=kids"
    of: Literal["completion", "prompt"] = "completion"
    choice: int = 0  # index of the choice that gave the score
    by: Literal["screen", "encoder"] | None = None  # who gave the score; None where one model gives all


class FaultReason(StrEnum):
    """Why we could not score a completion."""

    CLASSIFIER_ERROR = "classifier_error"
    CLASSIFIER_TIMEOUT = "classifier_timeout"
    BAD_SCORES = "bad_scores"  # wrong shape, NaN, or outside [0, 1]
    KILLED_WORKER = "killed_worker"


class EventTime(StrEnum):
    """How a completion's own time compares with the time at which its record arrived."""

    ON_TIME = "on_time"
    FUTURE = "future"  # ahead by more than the policy allows: the time it arrived is used
    TOO_LATE = "too_late"  # behind by more than the policy allows: decided, counted only as too_late
    REPLACED = "replaced"  # no time at all, or one that no completion can have: the time it arrived is used


class WouldBe(BaseModel):
    """What the shadow policy asks for, of the same inputs. Nothing is done about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Action
    reasons: tuple[Reason, ...] = ()
    # Spans that only the shadow asked for: who hides a decision's spans must not hide more because a shadow runs.
    spans: tuple[Span, ...] = ()
    policy_version: str  # the shadow's


class Decision(Event):
    """One per completion: the action, why, and every input it was made from except the text."""

    id: Id
    source: Source
    epoch: int  # the owner's token; of decisions with one id the highest epoch is the one that was counted
    action: Action
    reasons: tuple[Reason, ...] = ()
    spans: tuple[Span, ...] = ()  # of labels whose score reaches a `redact` threshold
    fault: FaultReason | None = None
    status: Literal["ok", "failed"] = "ok"
    scores: dict[str, Score] = Field({})  # per label the strongest choice's
    choice_of: dict[str, int] = Field({})  # per label the index of that choice; empty where there is one choice
    # Labels whose score the encoder gave, the others are the screen's; None where one model gives all.
    by_encoder: tuple[str, ...] | None = None
    prompt_scores: dict[str, Score] = Field({})
    prompt_by_encoder: tuple[str, ...] | None = None  # the same of `prompt_scores`
    scopes: Scopes = Scopes()
    user: str | None = None  # HMAC
    conversation: str | None = None  # HMAC
    event_ms: int | None = None  # the time the producer gave, in ms; 0: what it gave is no time
    record_ms: int  # the record's own timestamp as it is: in whatever unit, and -1 where it has none
    at_ms: int  # the time it is counted under: event_ms or arrived_ms
    time: EventTime = EventTime.ON_TIME
    policy_version: str
    model_version: str  # the classifier's
    would_be: WouldBe | None = None  # only where a shadow policy ran beside the live one
    arrived_ms: int | None = None
    """When its record came: `record_ms` by magnitude where that can be, else the worker's clock. None: an older one."""
    arrived_by: TimeSource | None = None
    """Whose clock `arrived_ms` is from: record, broker (LogAppendTime) or worker."""
    time_source: TimeSource | None = None
    """Whose clock `at_ms` is from: the producer's, or that of `arrived_ms`."""

    @property
    def came_ms(self) -> int:
        """When its record arrived; an older decision knows its timestamp only."""
        return self.record_ms if self.arrived_ms is None else self.arrived_ms


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


class DeadLetter(Event):
    """Input that could not be read. Its id is its source position."""

    id: str
    source: Source
    epoch: int
    reason: DeadLetterReason
    where: str  # "byte 17", or the path of the field; never its value
    expected: str
    length: int  # bytes
    sha256: str  # of the bytes
    record_ms: int
    value_base64: str | None = None  # only where the setting dead_letter_bytes is on


class Rate(Event):
    """A share or a count over a sliding window, for one scope, at one time."""

    scope: str  # "all", "tenant=acme", "model=...", "route=..."
    measure: str  # "label.toxicity", "action.block", "fault", "satisfaction", ...
    window_s: int
    at_ms: int  # when it was taken; the window ends with the bucket that was open then
    hits: int
    total: int
    share: float | None  # hits / total, or None where total < min_total: too few to say
    incomplete: bool = False  # a partition is behind or has no owner: the window is still filling


class AlertState(StrEnum):
    """An alert's life. `inactive` is never published."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class AlertReason(StrEnum):
    """Why an alert is in the state it is in."""

    BROKEN = "broken"  # the rule's condition holds
    HELD = "held"  # it held for for_s
    BELOW = "below"  # under resolve_below
    BETWEEN = "between"  # under above, not yet under resolve_below: hysteresis
    TOO_FEW = "too_few"  # under min_total
    TOO_FEW_USERS = "too_few_users"
    NOT_CONFIDENT = "not_confident"  # the Wilson bound does not pass
    INCOMPLETE = "incomplete"  # a backlog must not resolve an alert
    QUIET = "quiet"  # too few for a whole window
    RULE_REMOVED = "rule_removed"


class Alert(Event):
    """A rule broken by a rate or a count: one event a transition, and the state again while firing."""

    id: str  # fingerprint + sequence: the same transition published twice has one id
    fingerprint: str  # of rule and scope
    sequence: int
    rule: str
    scope: str
    measure: str
    kind: Literal["share", "count"]
    state: AlertState
    previous: AlertState
    reason: AlertReason
    resent: bool = False
    value: float | None  # share in [0, 1], or a count; None where too few
    above: float
    resolve_below: float
    hits: int
    total: int
    users: int | None = None  # distinct, an estimate of about 1%; None where the rule does not ask
    window_s: int
    at_ms: int  # end of the window that made the transition
    since_ms: int  # when this state began
    silenced_by: str | None = None  # id of the silence that matches
    shadow: bool = False  # a rule of the shadow policy, on what it would have done: nobody was affected
    policy_version: str


class Enforcement(Event):
    """A strike left a user at or above a threshold, or a person undid strikes. The last one of a user holds."""

    id: str  # the completion's source position, or of an undo its part and a name: the same where published twice
    tenant: str
    user: str  # HMAC
    action: Literal["throttle", "suspend", "lifted"]  # by the highest threshold reached; lifted: none any longer
    strikes: float  # decayed sum at at_ms, rounded to 4 decimals
    threshold: float | None = None  # the one that they reach; None where lifted
    at_ms: int  # event time of the user's latest strike, or when strikes were undone
    until_ms: int | None = None  # when they will have decayed below the threshold, if no more come; None where lifted
    throttled_until_ms: int | None = None  # of suspend: from until_ms to here the user is still at `throttle`
    author: str | None = None  # only where a person undid strikes
    reason: str  # the label and action, as "toxicity.block" or "prompt.toxicity.block"; of an undo what its author said
    policy_version: str


INCOMING: tuple[type[Incoming], ...] = (Completion, Feedback)
OUTGOING: tuple[type[Event], ...] = (
    Decision,
    DeadLetter,
    Rate,
    Alert,
    PolicyChange,
    ShadowChange,
    Silence,
    Enforcement,
)
