"""The scorer of a process: loads the one that the settings name, and holds the one in force, which may be swapped."""

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
from tidegate.streams.moderation.scoring import TextScorer

log = logging.getLogger(__name__)


def load_scorer(
    classifier: str, manifest: Path | None = None, threads: int = 1, *, named_by: str = "TIDEGATE_CLASSIFIER"
) -> Classifier:
    """Returns a scorer: `name` of the manifest ("" is its default), or `module:factory`, called without arguments.

    threads: parallel runs of a cascade's encoder. A single model scores on its callers' threads.
    Raises SettingsError: what is wrong with the name, the files or the factory.
    """
    if ":" not in classifier:
        try:
            cascade = isinstance(find_entry(classifier, manifest)[1], CascadeEntry)
            return load(classifier or None, manifest=manifest, threads=threads if cascade else 1)
        except ClassifierError as error:
            raise SettingsError(str(error)) from error
    where = f"{named_by}: {classifier}"
    module, _, factory = classifier.partition(":")
    try:
        scorer: Any = getattr(importlib.import_module(module), factory)()
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"{where}: {error}; expected a name of the manifest or module:factory") from error
    missing = [name for name in ("labels", "version", "score") if not hasattr(scorer, name)]
    if missing:
        raise SettingsError(f"{where}: gives no {', '.join(missing)}; expected a Scorer")
    _require_scored(scorer, where)
    custom: Classifier = scorer
    return custom


def find_entry(classifier: str, manifest: Path | None) -> tuple[str, ModelEntry | CascadeEntry]:
    """Returns the model's name ("" is the default) and its entry in the manifest. Raises ManifestError."""
    path = manifest or DEFAULT_MANIFEST
    manifest_read = read_manifest(path)
    name = classifier or manifest_read.default
    return name, find_model(manifest_read, name, path)


def _require_scored(scorer: Any, where: str) -> None:
    """Scores one word with a custom scorer: it must return a `Scored` of one row. Raises SettingsError."""
    try:
        scored = scorer.score(["word"], explain=True)
    except Exception as error:
        raise SettingsError(
            f'{where}: score(["word"], explain=True) raised {type(error).__name__}: {error}; '
            "expected a classifiers.Scored; not started"
        ) from error
    shape = np.shape(scored.values) if isinstance(scored, Scored) else None
    if shape != (1, len(scorer.labels)):
        given = type(scored).__name__ if shape is None else f"values of shape {shape}"
        raise SettingsError(
            f"{where}: score([one text]) gave {given}; expected a classifiers.Scored with values of shape "
            f"(1, {len(scorer.labels)}), a row a text and a column a label; not started"
        )


class LiveScorer:
    """The scorer in force. Setting `loaded` swaps it: a caller of `under` from before goes on with the old one.

    changed: called with the version that decisions record from now on.
    """

    def __init__(self, loaded: Classifier, changed: Callable[[str], None]) -> None:
        self.loaded = loaded
        self._changed = changed
        self._cached: tuple[Classifier, LivePolicy, TextScorer] | None = None

    def under(self, live: LivePolicy) -> TextScorer:
        """Returns the scorer for a policy: a cascade's bands hold every threshold. Rebuilt when either changes."""
        if self._cached is None or self._cached[0] is not self.loaded or self._cached[1] is not live:
            wanted = {label: values for label, values in live.thresholds.items() if label in self.loaded.labels}
            if live.shadow is not None and (missing := labels_missing(live.shadow.labels, self.loaded)):
                log.warning(
                    "shadow %s names %s, which %s does not give: the shadow asks for nothing of it",
                    live.shadow.version, ", ".join(missing), self.loaded.version,
                )  # fmt: skip
            self._cached = self.loaded, live, covering(self.loaded, wanted)
            self._changed(self._cached[2].version)
        return self._cached[2]
