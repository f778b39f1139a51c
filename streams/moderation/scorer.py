"""The classifier a process scores with: loaded as the settings name it, and the one in force, which may be swapped."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.classifiers import (
    DEFAULT_MANIFEST,
    CascadeEntry,
    ClassifierError,
    ModelEntry,
    Scored,
    covering,
    find_model,
    labels_missing,
    load,
    read_manifest,
)
from tidegate.classifiers import Scorer as Classifier
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.errors import SettingsError
from tidegate.streams.moderation.scoring import Scorer

log = logging.getLogger(__name__)


def load_scorer(
    classifier: str, manifest: Path | None = None, threads: int = 1, *, named_by: str = "TIDEGATE_CLASSIFIER"
) -> Classifier:
    """A scorer: `name` of the manifest ("" is its default), or `module:factory`, called without arguments.

    threads: runs of a cascade's encoder side by side. A single model scores on its callers' threads.
    Raises SettingsError: what is wrong with the name, the files or the factory.
    """
    if ":" not in classifier:
        try:
            cascade = isinstance(entry_of(classifier, manifest)[1], CascadeEntry)
            return load(classifier or None, manifest=manifest, threads=threads if cascade else 1)
        except ClassifierError as error:
            raise SettingsError(str(error)) from error
    where = f"{named_by}: {classifier}"
    module, _, factory = classifier.partition(":")
    try:
        made: Any = getattr(importlib.import_module(module), factory)()
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"{where}: {error}; expected a name of the manifest or module:factory") from error
    missing = [name for name in ("labels", "version", "score") if not hasattr(made, name)]
    if missing:
        raise SettingsError(f"{where}: gives no {', '.join(missing)}; expected a Scorer")
    _try(made, where)
    scorer: Classifier = made
    return scorer


def entry_of(classifier: str, manifest: Path | None) -> tuple[str, ModelEntry | CascadeEntry]:
    """The name that is meant ("" is the default's), and what the manifest says of it. Raises ManifestError."""
    path = manifest or DEFAULT_MANIFEST
    known = read_manifest(path)
    name = classifier or known.default
    return name, find_model(known, name, path)


def _try(made: Any, where: str) -> None:
    """Scores one word with a scorer of somebody's own: what it gives back must be a `Scored` of one row."""
    try:
        found = made.score(["word"], explain=True)
    except Exception as error:
        raise SettingsError(
            f'{where}: score(["word"], explain=True) raised {type(error).__name__}: {error}; '
            "expected a classifiers.Scored; not started"
        ) from error
    shape = np.shape(found.values) if isinstance(found, Scored) else None
    if shape != (1, len(made.labels)):
        given = type(found).__name__ if shape is None else f"values of shape {shape}"
        raise SettingsError(
            f"{where}: score([one text]) gave {given}; expected a classifiers.Scored with values of shape "
            f"(1, {len(made.labels)}), a row a text and a column a label; not started"
        )


class LiveScorer:
    """The scorer in force. Setting `loaded` swaps it: whoever asked `under` before goes on with the one before.

    changed: told the version that decisions record from now on.
    """

    def __init__(self, loaded: Classifier, changed: Callable[[str], None]) -> None:
        self.loaded = loaded
        self._changed = changed
        self._made: tuple[Classifier, LivePolicy, Scorer] | None = None

    def under(self, live: LivePolicy) -> Scorer:
        """The scorer as a policy needs it: a cascade's bands hold every threshold. Made anew where either changed."""
        if self._made is None or self._made[0] is not self.loaded or self._made[1] is not live:
            wanted = {label: values for label, values in live.thresholds.items() if label in self.loaded.labels}
            if live.shadow is not None and (missing := labels_missing(live.shadow.labels, self.loaded)):
                log.warning(
                    "shadow %s names %s, which %s does not give: the shadow asks for nothing of it",
                    live.shadow.version, ", ".join(missing), self.loaded.version,
                )  # fmt: skip
            self._made = self.loaded, live, covering(self.loaded, wanted)
            self._changed(self._made[2].version)
        return self._made[2]
