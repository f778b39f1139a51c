"""The band of screen scores that the encoder reads: per label the narrowest that keeps to a stated budget on dev."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.figures import auroc, recall_at_fpr

Floats = npt.NDArray[np.float32]
Owners = npt.NDArray[np.int64]

HIGHS = (0.9, 0.95, 0.98, 0.99, 0.995, 1.0)  # where "plainly not fine" may begin; 1.0 settles nothing from above
LOWS = 48  # candidates for "plainly fine", spread over the traffic's own scores


class Budget(NamedTuple):
    """What the cascade may lose against the encoder on dev, per label."""

    recall: float  # of recall at the false-positive rate below
    fpr: float
    auroc: float

    def __str__(self) -> str:
        return (
            f"on dev, at most {self.recall:.1%} of recall at {self.fpr:.0%} false positives and {self.auroc:.3f} of "
            "AUROC less than the encoder alone"
        )


class Windows(NamedTuple):
    """Windows of some texts: what the screen said of each, and, where known, the encoder."""

    owner: Owners  # (W,) index of the text
    screen: Floats  # (W, L)
    encoder: Floats | None = None  # (W, L)


class Band(NamedTuple):
    """Half-open [low, high) of screen scores; `sent` is the share of the traffic's texts it sends on by itself."""

    low: float
    high: float
    sent: float


def text_scores(owner: Owners, scores: Floats, texts: int) -> Floats:
    """(N,) or (N, L) highest of a text's windows; 0 for a text without any."""
    out = np.zeros((texts, *scores.shape[1:]), np.float32)
    np.maximum.at(out, owner, scores)
    return out


def choose(y: Floats, w: Floats, dev: Windows, traffic: Windows, j: int, budget: Budget) -> Band:
    """The band of label j: of those within the budget, the one that sends the fewest texts of the traffic on.

    y, w: (N, L) of dev's texts. Where no band keeps to the budget, everything above the lowest candidate is sent.
    """
    assert dev.encoder is not None  # noqa: S101
    known = w[:, j] > 0
    said, sure = dev.encoder[:, j], dev.screen[:, j]
    alone = text_scores(dev.owner, said, len(y))[known]
    truth = y[known, j]
    least_recall = recall_at_fpr(truth, alone, budget.fpr) - budget.recall
    least_auroc = auroc(truth, alone) - budget.auroc
    texts = int(traffic.owner.max()) + 1
    strongest = text_scores(traffic.owner, traffic.screen[:, j], texts)
    lows = np.unique(np.round(np.quantile(strongest, 1 - np.geomspace(0.001, 1, LOWS)), 4))

    def kept(low: float, high: float) -> bool:
        mixed = np.where((sure >= low) & ((sure < high) | (high == 1)), said, sure)
        ours = text_scores(dev.owner, mixed, len(y))[known]
        return recall_at_fpr(truth, ours, budget.fpr) >= least_recall and auroc(truth, ours) >= least_auroc

    best = Band(float(lows[0]), 1.0, 1.0)
    for high in HIGHS:
        fits = [float(low) for low in lows if low < high and kept(float(low), high)]
        for low in fits[-1:]:  # the highest that fits sends the fewest
            sent = float(((strongest >= low) & (strongest < high)).mean())
            if sent < best.sent:
                best = Band(low, high, sent)
    return best
