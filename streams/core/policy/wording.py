"""What people see in place of a text: the mask of a redacted piece, the fallback of a blocked one. Pure.

No decision depends on it: it is chosen after the verdict, and another wording changes no action.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tidegate.streams.core.policy.tables import ScopeRule

MASK = "█████"  # where the policy gives none


class Wording(NamedTuple):
    """Of one scope. fallbacks: sentences, one of which is shown; none: nothing is."""

    mask: str = MASK
    fallbacks: Sequence[str] = ()

    def fallback(self, id: str) -> str | None:
        """Returns the sentence for a moderation of that id: always the same one, and each of them equally often."""
        if not self.fallbacks:
            return None
        hashed = hashlib.sha256(id.encode("utf-8", "surrogatepass")).digest()
        return self.fallbacks[int.from_bytes(hashed[:8]) % len(self.fallbacks)]


def wording_of(mask: str | None, fallbacks: Sequence[str] | None, rules: Iterable[ScopeRule]) -> Wording:
    """Returns the wording where these rules match, the most specific first; mask and fallbacks: the policy's own."""
    rules = list(rules)
    masks = [*(rule.mask for rule in rules), mask]
    sentences = [*(rule.fallbacks for rule in rules), fallbacks]
    return Wording(
        next((one for one in masks if one is not None), MASK),
        next((some for some in sentences if some is not None), ()),
    )
