"""Whether a scorer gives every label that somebody wants: asked at start, and of every new policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from tidegate.classifiers.errors import MissingLabelError


class Named(Protocol):
    """What a scorer says of itself."""

    @property
    def labels(self) -> Sequence[str]: ...
    @property
    def version(self) -> str: ...


def labels_missing(wanted: Iterable[str], scorer: Named) -> tuple[str, ...]:
    """The wanted labels that the scorer does not give, in the order wanted, each once."""
    given = set(scorer.labels)
    return tuple(dict.fromkeys(label for label in wanted if label not in given))


def require_labels(wanted: Iterable[str], scorer: Named, where: str) -> None:
    """Nothing, where all are given. Raises MissingLabelError; `where` opens its message ("policy.toml: labels")."""
    missing = labels_missing(wanted, scorer)
    if missing:
        raise MissingLabelError(
            f"{where}: {', '.join(missing)}: {scorer.version} does not give it; expected one of "
            f"{', '.join(scorer.labels)}; refused"
        )
