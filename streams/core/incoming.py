"""Incoming events: completions and people's feedback on them. The only models that hold a text."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import ConfigDict
from pydantic.json_schema import SkipJsonSchema

from tidegate.streams.core.fields import UNKNOWN, Choices, Id, Incoming, Name
from tidegate.streams.core.times import GivenTime


class Completion(Incoming):
    """One model output that a producer reports (native form; the others are mapped onto it)."""

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
    """The producer's name for the completion; feedback names it again."""
    completion: str | Choices = ""
    """The text, or one text per choice; where status is `failed`, what was shown before. It leaves in no event
    but `ModeratedText`, where an operator asked for that."""
    prompt: str | None = None
    """The model's input; scored only where the policy has `prompt_labels`. Null: none is scored."""
    status: Literal["ok", "failed"] = "ok"
    """Whether the model gave an answer; a failed one is counted as the producer's failure."""
    tenant: Name = UNKNOWN
    """Whose product it was: a scope of thresholds, rates and alerts."""
    model: Name = UNKNOWN
    """The producer's model, not our classifier: a scope too."""
    route: Name = UNKNOWN
    """The part of the product it was made for, such as `chat`: a scope too."""
    locale: Name = UNKNOWN
    """The text's language, as the producer names it; thresholds can differ by it, rates do not."""
    user: Id | None = None
    """Whom it was shown to, as the producer names them; leaves Tidegate only as an HMAC. Null: nobody is named."""
    conversation: Id | None = None
    """The conversation it belongs to, as the producer names it; leaves Tidegate only as an HMAC."""
    at_ms: GivenTime | None = None
    """When it was made, in ms since 1970-01-01 UTC, by the producer's clock; the record's timestamp where absent."""
    dropped: SkipJsonSchema[tuple[str, ...]] = ()
    """Paths in the record that could not be read. Set by the decoder; producers never send it."""

    @property
    def choices(self) -> tuple[str, ...]:
        return (self.completion,) if isinstance(self.completion, str) else self.completion


class FeedbackKind(StrEnum):
    """The kind of a person's feedback on a completion; each is a measure of its own."""

    THUMB_UP = "thumb_up"
    THUMB_DOWN = "thumb_down"
    COMPLAINT = "complaint"
    MISTAKEN = "mistaken"  # the opposite of a complaint: nothing is wrong with the text
    APPEAL = "appeal"
    UPHELD = "upheld"  # a reviewer's verdict: the decision was right
    OVERTURNED = "overturned"  # a reviewer's verdict: the decision was wrong


class Feedback(Incoming):
    """A person's feedback on a completion. Without tenant, model and route it counts in `all` only."""

    id: Id
    """The producer's name for this feedback."""
    completion_id: Id
    """The id of the completion that it is about."""
    kind: FeedbackKind
    """The kind; `mistaken` says that nothing was wrong with the text, and is no complaint; `upheld` and `overturned`
    are a reviewer's verdicts: the decision was right, or wrong."""
    tenant: Name | None = None
    """The completion's tenant. Null: it does not count in the rates of one."""
    model: Name | None = None
    """The completion's model. Null: it does not count in the rates of one."""
    route: Name | None = None
    """The completion's route. Null: it does not count in the rates of one."""
    user: Id | None = None
    """Who gave it, as the producer names them; leaves Tidegate only as an HMAC. Null: nobody is named."""
    at_ms: GivenTime | None = None
    """When it was given, in ms since 1970-01-01 UTC, by the producer's clock. Read and left: feedback counts under its
    record's time."""
    dropped: SkipJsonSchema[tuple[str, ...]] = ()
    """Paths in the record that could not be read. Set by the decoder; producers never send it."""
