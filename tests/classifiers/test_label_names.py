"""Every label of ours says what others call it."""

from __future__ import annotations

from tidegate.classifiers import read_manifest
from tidegate.classifiers.label_names import CRIMES, LABEL_NAMES
from training.label_map import LABELS

MLCOMMONS = {"vcr", "ncr", "src", "cse", "ssh", "iwp", "ipv", "dfm", "hte", "prv", "spc", "sxc"}
PERSPECTIVE = {
    *("TOXICITY", "SEVERE_TOXICITY", "IDENTITY_ATTACK", "INSULT", "PROFANITY", "THREAT"),
    "SEXUALLY_EXPLICIT",
}
OPENAI = {"harassment", "hate", "illicit", "self-harm", "sexual", "violence"}


def test_every_label_that_is_taught_or_shipped_has_its_line():
    assert tuple(LABEL_NAMES) == LABELS
    assert {label for entry in read_manifest().models.values() for label in entry.labels} <= set(LABEL_NAMES)


def test_the_names_are_theirs():
    for names in LABEL_NAMES.values():
        assert {name.split("/")[0] for name in names.openai} <= OPENAI
        assert set(names.perspective) <= PERSPECTIVE
        assert set(names.mlcommons) <= MLCOMMONS
    assert set(CRIMES) <= MLCOMMONS
