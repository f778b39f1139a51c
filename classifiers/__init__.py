"""Classifiers: texts in, calibrated scores out. Usable alone: `load().score(["a text"]).values`.

Knows text and scores; knows no Kafka, Redis, policy or clock. ONNX Runtime and tokenizers only at run time.
"""

from tidegate.classifiers.cascade import Cascade, covering
from tidegate.classifiers.classifier import Classifier
from tidegate.classifiers.entries import Band, CascadeEntry, Entry, Figures, LabelFigures, ModelEntry, TrainingSet
from tidegate.classifiers.errors import (
    ClassifierError,
    GoldenMismatchError,
    ManifestError,
    MissingLabelError,
    ModelFileError,
    ModelMismatchError,
    ScoreError,
    UnknownModelError,
)
from tidegate.classifiers.labels import labels_missing, require_labels
from tidegate.classifiers.loading import load
from tidegate.classifiers.manifest import DEFAULT_MANIFEST, Manifest, find_model, read_manifest
from tidegate.classifiers.sample import Share
from tidegate.classifiers.scores import Scored, Scorer, Scores, Span

__all__ = [
    "DEFAULT_MANIFEST",
    "Band",
    "Cascade",
    "CascadeEntry",
    "Classifier",
    "ClassifierError",
    "Entry",
    "Figures",
    "GoldenMismatchError",
    "LabelFigures",
    "Manifest",
    "ManifestError",
    "MissingLabelError",
    "ModelEntry",
    "ModelFileError",
    "ModelMismatchError",
    "ScoreError",
    "Scored",
    "Scorer",
    "Scores",
    "Share",
    "Span",
    "TrainingSet",
    "UnknownModelError",
    "covering",
    "find_model",
    "labels_missing",
    "load",
    "read_manifest",
    "require_labels",
]
