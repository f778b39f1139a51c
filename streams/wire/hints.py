"""Hints: what an unreadable input looks like, for its sender.

A hint names what was recognised, and a key only where it is nearly one of ours. Never a value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from tidegate.streams.wire.headers import ATTRIBUTES, NAMES

HEADER_NAMES = (*NAMES, "origin")  # of the headers `tidegate-…`
LOOKED_AT = 40  # keys or headers of one record: a flood of dead letters must not cost more than it has to
LONGEST = 40  # characters of a key that may be meant as one of ours
MOST_MORE = 3  # characters more or less
NEAR = 0.75  # of two words, as difflib's ratio: `modle` and `model` are 0.8

# How a value begins that is not JSON in UTF-8.
_BEGINS: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x82SNAPPY", "snappy"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy"),
    (b"\x78\x01", "zlib"),
    (b"\x78\x9c", "zlib"),
    (b"\x78\xda", "zlib"),
)
_COMPRESSED = "; this begins like {}: send the JSON itself, and let the producer compress (compression.type)"
_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_SYNONYMS = {  # what other systems call a field of ours; dots and lines in them are ignored
    "completion": ("text", "content", "output", "answer", "response", "message", "generation", "reply"),
    "prompt": ("input", "question", "query"),
    "tenant": ("customer", "organization", "organisation", "org", "orgid", "team", "teamid", "account", "accountid"),
    "user": ("username", "userid", "enduser"),
    "conversation": ("session", "sessionid", "thread", "threadid", "chatid"),
    "locale": ("language", "lang"),
    "at_ms": ("timestamp", "ts", "time", "created", "createdat"),
    "model": ("modelname", "modelid"),
    "kind": ("type",),
    "completion_id": ("completion", "messageid", "responseid"),
}
_NEVER = ("schema_version",)  # hardly anybody writes it
_MEANT = {synonym: ours for ours, synonyms in _SYNONYMS.items() for synonym in synonyms}


def of_bytes(value: bytes) -> str:
    """Returns what a value that is no JSON begins like, to append to a message; empty where nothing is recognised."""
    start = value[:16]
    for begins, what in _BEGINS:
        if start.startswith(begins):
            return _COMPRESSED.format(what)
    if start.startswith(_BOMS):
        return "; this begins with the byte order mark of UTF-16 or UTF-32: encode it as UTF-8"
    if start.startswith(b"Obj\x01"):
        return "; this begins like an Avro file: send JSON"
    if start[:2] in (b"{\x00", b"[\x00", b"\x00{", b"\x00["):
        return "; this begins like UTF-16: encode it as UTF-8"
    if start[:1] == b"\x00" and len(value) > 5:
        return "; this begins like Confluent's framing (a zero byte, a schema's id): send JSON without a registry"
    text = start.lstrip()
    if text.startswith((b"data:", b"event:")):
        return "; this begins like a server-sent event: send what stands after data:, and whole answers only"
    if text.startswith(b"{'"):
        return "; this begins like a dict of Python's: write it with json.dumps"
    if text.startswith(b"eyJ"):
        return "; this begins like base64 of JSON: send the JSON itself"
    if text[:1] == b"<":
        return "; this begins like XML or HTML"
    if re.match(rb"[\x08\x0a\x12\x1a\x22][\x00-\x7f]", start) and b"\x00" not in start[:1] and not _printable(start):
        return "; this may be Protobuf: send JSON"
    return ""


def _printable(start: bytes) -> bool:
    return all(32 <= byte < 127 or byte in (9, 10, 13) for byte in start)


def of_end(value: bytes, byte: int, message: str) -> str:
    """Returns why a value that begins like JSON is none from that byte on. message: the parser's."""
    if message.startswith("EOF") and value.strip():
        return "; this ends before its JSON does: it may have been cut short"
    if message.startswith("control character"):
        return "; a line break or another control character stands in a string as it is: write it with a JSON library"
    before, rest = value[:byte].rstrip(), value[byte:].lstrip()
    if before[-1:] == b"}" and rest[:1] == b"{":
        return "; this holds several lines: send one event a record"
    return "; zero bytes stand behind the JSON: leave them out" if rest and not rest.strip(b"\x00") else ""


def of_other(value: Any) -> str:
    """Returns what JSON that is no object looks like."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return f"; this is a list of {len(value):,}: send one event a record"
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        return "; this is JSON inside a JSON string: encode it once"
    return ""


def of_object(payload: Mapping[str, Any], ours: Collection[str]) -> str:
    """Returns the keys of an object of no form that may be meant as ours."""
    slips = [f"{key} may be meant as {meant}" for key, meant in keys(payload, ours)]
    return "; " + ", ".join(slips[:3]) if slips else ""


def keys(payload: Mapping[str, Any], ours: Collection[str]) -> list[tuple[str, str]]:
    """Returns each key that is nearly one of ours, with the one that may be meant, where that one is absent."""
    absent = tuple(sorted(name for name in ours if name not in _NEVER and payload.get(name) is None))
    others = [key for key in list(payload)[:LOOKED_AT] if key not in ours and 0 < len(key) <= LONGEST]
    near = ((key, _near(key, absent)) for key in others)
    return [(key, meant) for key, meant in near if meant]


def headers(record_headers: Iterable[tuple[str, bytes | None]]) -> list[tuple[str, str]]:
    """Returns each header that is nearly one of ours, with the one that may be meant."""
    slips = []
    for name, _ in list(record_headers)[:LOOKED_AT]:
        plain = name.lower()
        if match := re.fullmatch(r"(?:x-)?tidegate[-_.]([\w.-]{1,40})", plain):
            meant = _near(match[1], HEADER_NAMES) or next((n for n in HEADER_NAMES if n == match[1]), None)
            if meant and plain != f"tidegate-{meant}":
                slips.append((name, f"tidegate-{meant}"))
        elif plain.startswith("ce-") and plain[3:] in ATTRIBUTES:
            slips.append((name, f"ce_{plain[3:]}"))
    return slips


@lru_cache(4096)  # a flood of dead letters has the same keys again and again
def _near(key: str, ours: tuple[str, ...]) -> str | None:
    """Returns the one of ours that a key may be meant as: another case, an accent, a line between, a slip or two."""
    if not key.isprintable():
        return None
    folded = _folded(key)
    by_fold = {_folded(name): name for name in ours}
    if folded in by_fold:
        return by_fold[folded] if by_fold[folded] != key else None
    if _MEANT.get(folded) in ours:
        return _MEANT[folded]
    alike = [name for name in by_fold if len(name) > 2 and abs(len(name) - len(folded)) <= MOST_MORE]
    close = get_close_matches(folded, alike, n=1, cutoff=NEAR) if alike else ()
    return by_fold[close[0]] if close else None


def _folded(key: str) -> str:
    plain = unicodedata.normalize("NFKD", key).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[-_. ]", "", plain)
