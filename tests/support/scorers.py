"""Classifiers for tests, named as `tests.support.scorers:factory`: the text scripts its own scores.

A text may hold `toxicity=0.91 insult=0.4`, its scores and their spans, and words that fail: RAISE, HANG, ABORT, NAN;
MUTE fails when it is explained. In a cascade, `toxicity=0.5!` is the encoder's score, others the screen's.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Sequence

import numpy as np

from tidegate.classifiers import Scored, Span

LABELS = (
    "toxicity",
    "insult",
    "threat",
    "obscene",
    "identity_attack",
    "stereotype",
    "severe_toxicity",
    "sexual",
    "self_harm",
    "illicit",
)
RELEASE = threading.Event()  # what HANG waits for: never set in a worker, at the end of a test so that it can exit
_SCRIPT = re.compile(r"\b([a-z_]{1,20})=([01](?:\.\d+)?)(!?)")


class ScriptedScorer:
    """Returns the scores in the text, and fails on its words."""

    labels = LABELS
    version = "scripted@1"

    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored:
        scores = np.zeros((len(texts), len(LABELS)), np.float32)
        for row, text in zip(scores, texts, strict=True):
            if "RAISE" in text:
                raise ValueError(text)
            if "HANG" in text:
                RELEASE.wait()
            if "ABORT" in text:
                os.abort()
            if "MUTE" in text and explain:
                raise ValueError(text)
            for label, score, _ in _SCRIPT.findall(text):
                if label in LABELS:
                    row[LABELS.index(label)] = float(score)
            if "NAN" in text:
                row[0] = np.nan
        return Scored(scores, spans=[_spans(text) for text in texts] if explain else None)


def _spans(text: str) -> list[Span]:
    return [Span(m.start(), m.end(), m[1], float(m[2])) for m in _SCRIPT.finditer(text) if m[1] in LABELS]


class CascadeScorer(ScriptedScorer):
    """ScriptedScorer that also returns which model gave each score."""

    version = "cascade@1"

    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored:
        scored = super().score(texts, explain=explain)
        flags = np.zeros(scored.values.shape, np.bool_)
        for row, text in zip(flags, texts, strict=True):
            for label, _, encoder in _SCRIPT.findall(text):
                if encoder and label in LABELS:
                    row[LABELS.index(label)] = True
        return Scored(scored.values, flags, scored.spans, int(flags.any(axis=1).sum()))


class ZeroScorer:
    """Scores 0.0: a run with it costs everything except scoring."""

    labels = LABELS
    version = "zeros@1"

    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored:
        return Scored(np.zeros((len(texts), len(LABELS)), np.float32))


def scripted() -> ScriptedScorer:
    return ScriptedScorer()


def zeros() -> ZeroScorer:
    return ZeroScorer()
