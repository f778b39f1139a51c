"""What else runs here without a network, on the same held-out texts: two word filters and a classic two-class model."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline

from training.corpus import Part
from training.evaluate.board import Scores
from training.evaluate.material import AnyHarm
from training.evaluate.measures import Floats, auprc, auroc, outcome
from training.evaluate.names import TFIDF
from training.label_map import LABELS

CHECK = "alt-profanity-check"
WORDS = "better-profanity"
PACKAGES = ("scikit-learn", CHECK, WORDS)
MOST_FEATURES = 200_000  # of each kind; bounds the memory
MOST_CHARACTERS = 400  # of a text that better-profanity reads, which takes it a good part of a second
TOXICITY = LABELS[0]


def tfidf(lessons: AnyHarm, texts: Sequence[str]) -> Floats:
    """(N,) probability of any harm, by a model fitted here on part of the training split."""
    features = FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, max_features=MOST_FEATURES)),
            (
                "letters",
                TfidfVectorizer(
                    analyzer="char_wb", ngram_range=(3, 5), min_df=3, sublinear_tf=True, max_features=MOST_FEATURES
                ),
            ),
        ]
    )
    fitted = Pipeline([("features", features), ("line", LogisticRegression(solver="liblinear", random_state=0, C=4.0))])
    fitted.fit(lessons.texts, lessons.y)
    return np.round(np.asarray(fitted.predict_proba(list(texts))[:, 1], np.float64), 4)


def profanity_check(texts: Sequence[str]) -> Floats:
    """(N,) probability of being offensive, by the linear model that ships with alt-profanity-check."""
    from profanity_check import predict_prob

    return np.round(np.asarray(predict_prob(list(texts)), np.float64), 4)


def better_profanity(texts: Sequence[str]) -> Floats:
    """(N,) 1 where a word of better-profanity's list, or a spelling of one, is found."""
    from better_profanity import profanity

    profanity.load_censor_words()
    return np.array([profanity.contains_profanity(text[:MOST_CHARACTERS]) for text in texts], np.float64)


def side_by_side(
    part: Part,
    scores: Mapping[str, Scores],
    lessons: AnyHarm,
    threshold: float,
    rows: int,
    seed: int,
) -> tuple[dict[str, Any], Floats]:
    """(the tables, the TF-IDF's scores of every text of the part). Toxicity alone, where it is known.

    rows: texts that the slow word list is asked about; the others answer for those as well.
    """
    here = np.flatnonzero(part.w[:, LABELS.index(TOXICITY)] > 0)
    ours = {role: mine[:, LABELS.index(TOXICITY)] for role, mine in scores.items()}
    every = ours | {TFIDF: tfidf(lessons, part.texts), CHECK: profanity_check(part.texts)}
    y = part.y[:, LABELS.index(TOXICITY)]
    chosen = sorted(random.Random(f"{seed} others").sample(here.tolist(), min(rows, len(here))))
    listed = better_profanity([part.texts[i] for i in chosen])
    cuts = dict.fromkeys(ours, threshold) | {TFIDF: 0.5, CHECK: 0.5}
    tables = {
        "packages": {package: version(package) for package in PACKAGES},
        "tfidf_rows": len(lessons.texts),
        "all_sets": {
            name: {"texts": len(here), "auroc": auroc(y[here], s[here]), "auprc": auprc(y[here], s[here])}
            for name, s in every.items()
        },
        "by_set": _by_set(part, every, y, here.tolist()),
        "yes_or_no": {
            name: _answers(y[chosen], answer)
            for name, answer in {WORDS: listed == 1, **{n: s[chosen] >= cuts[n] for n, s in every.items()}}.items()
        },
    }
    return tables, every[TFIDF]


def _by_set(part: Part, every: Mapping[str, Floats], y: Floats, here: Sequence[int]) -> dict[str, Any]:
    """Set -> model -> AUROC and AUPRC, where the set has enough of both answers."""
    table: dict[str, Any] = {}
    for name in sorted(set(part.sets[list(here)].tolist())):
        mine = [i for i in here if part.sets[i] == name]
        for model, score in every.items():
            area = auroc(y[mine], score[mine])
            if area is not None:
                table.setdefault(name, {})[model] = {"auroc": area, "auprc": auprc(y[mine], score[mine])}
    return table


def _answers(y: Floats, yes: Any) -> dict[str, Any]:
    at = outcome(y, yes)
    wrong = yes[y == 0]
    fpr = float(wrong.mean()) if len(wrong) else None
    return {"texts": len(y), "precision": at.precision, "recall": at.recall, "f1": at.f1, "fpr": fpr}


def roc_scores(part: Part, score: Floats) -> Scores:
    """The TF-IDF's scores as a table of all labels, toxicity alone being known."""
    table = np.full(part.y.shape, np.nan)
    table[:, LABELS.index(TOXICITY)] = score
    return table
