"""Classifiers: texts in, calibrated scores out. Usable alone: `load().score(["a text"]).values`.

Knows text and scores; knows no Kafka, Redis, policy or clock. ONNX Runtime and tokenizers only at run time.
"""

from classifiers.cascade import holding
from classifiers.classifier import Classifier, load
from classifiers.coverage import labels_missing, require_labels
from classifiers.errors import (
    ClassifierError,
    ManifestError,
    MissingLabelError,
    ModelFileError,
    ModelMismatchError,
    ScoreError,
    UnknownModelError,
)
from classifiers.manifest import (
    DEFAULT_MANIFEST,
    Figures,
    LabelFigures,
    Manifest,
    ModelEntry,
    TrainingSet,
    find_model,
    read_manifest,
)
from classifiers.scored import Scored, Scorer, Scores, Span

__all__ = [
    "DEFAULT_MANIFEST",
    "Classifier",
    "ClassifierError",
    "Figures",
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
    "Span",
    "TrainingSet",
    "UnknownModelError",
    "find_model",
    "holding",
    "labels_missing",
    "load",
    "read_manifest",
    "require_labels",
]
