"""The fields of Perspective's requests, and the messages with which it refuses them: clients match on these."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from tidegate.streams.wire.http.label_names import PERSPECTIVE
from tidegate.streams.wire.http.refused import (
    ABSENT,
    FormRefused,
    kind_of,
    optional_number,
    optional_text,
    read_list,
    read_object,
    text_of,
)
from tidegate.streams.wire.repair import id_of

MAX_BYTES = 20_480  # of a comment in UTF-8
MAX_LANGUAGES = 16
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")  # what may be repeated in a message; anything else may be a text
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}")
_SCORE_TYPES = ("PROBABILITY", "SCORE_TYPE_UNSPECIFIED")
_OTHER_SCORE_TYPES = ("STD_DEV_SCORE", "PERCENTILE", "RAW")


def read_comment(body: Mapping[str, Any]) -> str:
    """Returns the comment's text; raises FormRefused."""
    comment = body.get("comment")
    entry = {} if comment is None else read_object(comment, "comment")
    if entry.get("text") in (None, ""):
        raise FormRefused(
            "comment.text", "no text", "a text", reason="COMMENT_EMPTY", message="Comment must be non-empty."
        )
    kind = entry.get("type")
    if kind == "HTML":
        message = "Currently, only 'PLAIN_TEXT' comments are supported"
        raise invalid("comment.type", "HTML", "PLAIN_TEXT", message)
    if kind not in (None, "PLAIN_TEXT", "TEXT_TYPE_UNSPECIFIED"):
        raise invalid("comment.type", kind_of(kind), "PLAIN_TEXT", "Unknown text type")
    text = text_of(entry["text"], "comment.text")
    size = len(text.encode())
    if size > MAX_BYTES:
        expected = f"at most {MAX_BYTES} bytes"
        raise FormRefused(
            "comment.text", f"{size} bytes", expected, reason="COMMENT_TOO_LONG", message="Comment text too long."
        )
    return text


def read_thresholds(value: Any, labels: Collection[str] | None) -> dict[str, float | None]:
    """Returns requested attributes, each with its `scoreThreshold` or None; raises FormRefused."""
    if value is None or value == {}:
        reason, message = "NO_REQUESTED_ATTRIBUTES", "Missing requested_attributes"
        raise FormRefused("requestedAttributes", ABSENT, "an attribute", reason=reason, message=message)
    thresholds: dict[str, float | None] = {}
    for name, parameters in read_object(value, "requestedAttributes").items():
        check_name(name, labels)
        field = f"requestedAttributes.{name}"
        given = {} if parameters is None else read_object(parameters, field)
        check_score_type(given.get("scoreType"), f"{field}.scoreType", name)
        thresholds[name] = optional_number(given, "scoreThreshold", f"{field}.scoreThreshold")
    return thresholds


def check_name(name: str, labels: Collection[str] | None) -> None:
    """Raises FormRefused: an attribute that the table does not name, or for which the model has no label."""
    ours = PERSPECTIVE.get(name)
    if ours is None or (labels is not None and not any(label in labels for label in ours)):
        shown = name if _NAME.fullmatch(name) else "(no name of an attribute)"
        known = ", ".join(PERSPECTIVE)
        raise invalid("requestedAttributes", "another name", known, f"Unknown requested attribute: {shown}")


def check_score_type(value: Any, field: str, name: str) -> None:
    """Raises FormRefused: another type than a probability."""
    if value is None or (type(value) is str and value in _SCORE_TYPES):
        return
    shown = value if type(value) is str and value in _OTHER_SCORE_TYPES else "(no score type)"
    message = f"Requested score type {shown} is not supported by attribute {name}"
    raise invalid(field, kind_of(value), "PROBABILITY", message)


def check_context(value: Any) -> None:
    """Raises FormRefused. Its texts are not read."""
    context = {} if value is None else read_object(value, "context")
    entries, article = context.get("entries"), context.get("articleAndParentComment")
    if entries is not None and article is not None:
        message = "Context can have either entries or article_and_parent_comment, but both fields were populated."
        raise invalid("context", "both", "one of the two", message)
    if entries is not None:
        read_list(entries, "context.entries")
    if article is not None:
        read_object(article, "context.articleAndParentComment")


def read_languages(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the request's languages, none where they are absent; raises FormRefused."""
    value = body.get("languages")
    items = [] if value is None else read_list(value, "languages", MAX_LANGUAGES)
    for i, item in enumerate(items):
        if not _LANGUAGE.fullmatch(text_of(item, f"languages[{i}]")):
            raise FormRefused(f"languages[{i}]", "another string", "an ISO 639-1 or BCP-47 code")
    return tuple(items)


def read_session(body: Mapping[str, Any]) -> str | None:
    """Returns the session's id, None where it is absent or cannot be an id; raises FormRefused."""
    session = optional_text(body, "sessionId")
    return id_of(session) if session else None


def invalid(field: str, found: str, expected: str, message: str) -> FormRefused:
    """Returns a refusal with a message of Perspective's own."""
    return FormRefused(field, found, expected, reason="INVALID_REQUEST", message=message)
