"""The one event with a text that Tidegate writes: only where an operator asked for it."""

from __future__ import annotations

from tidegate.streams.core.fields import Id, Outgoing


class ModeratedText(Outgoing):
    """The text of one moderation, for evidence: only where an operator asked `tidegate serve` to keep texts."""

    id: Id
    """Of the moderation, and of its decision."""
    tenant: str
    """Of the moderation."""
    prompt: str | None = None
    """The model's input. Null: none was sent."""
    choices: tuple[str, ...] = ()
    """The text, or one text per choice. Of a prompt that was blocked before a model was asked: one, empty."""
