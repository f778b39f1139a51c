"""Golden texts: a few sentences of ours and the scores they had when the model was made.

A graph may compute otherwise on another runtime or processor: quantized ones do. Asked once, at load.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import Field, ValidationError

from tidegate.classifiers.entries import Fraction, Label, Strict
from tidegate.classifiers.errors import GoldenMismatchError, ModelFileError
from tidegate.classifiers.scores import Scorer


class GoldenText(Strict):
    """A sentence that we wrote, and what it scores; labels left out are not checked."""

    text: str
    scores: dict[Label, Fraction] = Field(min_length=1)


class Golden(Strict):
    """The file. tolerance: the largest difference of a score that is let pass."""

    tolerance: Fraction
    texts: tuple[GoldenText, ...] = Field(min_length=1)

    def check(self, scorer: Scorer, where: str) -> None:
        """Nothing, where every score is as it was. Raises GoldenMismatchError; its message opens with `where`."""
        found = scorer.score([golden.text for golden in self.texts]).values
        for i, golden in enumerate(self.texts):
            for label, expected in golden.scores.items():
                if label not in scorer.labels:
                    raise GoldenMismatchError(
                        f"{where}: texts[{i}]: {label}: {scorer.version} does not give it, expected one of "
                        f"{', '.join(scorer.labels)}; no model loaded"
                    )
                score = float(found[i, scorer.labels.index(label)])
                if abs(score - expected) > self.tolerance:
                    raise GoldenMismatchError(
                        f"{where}: texts[{i}]: {label}: {scorer.version} gives {score:.4f}, expected {expected:.4f} "
                        f"within {self.tolerance}; no model loaded"
                    )


def read(path: Path, content: bytes) -> Golden:
    """The golden texts in a file. Raises ModelFileError where it is something else."""
    try:
        return Golden.model_validate_json(content)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise ModelFileError(f"{path}: {where}: {fault['msg']}; no model loaded") from None


def write(path: Path, scorer: Scorer, texts: Sequence[str], tolerance: float) -> None:
    """Writes what the scorer gives these texts, to 4 decimals."""
    rows = np.round(scorer.score(texts).values.astype(np.float64), 4).tolist()
    pairs = zip(texts, rows, strict=True)
    golden = tuple(GoldenText(text=t, scores=dict(zip(scorer.labels, row, strict=True))) for t, row in pairs)
    path.write_text(Golden(tolerance=tolerance, texts=golden).model_dump_json(indent=1) + "\n", "utf-8")
