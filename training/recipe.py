"""A recipe: everything that a run can be told, as one small TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Lesson(BaseModel):
    """How one model is taught."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(1, ge=1)
    rate: float = Field(1e-4, gt=0)  # AdamW's peak; the head learns at ten times that
    batch_tokens: int = Field(32_768, ge=128)  # padding included
    trust: float = Field(0.7, ge=0, le=1)  # the teacher's part of a target, beside an answer's
    frozen_layers: int = Field(0, ge=0)  # beside the embeddings; with 0 those learn as well
    seeds: int = Field(1, ge=1)  # models taught so, each with a seed of its own; their word is the mean
    narrow: bool = False  # in bfloat16 on a CPU as well
    varied: float = Field(0.0, ge=0, le=1)  # share of windows also there varied (encoder/variants.py), for its pupils


class EncoderRecipe(BaseModel):
    """How the encoder is taught: the `[encoder]` table of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    summary: str
    intended_use: str
    seed: int = 0
    layers: Literal[3, 6] = 6  # of the two that are taught, the one that is shipped
    max_tokens: int = Field(96, ge=16, le=512)  # a window's, special tokens included
    overlap: int = Field(16, ge=0)  # tokens that neighbouring windows share, where the encoder reads a text by itself
    disguised: float = Field(0.1, ge=0, le=1)  # share of training texts that are also there disguised (disguise.py)
    more_windows: int = Field(150_000, ge=0)  # windows beside each text's chosen one, at most
    deep: Lesson = Lesson(epochs=8, rate=2.5e-4)
    shallow: Lesson = Lesson(epochs=8, rate=2.5e-4)
    again: Lesson = Lesson(epochs=1, rate=1.2e-4, batch_tokens=6144, narrow=True)  # of encoder/goes_on.py


class Recipe(BaseModel):
    """One training run: a screen, an encoder, and the cascade that gives the run its name. Unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    summary: str
    intended_use: str
    screen: str  # the screen's own name
    screen_summary: str
    screen_use: str
    threads: int = Field(2, ge=1)  # encoder runs side by side while it reads dev, test and training windows
    seed: int = 0
    vocab_size: int = Field(16_000, ge=500, le=65_000)
    bigram_rows: int = Field(196_613, ge=100)  # a prime, so that the hash spreads
    trigram_rows: int = Field(98_317, ge=100)  # likewise
    min_df: int = Field(3, ge=1)  # n-grams in fewer training windows than this weigh nothing
    max_tokens: int = Field(64, ge=8, le=160)  # tokens a window; the sums stay exact in float32 up to 170
    overlap: int = Field(16, ge=0)  # tokens that neighbouring windows share
    c: float = Field(8.0, gt=0)  # inverse strength of the L2 penalty
    # Labels whose features are first scaled by their log-count ratio (NB-SVM), and the penalty for those.
    ratio_labels: tuple[str, ...] = ()
    ratio_c: float = Field(2.0, gt=0)
    rounds: int = Field(2, ge=1)  # after the first, a positive text is taught by its strongest window alone
    target_fpr: float = Field(0.01, gt=0, lt=0.2)  # false-positive rate that thresholds are chosen at, on dev
    heldout_cap: int = 2500  # rows of one set in dev and in test, so that no set drowns the others
    test_cap: int = 300  # rows of one set in test that the account of a run is measured on
    distil_windows: int = Field(160_000, ge=100)  # training windows that the encoder reads for the screen, at most
    distil_steps: int = Field(60, ge=1)  # of the optimiser, at most
    distil_trust: float = Field(0.7, ge=0, le=1)  # the encoder's part of a target, beside the label's
    lost_recall: float = Field(0.005, ge=0, lt=1)  # the bands' budget: recall at 1% false positives, on dev
    lost_auroc: float = Field(0.005, ge=0, lt=1)  # and AUROC, of toxicity and of the mean of labels, on dev
    caps: dict[str, int] = {}  # set -> most rows in train
    weights: dict[str, float] = {}  # set -> factor on its rows' weights
    teacher: Lesson = Lesson(epochs=3, rate=6e-5)
    encoder: EncoderRecipe


def read_recipe(path: Path) -> Recipe:
    """The recipe in a file. Raises pydantic.ValidationError with every key at fault."""
    return Recipe.model_validate(tomllib.loads(path.read_text("utf-8")))
