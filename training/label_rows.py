"""The labels, and what a line of the label table says.

A row says: in this set, this raw label at or above `yes` is a yes for ours, at or below `no` is a no, and
anything between, or not in the table, is unknown and masked out of the loss. None switches a side off.
Weight is the row's trust: 1.0 a human label of just this thing, less where it is a proxy or known noisy.
"""

from __future__ import annotations

from typing import NamedTuple

LABELS = (
    "toxicity",
    "severe_toxicity",
    "obscene",
    "insult",
    "threat",
    "identity_attack",
    "sexual",
    "self_harm",
    "violence",
    "stereotype",
    "prompt_injection",
    "jailbreak",
    "illicit",
    "harmful_request",
)
ENOUGH_REAL = 500  # positives from labelled sets in training, under which a label is experimental
PROMPT_LABELS = ("prompt_injection", "jailbreak", "harmful_request")  # asked of prompts alone
OUTPUT_LABELS = tuple(label for label in LABELS if label not in PROMPT_LABELS)

# What a human "not toxic" says of the narrower labels: nobody calls a threat or a slur not toxic.
NOT_TOXIC = ("severe_toxicity", "obscene", "insult", "threat", "identity_attack", "sexual")
GROUPS = {"*": OUTPUT_LABELS, "prompt": PROMPT_LABELS, "not_toxic": NOT_TOXIC}


class Row(NamedTuple):
    """One line of the table; `label` may be "*" (every label of outputs), "prompt" (every label of prompts) or
    "not_toxic" (the narrower ones of outputs)."""

    set: str
    raw: str
    label: str
    yes: float | None
    no: float | None
    weight: float = 1.0
