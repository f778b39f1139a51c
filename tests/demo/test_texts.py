"""The model that Tidegate carries sees what the demo's texts are, under the demo's own policy."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tidegate import classifiers
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.demo.run import POLICY_FILE
from tidegate.streams.demo.texts import FINE, INSULTS, STEREOTYPES, fine
from tidegate.streams.policy_log.file import read_policy


@pytest.fixture(scope="module")
def policy() -> Policy:
    return read_policy(POLICY_FILE)


@pytest.fixture(scope="module")
def model() -> classifiers.Classifier:
    return classifiers.load()


def hits(model: classifiers.Classifier, policy: Policy, texts: Sequence[str], labels: Sequence[str]) -> list[str]:
    """The texts that reach the lowest threshold of one of the labels."""
    columns = [(model.labels.index(label), policy.labels[label].flag) for label in labels]
    rows = model.score(texts).values
    return [
        text
        for text, row in zip(texts, rows, strict=True)
        if any(isinstance(flag, float) and round(float(row[column]), 4) >= flag for column, flag in columns)
    ]


def test_every_insult_is_seen(model: classifiers.Classifier, policy: Policy) -> None:
    assert hits(model, policy, INSULTS, ["toxicity", "insult"]) == list(INSULTS)


def test_most_insults_count_as_toxicity(model: classifiers.Classifier, policy: Policy) -> None:
    assert len(hits(model, policy, INSULTS, ["toxicity"])) >= 0.8 * len(INSULTS)


def test_most_stereotypes_are_seen(model: classifiers.Classifier, policy: Policy) -> None:
    assert len(hits(model, policy, STEREOTYPES, ["stereotype"])) >= 0.8 * len(STEREOTYPES)


def test_fine_answers_are_left_alone(model: classifiers.Classifier, policy: Policy) -> None:
    rng = random.Random(11)
    texts = [fine(rng, tenant) for tenant in FINE for _ in range(150)]
    found = hits(model, policy, texts, list(policy.labels))
    assert len(found) < 0.03 * len(texts), found[:3]
