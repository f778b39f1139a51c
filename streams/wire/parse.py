"""Parses bytes to a JSON object, or names the byte at which that fails."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import from_json

from tidegate.streams.core.events import DeadLetterReason
from tidegate.streams.wire import hints
from tidegate.streams.wire.record import Refused

# A `\uXXXX` escape of a surrogate pair, of a lone surrogate, or any other escape. Only a lone one fills "lone".
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.S
)
# A string, or a number of more digits than Python reads as one; only the number fills "long".
_LONG = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|(?P<long>[0-9]{4000,}(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)', re.S)
_BOM = b"\xef\xbb\xbf"
_POSITION = re.compile(r" at line (\d+) column (\d+)$")


def json_object(value: bytes, at: str = "") -> dict[str, Any]:
    """Parses the JSON object in `value`.

    A lone surrogate escape, which no UTF-8 text can hold, is read as U+FFFD: the text was truncated
    upstream, and is scored all the same. Of two equal keys the last wins. A byte order mark of UTF-8 before it is
    left out. `at` names the bytes in a message.
    NaN and infinities are not JSON, but Python's json writes them, as in logprobs: they are read, and no field of
    ours takes them. A number of over 4,300 digits is read as an infinity.
    Raises Refused: not_utf8, not_json, too_deep (over 200), not_an_object.
    """
    if value.startswith(_BOM):
        value = b"   " + value[len(_BOM) :]  # as many bytes, so that the positions in messages stay right
    try:
        parsed = from_json(value)
    except ValueError as error:
        parsed = _parse_repaired(value, at, str(error))
    if type(parsed) is not dict:
        raise Refused(DeadLetterReason.NOT_AN_OBJECT, at or "value", "a JSON object" + hints.of_other(parsed))
    return parsed


def _parse_repaired(value: bytes, at: str, message: str) -> Any:
    place = f"{at}: " if at else ""
    try:
        value.decode()
    except UnicodeDecodeError as error:
        expected = "UTF-8" + hints.of_bytes(value)
        raise Refused(DeadLetterReason.NOT_UTF8, f"{place}byte {error.start}", expected) from None
    for _ in range(2):  # one of each
        if "hex escape" in message:
            value = _ESCAPE.sub(_replace_lone, value)
        elif message.startswith("number out of range"):
            value = _LONG.sub(_replace_long, value)
        else:
            break
        try:
            return from_json(value)
        except ValueError as error:
            message = str(error)
    byte = _byte(value, message)
    where = f"{place}byte {byte}"
    if message.startswith("recursion limit"):
        raise Refused(DeadLetterReason.TOO_DEEP, where, "at most 200 levels of nesting")
    raise Refused(
        DeadLetterReason.NOT_JSON, where, "JSON" + (hints.of_bytes(value) or hints.of_end(value, byte, message))
    )


def _replace_lone(escape: re.Match[bytes]) -> bytes:
    return escape[0] if escape["lone"] is None else rb"\ufffd"  # as long as what it replaces: byte positions stay right


def _replace_long(number: re.Match[bytes]) -> bytes:
    return number[0] if number["long"] is None else b"1e999".ljust(len(number[0]))  # an infinity, as long


def _byte(value: bytes, message: str) -> int:
    """Returns the offset of the byte that the parser's message names by line and column."""
    if message.startswith("EOF"):
        return len(value)
    position = _POSITION.search(message)
    if position is None:
        return 0
    start = 0
    for _ in range(int(position[1]) - 1):
        start = value.find(b"\n", start) + 1
    return max(0, start + int(position[2]) - 1)
