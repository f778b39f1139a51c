"""One kind of harmless text: its templates, and what their places are filled with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Kind(NamedTuple):
    """`most` texts of each template; whatever fills them, nothing in one is harmful."""

    name: str
    templates: Sequence[str]
    slots: Mapping[str, Sequence[str]]
    most: int = 7
