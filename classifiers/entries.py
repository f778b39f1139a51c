"""What the manifest says of one model: its files, its labels, how it is read, and what is known about it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
Activation = Literal["sigmoid", "softmax", "none"]
Batching = Literal["alone", "padded"]
LicenceClass = Literal["A", "A-SA", "B", "C"]


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class TrainingSet(Strict):
    """One set a model was trained on, its licence as far as it is known, and what that allows.

    licence_class: A open, A-SA share-alike, B not for commercial use or for research alone, C stated nowhere.
    """

    name: str
    licence: str
    licence_class: LicenceClass | None = None


class LabelFigures(Strict):
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


class Figures(Strict):
    """Figures of one training run. `run` is the file with the whole account: seed, commit, sets, counts."""

    run: str
    target_fpr: Fraction
    thresholds: dict[Label, Fraction]
    labels: dict[Label, LabelFigures]


class Entry(Strict):
    """What every entry says. `labels` are in the order of the scores' columns."""

    labels: tuple[Label, ...] = Field(min_length=1)
    prompt_labels: tuple[Label, ...] = ()  # of `labels`, those that are meant for prompts
    experimental: tuple[Label, ...] = ()  # of `labels`, those with too little evidence to act on
    golden: Path | None = None  # texts and the scores they must have, checked at load: classifiers/golden.py
    golden_sha256: Sha256 | None = None
    licence: str
    summary: str
    intended_use: str
    training_sets: tuple[TrainingSet, ...] = ()
    figures: Figures | None = None

    @model_validator(mode="after")
    def _labels_agree(self) -> Entry:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels: one is named twice; each output has its own")
        for key in ("prompt_labels", "experimental"):
            strangers = sorted(set(getattr(self, key)) - set(self.labels))
            if strangers:
                raise ValueError(f"{key}: {', '.join(strangers)} not in labels")
        if (self.golden is None) != (self.golden_sha256 is None):
            raise ValueError("golden: needs golden_sha256, and that needs golden")
        return self


class ModelEntry(Entry):
    """One model. `labels` are in the order of the model's outputs."""

    kind: Literal["model"] = "model"
    file: Path
    sha256: Sha256
    tokenizer: Path
    tokenizer_sha256: Sha256
    activation: Activation
    max_tokens: int = Field(ge=4)  # tokens a window, with the special tokens the tokenizer adds
    overlap: int = Field(ge=0)  # text tokens that neighbouring windows share
    # padded: windows share a run, for graphs whose result does not depend on padding or neighbours.
    # alone: each window is a run of its own, for those (dynamic int8) where it does.
    batching: Batching = "alone"
    batch_tokens: int = Field(16_384, ge=1)  # windows times longest window in one run, padding included

    @model_validator(mode="after")
    def _overlap_fits(self) -> ModelEntry:
        if self.overlap >= self.max_tokens:
            raise ValueError(f"overlap: {self.overlap} is not less than max_tokens {self.max_tokens}")
        return self


class Band(Strict):
    """Screen scores `[low, high)` of one label that the encoder is asked about; low = high: never because of it."""

    low: Fraction
    high: Fraction

    @model_validator(mode="after")
    def _in_order(self) -> Band:
        if self.low > self.high:
            raise ValueError(f"low: {self.low} is above high {self.high}")
        return self


class CascadeEntry(Entry):
    """Two models of the same manifest: the screen reads every window, the encoder those in a band."""

    kind: Literal["cascade"]
    screen: str
    encoder: str
    bands: dict[Label, Band]
    budget: str  # what the bands were chosen to cost, in words
    traffic: Path | None = None  # the screen's scores on a stated mix of texts: classifiers/sample.py
    traffic_sha256: Sha256 | None = None

    @property
    def idle(self) -> frozenset[str]:
        """Labels that nobody acts on unless a threshold names them: experimental, or asked of prompts alone."""
        return frozenset({*self.experimental, *self.prompt_labels})

    @model_validator(mode="after")
    def _bands_agree(self) -> CascadeEntry:
        if set(self.bands) != set(self.labels):
            odd = ", ".join(sorted(set(self.bands) ^ set(self.labels)))
            raise ValueError(f"bands: {odd}: expected one band for each of labels, and no other")
        if (self.traffic is None) != (self.traffic_sha256 is None):
            raise ValueError("traffic: needs traffic_sha256, and that needs traffic")
        return self
