"""Requests that cannot be answered: why, for the error form of each API; and readers that raise it.

A message names the field, the kind found there and what was expected. It never holds a text or another value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tidegate.streams.wire.parse import json_object
from tidegate.streams.wire.record import Refused

MAX_TEXTS = 512  # texts of one request, ours: an answer to `["", "", …]` is far larger than the request
RETRY_MS = 1000  # what a client is told to wait where the server says nothing else

_KINDS: Mapping[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}
ABSENT = "nothing"
NOT_UNICODE = "a string with half of a surrogate pair"


class FormRefused(Exception):
    """The body is not a request of this API. Answer with the module's `error`: a 400, or a 422 where the API has one.

    field: a path in the body, as `input[2].text`; "" is the body itself. found: the kind of what is there.
    reason: a word of the API's own for it, such as Perspective's `COMMENT_EMPTY`; "" where it has none.
    message: the API's own sentence, where its clients match on it. detail: more fields of the API's own.
    """

    def __init__(
        self,
        field: str,
        found: str,
        expected: str,
        *,
        reason: str = "",
        message: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        self.field, self.found, self.expected, self.reason = field, found, expected, reason
        self.message = message or f"{field or 'body'}: found {found}; expected {expected}"
        self.detail: Mapping[str, Any] = detail or {}
        super().__init__(self.message)


class Unscored(Exception):
    """The classifier could not score a row, and this API has no field for that. Answer `Failure(UNAVAILABLE)`.

    To answer "not flagged" would be a silent pass.
    """

    def __init__(self, row: int) -> None:
        super().__init__(f"row {row}: no scores")
        self.row = row


class FailureKind(Enum):
    """Why a request has no answer, apart from its body: the HTTP status, and a sentence."""

    UNREADABLE = 400, "The body is not a JSON object."
    UNAUTHENTICATED = 401, "The API key is missing or not valid."
    BAD_KEY = 401, "The API key is not valid."  # one was sent; a server need not tell them apart
    FORBIDDEN = 403, "This key has no right to do this."
    NOT_FOUND = 404, "There is nothing at this path."
    WRONG_METHOD = 405, "This path does not take this method."
    TOO_LARGE = 413, "The body is larger than this path takes."
    WRONG_TYPE = 415, "The content type must be application/json."
    INVALID = 422, "The body is not a valid request."
    TOO_MANY = 429, "Too many requests: wait, and send it again."
    INTERNAL = 500, "The server failed."
    NOT_IMPLEMENTED = 501, "This server does not do this."
    UNAVAILABLE = 503, "The text could not be scored: send it again later."

    def __init__(self, status: int, sentence: str) -> None:
        self.status, self.sentence = status, sentence


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure apart from the body. message: instead of the kind's sentence; the server's own words, never a value.

    retry_ms: when to try again, for 429 and 503. allow: the methods of a path, for 405.
    """

    kind: FailureKind
    message: str = ""
    retry_ms: int = RETRY_MS
    allow: tuple[str, ...] = ("POST",)

    @property
    def sentence(self) -> str:
        return self.message or self.kind.sentence

    def headers(self) -> dict[str, str]:
        """The headers that a client acts on: `retry-after` in whole seconds, and OpenAI's `retry-after-ms`; `allow`."""
        if self.kind in (FailureKind.TOO_MANY, FailureKind.UNAVAILABLE):
            return {"retry-after": str(max(1, -(-self.retry_ms // 1000))), "retry-after-ms": str(max(0, self.retry_ms))}
        return {"allow": ", ".join(self.allow)} if self.kind is FailureKind.WRONG_METHOD else {}


def parse_json(body: bytes) -> dict[str, Any]:
    """The JSON object in a body, read as records are: half a surrogate pair becomes U+FFFD, 200 levels at most.

    Raises FormRefused.
    """
    try:
        return json_object(body)
    except Refused as refused:
        raise FormRefused(
            "", f"{refused.unreadable.where}: {refused.unreadable.reason.value}", "a JSON object"
        ) from None


def kind_of(value: Any) -> str:
    """The kind of a JSON value, for a message."""
    return _KINDS.get(type(value), "another kind of value")


def read_object(value: Any, field: str) -> dict[str, Any]:
    """Returns the value; raises FormRefused where it is no object."""
    if type(value) is not dict:
        raise FormRefused(field, kind_of(value), "a JSON object" if not field else "an object")
    return value


def read_list(value: Any, field: str, most: int = MAX_TEXTS) -> list[Any]:
    """Returns the value; raises FormRefused where it is no list, or longer than `most`."""
    if type(value) is not list:
        raise FormRefused(field, kind_of(value), "a list")
    if len(value) > most:
        raise FormRefused(field, f"a list of {len(value)}", f"a list of at most {most}")
    return value


def read_text(body: Mapping[str, Any], key: str, field: str) -> str:
    """Returns the text under a key, which may be empty; raises FormRefused: absent, no string, no Unicode."""
    return text_of(body[key], field) if key in body else _absent(field, "a string")


def text_of(value: Any, field: str) -> str:
    """Returns the value; raises FormRefused where it is no string, or has half of a surrogate pair."""
    if type(value) is not str:
        raise FormRefused(field, kind_of(value), "a string")
    if not is_unicode(value):
        raise FormRefused(field, NOT_UNICODE, "a string of Unicode")
    return value


def is_unicode(text: str) -> bool:
    """Whether UTF-8 can hold it: JSON can escape half of a surrogate pair, and no text is scored with one."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def optional_text(body: Mapping[str, Any], key: str, field: str = "") -> str | None:
    """Returns the text under a key, None where it is absent or null; raises FormRefused."""
    value = body.get(key)
    return None if value is None else text_of(value, field or key)


def optional_bool(body: Mapping[str, Any], key: str) -> bool:
    """Returns the boolean under a key, false where it is absent or null; raises FormRefused."""
    value = body.get(key)
    if value is not None and type(value) is not bool:
        raise FormRefused(key, kind_of(value), "a boolean")
    return bool(value)


def optional_number(body: Mapping[str, Any], key: str, field: str) -> float | None:
    """Returns the number in [0, 1] under a key, None where it is absent or null; raises FormRefused."""
    value = body.get(key)
    if value is None:
        return None
    if type(value) not in (int, float):
        raise FormRefused(field, kind_of(value), "a number in [0, 1]")
    if not 0 <= value <= 1:  # NaN too
        raise FormRefused(field, "a number outside [0, 1]", "a number in [0, 1]")
    return float(value)


def _absent(field: str, expected: str) -> str:
    raise FormRefused(field, ABSENT, expected)
