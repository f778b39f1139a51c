"""From bytes to a JSON object, or the byte at which that ends."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import from_json

from streams.core.events import DeadLetterReason
from streams.wire.record import Refused

# A `\uXXXX` escape of a surrogate pair, of a lone surrogate, or any other escape. Only a lone one fills "lone".
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.S
)
_POSITION = re.compile(r" at line (\d+) column (\d+)$")


def json_object(value: bytes, at: str = "") -> dict[str, Any]:
    """The JSON object in `value`.

    A lone surrogate escape, which no UTF-8 text can hold, is read as U+FFFD: the text is cut short somewhere
    upstream, and is scored all the same. So are NaN and the infinities, which many writers put where a number is
    missing, in a time say: they are read as such. Of two equal keys the last wins. `at` names the bytes in a message.
    Raises Refused: not_utf8, not_json, too_deep (over 200), not_an_object.
    """
    try:
        found = from_json(value)
    except ValueError as error:
        found = _mended(value, at, str(error))
    if type(found) is not dict:
        raise Refused(DeadLetterReason.NOT_AN_OBJECT, at or "value", "a JSON object")
    return found


def _mended(value: bytes, at: str, message: str) -> Any:
    place = f"{at}: " if at else ""
    try:
        value.decode()
    except UnicodeDecodeError as error:
        raise Refused(DeadLetterReason.NOT_UTF8, f"{place}byte {error.start}", "UTF-8") from None
    if "hex escape" in message:
        try:
            return from_json(_ESCAPE.sub(_replace_lone, value))
        except ValueError as error:
            message = str(error)
    where = f"{place}byte {_byte(value, message)}"
    if message.startswith("recursion limit"):
        raise Refused(DeadLetterReason.TOO_DEEP, where, "at most 200 levels of nesting")
    raise Refused(DeadLetterReason.NOT_JSON, where, "JSON")


def _replace_lone(escape: re.Match[bytes]) -> bytes:
    return escape[0] if escape["lone"] is None else rb"\ufffd"  # as long as what it replaces: bytes keep their places


def _byte(value: bytes, message: str) -> int:
    """The offset of the byte that the parser's message means by its line and column."""
    if message.startswith("EOF"):
        return len(value)
    position = _POSITION.search(message)
    if position is None:
        return 0
    start = 0
    for _ in range(int(position[1]) - 1):
        start = value.find(b"\n", start) + 1
    return max(0, start + int(position[2]) - 1)
