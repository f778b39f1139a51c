"""Which set teaches which label: one readable table, and the targets it gives.

A row says: in this set, this raw label at or above `yes` is a yes for ours, at or below `no` is a no, and
anything between, or not in the table, is unknown and masked out of the loss. None switches a side off.
Weight is the row's trust: 1.0 a human label of just this thing, less where it is a proxy or known noisy.
"""

from __future__ import annotations

from collections.abc import Mapping
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
)
ENOUGH_REAL = 500  # positives from labelled sets in training, under which a label is experimental
PROMPT_LABELS = ("prompt_injection", "jailbreak")  # asked of prompts alone
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


# fmt: off
TABLE = (
    # set                     raw label              ours               yes    no   weight
    # Civil Comments; fractions of at least three annotators.
    Row("toxic_spans",          "toxicity",              "toxicity",        0.5,   0.0),
    Row("toxic_spans",          "Insult",                "insult",          0.5,   0.0),
    Row("toxic_spans",          "Identity based Attack", "identity_attack", 0.33,  0.0),
    Row("toxic_spans",          "Profane/Obscene",       "obscene",         0.33,  0.0),
    Row("toxic_spans",          "Threat",                "threat",          0.33,  0.0),
    # Wikipedia comments, one label each.
    Row("khanhhk_jigsaw_binary", "toxic",                "toxicity",        0.5,   0.0),
    Row("khanhhk_jigsaw_binary", "toxic",                "not_toxic",       None,  0.0),
    Row("robtest_jigsaw_train", "toxic",                 "toxicity",        0.5,   0.0),
    Row("robtest_jigsaw_train", "toxic",                 "not_toxic",       None,  0.0),
    Row("ak_wiki_toxic_binary", "toxic",                 "toxicity",        0.5,   0.0),
    Row("surge_toxicity",       "toxic",                 "toxicity",        0.5,   0.0),
    Row("surge_toxicity",       "toxic",                 "not_toxic",       None,  0.0),
    Row("jigsaw_multi_small",   "toxic",                 "toxicity",        0.5,   0.0),
    Row("jigsaw_multi_small",   "severe_toxic",          "severe_toxicity", 0.5,   0.0),
    Row("jigsaw_multi_small",   "obscene",               "obscene",         0.5,   0.0),
    Row("jigsaw_multi_small",   "threat",                "threat",          0.5,   0.0),
    Row("jigsaw_multi_small",   "insult",                "insult",          0.5,   0.0),
    Row("jigsaw_multi_small",   "identity_hate",         "identity_attack", 0.5,   0.0),
    # Machine scores (Perspective) on half sentences; the middle of the scale is left out.
    Row("rtp_perspective",      "toxicity",              "toxicity",        0.6,   0.25),
    Row("rtp_perspective",      "severe_toxicity",       "severe_toxicity", 0.5,   0.2),
    Row("rtp_perspective",      "profanity",             "obscene",         0.6,   0.25),
    Row("rtp_perspective",      "insult",                "insult",          0.6,   0.25),
    Row("rtp_perspective",      "threat",                "threat",          0.5,   0.25),
    Row("rtp_perspective",      "identity_attack",       "identity_attack", 0.5,   0.25),
    Row("rtp_perspective",      "sexually_explicit",     "sexual",          0.5,   0.25),
    # Tweets; "offensive" there is mostly one swear word, often in dialect: little trust.
    Row("davidson",             "hate",                  "identity_attack", 0.5,   None,  0.5),
    Row("davidson",             "hate",                  "toxicity",        0.5,   None,  0.5),
    Row("davidson",             "offensive_frac",        "toxicity",        0.99,  0.0,   0.2),
    Row("davidson",             "offensive_frac",        "obscene",         0.99,  None,  0.2),
    Row("davidson",             "hate_frac",             "identity_attack", None,  0.0,   0.2),
    Row("tweeteval",            "offensive",             "toxicity",        0.5,   0.0,   0.5),
    Row("tweeteval",            "offensive",             "not_toxic",       None,  0.0,   0.5),
    Row("tweeteval",            "hate",                  "identity_attack", 0.5,   0.0,   0.5),
    Row("tweeteval",            "hate",                  "toxicity",        0.5,   None,  0.5),
    # Sexism (Reddit, Gab): a "not sexist" there may well be racist, so little is said of it.
    Row("edos",                 "sexist",                "identity_attack", 0.5,   0.0,   0.3),
    Row("edos",                 "sexist",                "toxicity",        0.5,   None,  0.5),
    Row("edos",                 "threats, plans to harm and incitement", "threat", 0.5, None),
    Row("edos",                 "derogation",            "insult",          0.5,   None,  0.5),
    Row("edos",                 "prejudiced discussions", "stereotype",     0.5,   None),
    Row("edos",                 "sexist",                "stereotype",      None,  0.0,   0.3),
    # Group hate, explicit and implied; a "not hate" there is a neutral mention of a group.
    Row("safenlp_toxigen",      "hate",                  "identity_attack", 0.5,   0.0),
    Row("safenlp_toxigen",      "toxicity_human_1to5",   "toxicity",        3.5,   2.0),
    Row("safenlp_toxigen",      "toxicity_human_1to5",   "stereotype",      None,  1.5,   0.5),
    Row("safenlp_implicithate", "hate",                  "identity_attack", 0.5,   0.0,   0.5),
    Row("safenlp_implicithate", "hate",                  "toxicity",        0.5,   None,  0.3),
    Row("toxigen_seeds",        "hate",                  "identity_attack", 0.5,   0.0),
    Row("toxigen_seeds",        "hate",                  "toxicity",        0.5,   0.0),
    Row("toxigen_seeds",        "hate",                  "stereotype",      None,  0.0),
    Row("hatemoji_build",       "hate",                  "identity_attack", 0.5,   0.0),
    Row("hatemoji_build",       "hate",                  "toxicity",        0.5,   0.0),
    Row("vicomtech",            "hate",                  "identity_attack", 0.5,   0.0,   0.5),
    Row("vicomtech",            "hate",                  "toxicity",        0.5,   None,  0.5),
    # Said to a bot.
    Row("convabuse",            "abuse_frac",            "toxicity",        0.6,   0.0),
    Row("convabuse",            "sex_harassment",        "sexual",          0.5,   None),
    Row("convabuse",            "intellectual",          "insult",          0.5,   None),
    Row("convabuse",            "abuse_frac",            "not_toxic",       None,  0.0),
    # Said by a bot.
    Row("diasafety",            "Offending User",        "toxicity",        0.5,   None,  0.5),
    Row("diasafety",            "Offending User",        "insult",          0.5,   None,  0.5),
    Row("diasafety",            "Biased Opinion",        "stereotype",      0.5,   None,  0.5),
    Row("diasafety",            "unsafe",                "stereotype",      None,  0.0,   0.3),
    Row("decodingtrust_stereotype", "agrees_with_stereotype", "stereotype", 0.5,   0.0),
    # An answer that rejects a stereotype, or refuses, is taken to be civil
    # ("not_rejecting" is 1 less the set's own `rejects_stereotype`).
    Row("decodingtrust_stereotype", "not_rejecting",     "toxicity",        None,  0.0,   0.5),
    Row("decodingtrust_stereotype", "not_rejecting",     "not_toxic",       None,  0.0,   0.5),
    # Stereotypes as sentences.
    Row("redditbias",           "biased",                "stereotype",      0.5,   0.0,   0.3),
    Row("stereoset",            "stereotype",            "stereotype",      0.5,   0.0,   0.2),
    Row("crows_pairs",          "stereotype",            "stereotype",      0.5,   0.0,   0.3),
    # Assumed benign: no label at all holds. A preferred answer is weak evidence, and weighs so.
    Row("dolly_benign_responses", "assumed_benign",      "*",               None,  1.0),
    Row("bold_wiki_benign",     "assumed_benign",        "*",               None,  1.0),
    Row("benign_prompts",       "benign_prompt",         "*",               None,  1.0),
    Row("hh_rlhf_harmless",     "dispreferred_weak",     "*",               None,  0.0,   0.3),
    # Prompts: an ordinary one, and a plainly harmful one, neither injects nor breaks out.
    Row("benign_prompts",       "benign_prompt",         "prompt",          None,  1.0),
    Row("dolly_benign_responses", "assumed_benign",      "prompt",          None,  1.0,   0.5),
    Row("harmful_prompts",      "harmful_request",       "prompt",          None,  1.0),
    Row("harmful_prompts",      "violence",              "violence",        0.5,   None,  0.5),
    Row("harmful_prompts",      "sexual",                "sexual",          0.5,   None,  0.5),
    Row("jailbreak_prompts",    "jailbreak",             "jailbreak",       0.5,   None),
    Row("injection_other",      "injection",             "prompt_injection", 0.5,  0.0),
    Row("deepset_injections",   "injection",             "prompt_injection", 0.5,  0.0),
    # Sentences we write ourselves (contrast/): each says all it knows under our own names.
    *(Row("contrast", label, label, 0.5, 0.0) for label in LABELS),
    # Read on dev only, for figures: never trained on.
    Row("madlibs_intersectional", "toxic",               "toxicity",        0.5,   0.0),
)
# fmt: on

SETS = tuple(dict.fromkeys(row.set for row in TABLE))
BENIGN = ("dolly_benign_responses", "bold_wiki_benign", "benign_prompts", "hh_rlhf_harmless")


def targets(set_name: str, raw: Mapping[str, float]) -> dict[str, tuple[int, float]]:
    """Our label -> (1 yes or 0 no, weight) for one text; a label that is absent is unknown.

    Of several rows on one label a yes wins over a no, then the earlier row over the later.
    """
    found: dict[str, tuple[int, float]] = {}
    for row in ROWS_BY_SET[set_name]:
        value = raw.get(row.raw)
        if value is None:
            continue
        if row.yes is not None and value >= row.yes:
            answer = 1
        elif row.no is not None and value <= row.no:
            answer = 0
        else:
            continue
        for label in _meant(row.label):
            known = found.get(label)
            if known is None or (answer == 1 and known[0] == 0):
                found[label] = (answer, row.weight)
    return found


def _meant(label: str) -> tuple[str, ...]:
    return GROUPS.get(label, (label,))


ROWS_BY_SET = {name: tuple(row for row in TABLE if row.set == name) for name in SETS}
