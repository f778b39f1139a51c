"""The manifest: which models there are, which files they are, and what is known about each.

One TOML file, `models.toml`; paths in it are relative to it. Reading it touches no model file.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from classifiers.errors import ManifestError, UnknownModelError

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
Activation = Literal["sigmoid", "softmax", "none"]
Batching = Literal["alone", "padded"]

DEFAULT_MANIFEST = Path(__file__).parent / "models.toml"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class TrainingSet(_Strict):
    """One set a model was trained on, and its licence as far as it is known."""

    name: str
    licence: str


class LabelFigures(_Strict):
    """What was measured for one label on held-out texts. Rates are fractions in [0, 1].

    auroc, auprc, recall_at_1pct_fpr: the test split. benign_fpr: share of benign test texts at or above `threshold`.
    threshold: chosen on dev at the manifest's `target_fpr`.
    """

    positives: int = Field(ge=0)
    negatives: int = Field(ge=0)
    auroc: Fraction
    auprc: Fraction
    recall_at_1pct_fpr: Fraction
    threshold: Fraction
    recall_at_threshold: Fraction
    benign_fpr: Fraction
    calibration_error: Fraction


class Figures(_Strict):
    """Figures of one training run. `run` is the file with the whole account: seed, commit, sets, counts."""

    run: str
    target_fpr: Fraction
    thresholds: dict[Label, Fraction]
    labels: dict[Label, LabelFigures]


class ModelEntry(_Strict):
    """One model. `labels` are in the order of the model's outputs."""

    file: Path
    sha256: Sha256
    tokenizer: Path
    tokenizer_sha256: Sha256
    labels: tuple[Label, ...] = Field(min_length=1)
    prompt_labels: tuple[Label, ...] = ()  # of `labels`, those that are meant for prompts
    experimental: tuple[Label, ...] = ()  # of `labels`, those with too little evidence to act on
    activation: Activation
    max_tokens: int = Field(ge=4)  # tokens a window, with the special tokens the tokenizer adds
    overlap: int = Field(ge=0)  # text tokens that neighbouring windows share
    # padded: windows share a run, for graphs whose result does not depend on padding or neighbours.
    # alone: each window is a run of its own, for those (dynamic int8) where it does.
    batching: Batching = "alone"
    batch_tokens: int = Field(16_384, ge=1)  # windows times longest window in one run, padding included
    licence: str
    summary: str
    intended_use: str
    training_sets: tuple[TrainingSet, ...] = ()
    figures: Figures | None = None

    @model_validator(mode="after")
    def _consistent(self) -> ModelEntry:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels: one is named twice; each output has its own")
        for key in ("prompt_labels", "experimental"):
            strangers = sorted(set(getattr(self, key)) - set(self.labels))
            if strangers:
                raise ValueError(f"{key}: {', '.join(strangers)} not in labels")
        if self.overlap >= self.max_tokens:
            raise ValueError(f"overlap: {self.overlap} is not less than max_tokens {self.max_tokens}")
        return self


class Manifest(_Strict):
    """All models, and which one is meant when none is named."""

    default: str
    models: dict[str, ModelEntry] = Field(min_length=1)

    @model_validator(mode="after")
    def _default_exists(self) -> Manifest:
        if self.default not in self.models:
            raise ValueError(f"default: {self.default!r} is not among models ({', '.join(self.models)})")
        return self


def read_manifest(path: Path = DEFAULT_MANIFEST) -> Manifest:
    """The manifest in a file. Raises ManifestError naming every key at fault."""
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ManifestError(f"{path}: no such file; expected a model manifest; no model loaded") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ManifestError(f"{path}: not readable as TOML ({error}); no model loaded") from error
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        raise ManifestError(_explain(path, error)) from error


def find_model(manifest: Manifest, name: str, path: Path = DEFAULT_MANIFEST) -> ModelEntry:
    """The entry of that name. Raises UnknownModelError naming those there are."""
    entry = manifest.models.get(name)
    if entry is None:
        there = ", ".join(sorted(manifest.models))
        raise UnknownModelError(f"{path}: models: no {name!r}, expected one of {there}; no model loaded")
    return entry


def _explain(path: Path, error: ValidationError) -> str:
    lines = []
    for fault in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in fault["loc"]) or "(top)"
        what = "unknown key" if fault["type"] == "extra_forbidden" else fault["msg"].removeprefix("Value error, ")
        lines.append(f"{path}: {where}: {what}")
    return "\n".join(lines) + "; no model loaded"
