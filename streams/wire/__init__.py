"""Decodes records of `completions` and `feedback`, in any form that Tidegate accepts: bytes in, events out.

Pure, and decoding never raises: an unreadable record is returned as `Unreadable`. No broker, no policy, no clock.
The forms and their mapping tables are in docs/reference/input-forms.md, tested against the tables in this package.
"""

from __future__ import annotations

from tidegate.streams.wire.decode import decode_completion, decode_feedback
from tidegate.streams.wire.doubts import doubts
from tidegate.streams.wire.record import Unreadable, dead_letter

__all__ = [
    "Unreadable",
    "dead_letter",
    "decode_completion",
    "decode_feedback",
    "doubts",
]
