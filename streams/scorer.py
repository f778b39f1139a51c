"""The classifier a process scores with, as the settings name it: one of the manifest, or one of your own."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import cast

from classifiers import ClassifierError, load
from streams.errors import SettingsError
from streams.scoring import Scorer


def load_scorer(classifier: str, manifest: Path | None = None) -> Scorer:
    """A scorer: `name` of the manifest ("" is its default), or `module:factory`, called without arguments.

    Raises SettingsError: what is wrong with the name, the files or the factory.
    """
    if ":" not in classifier:
        try:
            return load(classifier or None, manifest=manifest)
        except ClassifierError as error:
            raise SettingsError(str(error)) from error
    module, _, factory = classifier.partition(":")
    try:
        made = getattr(importlib.import_module(module), factory)()
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"TIDEGATE_CLASSIFIER: {classifier}: {error}; expected a name of the manifest or module:factory"
        ) from error
    missing = [name for name in ("labels", "version", "score") if not hasattr(made, name)]
    if missing:
        raise SettingsError(f"TIDEGATE_CLASSIFIER: {classifier}: gives no {', '.join(missing)}; expected a Scorer")
    return cast(Scorer, made)
