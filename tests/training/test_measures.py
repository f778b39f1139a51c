"""Figures of the model card on tables small enough to do by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="training needs the train extra")

from training.evaluate.by_label import false_positives
from training.evaluate.measures import (
    auroc,
    bnsp_auc,
    bpsn_auc,
    counterfactual_gap,
    outcome,
    reliability,
    roc,
    subgroup_auc,
)
from training.figures import recall_at_fpr
from training.label_map import LABELS

#        names the group    names none
#  y      1    0    0        1    1    0
Y = np.array([1, 0, 0, 1, 1, 0], np.float64)
SCORE = np.array([0.7, 0.6, 0.8, 0.9, 0.65, 0.1])
MINE = np.array([True, True, True, False, False, False])


def test_precision_recall_and_f1():
    #  said yes to 0, 2, 3, 4: three of them right; all three positives found
    found = outcome(Y, SCORE >= 0.65)
    assert found.precision == pytest.approx(3 / 4)
    assert found.recall == pytest.approx(3 / 3)
    assert found.f1 == pytest.approx(2 * 0.75 / 1.75)


def test_an_answer_that_is_always_no_finds_nothing():
    assert outcome(Y, np.zeros(6, np.bool_)) == (0, 0, 0)


def test_subgroup_auc_ranks_within_the_group():
    # positive .7 against .6 and .8: above one of two
    assert subgroup_auc(Y, SCORE, MINE, least=1) == pytest.approx(1 / 2)


def test_bpsn_auc_falls_with_harmless_mentions_ranked_high():
    """Above what is toxic elsewhere."""
    # .9 above .6 and .8; .65 above .6 alone: three of four pairs
    assert bpsn_auc(Y, SCORE, MINE, least=1) == pytest.approx(3 / 4)


def test_bnsp_auc_compares_toxic_mentions():
    """With what is harmless elsewhere."""
    # .7 above .1
    assert bnsp_auc(Y, SCORE, MINE, least=1) == 1.0


def test_too_few_of_either_answer_give_no_figure():
    assert subgroup_auc(Y, SCORE, MINE) is None
    assert auroc(Y, SCORE, least=4) is None
    assert auroc(Y, SCORE, least=3) == pytest.approx(7 / 9)  # of nine pairs all but .7 and .65 against .8
    assert roc(Y, SCORE) == []


def test_counterfactual_gap_is_over_pairs_of_one_frame():
    #  frame 1: .1 .2 .4 -> .1 .3 .2, mean .2, largest .3;  frame 2: .5 .5 .6 -> 0 .1 .1, mean .0667
    gap = counterfactual_gap(np.array([[0.1, 0.2, 0.4], [0.5, 0.5, 0.6]]))
    assert gap.mean == pytest.approx((0.6 + 0.2) / 6)
    assert gap.largest == pytest.approx(0.3)


def test_reliability_bins_hold_mean_score_and_share_of_positives():
    bins = reliability(np.array([0, 1, 1, 1]), np.array([0.12, 0.18, 0.95, 1.0]))
    assert bins == [(pytest.approx(0.15), 0.5, 2), (pytest.approx(0.975), 1.0, 2)]


def test_recall_is_taken_above_all_but_the_allowed_negatives():
    y = np.array([0] * 20 + [1] * 4)
    score = np.append(np.arange(20) / 20, [0.93, 0.96, 0.2, 0.99])  # negatives 0.00 .. 0.95; 5% of 20 is one: 0.95
    assert recall_at_fpr(y, score, 0.05) == 0.75
    assert recall_at_fpr(y, score, 0.01) == 0.5


def test_a_harmless_text_is_a_false_positive_once():
    """However many thresholds it is above."""
    scores = np.full((4, len(LABELS)), 0.0)
    for row, label in ((0, "toxicity"), (0, "insult"), (1, "sexual"), (2, "jailbreak")):
        scores[row, LABELS.index(label)] = 0.9
    at = dict.fromkeys(("toxicity", "insult", "sexual", "jailbreak"), 0.5)
    found = false_positives({"made": scores, "empty": scores[:0]}, at, {"sexual"})
    assert found == {
        "made": {
            "texts": 4,
            "labels": {"toxicity": 0.25, "insult": 0.25, "sexual": 0.25, "jailbreak": 0.25},
            "any": 0.5,  # texts 0 and 1; jailbreak is asked of prompts
            "any_not_experimental": 0.25,
        }
    }
