"""What can be wrong with a classifier. Each says what the operator does next; messages say where, what was found,
what was expected and what happens now, and never hold a completion's text."""

from __future__ import annotations


class ClassifierError(Exception):
    """Any error of this package. Read the message; the class below it says what to do."""


class ManifestError(ClassifierError):
    """The manifest cannot be read or says something it may not. Correct the key the message names."""


class UnknownModelError(ManifestError):
    """The manifest has no model of this name. Choose one of the names in the message, or add an entry."""


class ModelFileError(ClassifierError):
    """A file of the model is missing or is not the one that was registered. Fetch or rebuild the file; only where
    the change was meant, put its new sha256 into the manifest."""


class ModelMismatchError(ClassifierError):
    """The file is the right one but does not do what the manifest says (inputs, outputs, number of labels, window).
    Correct the entry to match the export, or export the model again."""


class MissingLabelError(ClassifierError):
    """A label is wanted that the classifier does not give. Take it out of the policy, or load a model that has it."""


class ScoreError(ClassifierError):
    """The model ran and gave something that is not a score (not a number, or the wrong shape). The texts of this call
    have no scores. Score them one by one to find the one at fault; report the model."""


class GoldenMismatchError(ClassifierError):
    """The model gives its golden texts other scores than it had when it was made: another runtime or processor
    computes it otherwise, or the files do not belong together. Do not use it here; run with the versions in the lock
    file, or choose another model."""
