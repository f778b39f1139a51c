"""Platt scaling on dev: the slope and shift that make logits log-odds.

Done on each text's strongest window; since a positive slope keeps the order, the maximum may be taken before or
after it, and the scaling folds into weights and bias exactly.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

Floats = npt.NDArray[np.floating]


def platt(y: Floats, logit: Floats, w: Floats) -> tuple[float, float]:
    """(slope > 0, shift) minimising the weighted log loss of sigmoid(slope * logit + shift)."""
    if not 0 < y.mean() < 1:
        return 1.0, 0.0
    # Platt's own targets: short of 0 and 1 by what the number of examples cannot tell.
    yes, no = y.sum(), (1 - y).sum()
    target = np.where(y == 1, (yes + 1) / (yes + 2), 1 / (no + 2))

    def loss(at: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        z = np.exp(at[0]) * logit + at[1]
        gap = w * (1 / (1 + np.exp(-np.clip(z, -60, 60))) - target)
        value = (w * (np.logaddexp(0, z) - target * z)).sum()
        return float(value), np.array([(gap * logit).sum() * np.exp(at[0]), gap.sum()])

    found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(-3, 3), (-20, 20)])
    return float(np.exp(found.x[0])), float(found.x[1])
