"""Coverage-guided bytes into the decoders: `python -m tests.fuzz.atheris_wire [seconds]`.

Any input is a completion, feedback or an Unreadable with a place and what was expected; libFuzzer keeps what
reaches new lines. It needs the extra `fuzz`: atheris has wheels for CPython 3.11 to 3.13 on Linux alone, and a search
that never ends the same way twice is no test for CI; what it finds becomes one.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["tidegate"]):
    from tidegate.streams.wire import Unreadable, dead_letter, decode_completion, decode_feedback

from tests.fuzz.corpus import fuzz, seeds_of
from tests.fuzz.forms import BINARY, COMPLETIONS, FEEDBACKS, GATEWAY
from tests.wire.records import Fake

NAMES = [*BINARY, *GATEWAY, "content-type"]


def one(data: bytes) -> None:
    """The first byte says which headers come along, the rest is the value."""
    which, value = data[:1] or b"\0", data[1:]
    headers = tuple((name, value[:n]) for n, name in enumerate(NAMES) if which[0] >> (n % 8) & 1 and which[0] & 0x80)
    record = Fake(value, headers)
    for decode in (decode_completion, decode_feedback):
        found = decode(record)
        if isinstance(found, Unreadable):
            assert found.where
            assert found.expected
            dead_letter(record, found, 1, 0)
        else:
            found.model_dump_json()


if __name__ == "__main__":
    sys.exit(fuzz(one, seeds_of([*COMPLETIONS, *FEEDBACKS])))
