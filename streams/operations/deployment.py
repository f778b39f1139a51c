"""What an operation is given: where one Tidegate is, and how to tell people what no returned value holds.

`Settings` is a `Deployment`; so is any value with these fields. Operations read no environment.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

from tidegate.streams.policy_log.history import LogDeployment

Advance = Callable[[int], None]  # records done since the last call: for a progress bar
Progress = Callable[[str, int | None], AbstractContextManager[Advance]]  # of what, and how many (None: not known)
Note = Callable[[str], None]  # a line for people, at once: what was left out, what is wrong with the policies log


def unheeded(_: object) -> None:
    """An `Advance` or a `Note` that shows nothing."""


def no_progress(what: str, total: int | None) -> AbstractContextManager[Advance]:
    """A `Progress` that shows nothing."""
    return nullcontext(unheeded)


class Deployment(LogDeployment, Protocol):
    """One Tidegate: its Kafka, its store, its names, and the classifier that its workers load."""

    @property
    def group(self) -> str: ...
    @property
    def live_scopes(self) -> int: ...
    @property
    def classifier(self) -> str: ...
    @property
    def classifier_manifest(self) -> Path | None: ...
