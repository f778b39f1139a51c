"""The bands of screen scores that the encoder reads: the cheapest found that together keep to a budget on dev."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.figures import auroc, recall_at_fpr

Floats = npt.NDArray[np.float32]
Owners = npt.NDArray[np.int64]

# Shares of the traffic's windows that a label may send by itself: what its band's lower end is tried at.
SHARES = (
    1,
    0.5,
    0.4,
    0.3,
    0.25,
    0.2,
    0.17,
    0.14,
    0.12,
    0.1,
    0.08,
    0.065,
    0.05,
    0.04,
    0.03,
    0.02,
    0.014,
    0.01,
    0.005,
    0,
)
# Nothing is settled from above: where the screen is surest, negation and quotation fool it most, and few windows of
# traffic lie there. Every band ends at 1.
HIGH = 1.0


class Budget(NamedTuple):
    """What the cascade may lose against the encoder reading every window, on dev."""

    recall: float  # of each label's recall at the false-positive rate below
    fpr: float
    auroc: float  # of toxicity's AUROC, and of the labels' mean

    def __str__(self) -> str:
        return (
            f"on dev, at most {self.recall:.1%} of each label's recall at {self.fpr:.0%} false positives, and "
            f"{self.auroc:.3f} of AUROC, of toxicity and of the labels' mean, less than the encoder alone"
        )


class Windows(NamedTuple):
    """Windows of some texts: what the screen said of each, and, where known, the encoder."""

    owner: Owners  # (W,) index of the text
    screen: Floats  # (W, L)
    encoder: Floats | None = None  # (W, L)


class Band(NamedTuple):
    """Half-open [low, high) of screen scores."""

    low: float
    high: float


class Loss:
    """What bands lose on dev: they are tried together, since a window sent for one label is read for all."""

    def __init__(self, y: Floats, w: Floats, dev: Windows, labels: Sequence[int], budget: Budget) -> None:
        """y, w: (N, L) of dev's texts. labels: the columns that bands are chosen for; the first is toxicity."""
        assert dev.encoder is not None  # noqa: S101
        self._dev, self._encoder, self._labels, self._budget = dev, dev.encoder, labels, budget
        self._known = {j: w[:, j] > 0 for j in labels}
        self._truth = {j: y[self._known[j], j] for j in labels}
        self._texts = len(y)
        self._alone = {j: self._figures(j, dev.encoder[:, j]) for j in labels}

    def fits(self, sent: npt.NDArray[np.bool_]) -> bool:
        """Whether the budget is kept where these windows of dev are the encoder's and the others the screen's."""
        lost = []
        for j in self._labels:
            area, found = self._figures(j, np.where(sent, self._encoder[:, j], self._dev.screen[:, j]))
            if found < self._alone[j][1] - self._budget.recall:
                return False
            lost.append(self._alone[j][0] - area)
        return max(lost[0], float(np.mean(lost))) <= self._budget.auroc

    def _figures(self, j: int, windows: Floats) -> tuple[float, float]:
        scores = np.zeros(self._texts, np.float32)
        np.maximum.at(scores, self._dev.owner, windows)
        scores = scores[self._known[j]]
        return auroc(self._truth[j], scores), recall_at_fpr(self._truth[j], scores, self._budget.fpr)


def choose(
    y: Floats, w: Floats, dev: Windows, traffic: Windows, labels: Sequence[int], budget: Budget
) -> dict[int, Band]:
    """Column -> band, for the columns given (toxicity first).

    Greedy: from the narrowest bands that all labels can have alike, the step that saves the most of the traffic's
    windows and keeps to the budget, until none does.
    """
    loss = Loss(y, w, dev, labels, budget)
    ladder = {j: np.append(np.quantile(traffic.screen[:, j], [1 - s for s in SHARES[:-1]]), 2.0) for j in labels}
    step = dict.fromkeys(labels, 0)

    def sends(screen: Floats, at: dict[int, int]) -> npt.NDArray[np.bool_]:
        return np.any([screen[:, j] >= ladder[j][at[j]] for j in labels], axis=0)

    for start in range(len(SHARES) - 1, -1, -1):  # the last start that all labels can make together
        together = dict.fromkeys(labels, start)
        if loss.fits(sends(dev.screen, together)):
            step = together
            break
    stuck: set[int] = set()
    while len(stuck) < len(labels):
        trials = {j: step | {j: step[j] + 1} for j in labels if j not in stuck and step[j] + 1 < len(SHARES)}
        if not trials:
            break
        j = min(trials, key=lambda j: float(sends(traffic.screen, trials[j]).mean()))
        if loss.fits(sends(dev.screen, trials[j])):
            step = trials[j]
        else:
            stuck.add(j)
        stuck |= {j for j in labels if step[j] + 1 == len(SHARES)}
    return {j: Band(round(min(float(ladder[j][step[j]]), HIGH), 4), HIGH) for j in labels}
