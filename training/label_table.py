"""The first gathering: which set teaches which label, a line each."""

from __future__ import annotations

from training.label_rows import LABELS, Row

# fmt: off
TABLE = (
    # set                     raw label              ours               yes    no   weight
    # Civil Comments; fractions of at least three annotators.
    Row("toxic_spans",          "toxicity",              "toxicity",        0.5,   0.0),
    Row("toxic_spans",          "Insult",                "insult",          0.5,   0.0),
    Row("toxic_spans",          "Identity based Attack", "identity_attack", 0.33,  0.0),
    Row("toxic_spans",          "Profane/Obscene",       "obscene",         0.33,  0.0),
    Row("toxic_spans",          "Threat",                "threat",          0.33,  0.0),
    Row("toxic_spans",          "Threat",                "violence",        0.5,   None,  0.4),  # of it
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
    Row("rtp_perspective",      "threat",                "violence",        0.6,   0.2,   0.4),
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
    # Sexism (Reddit, Gab): a "not sexist" there may well be racist, so little is said of it.
    Row("edos",                 "sexist",                "identity_attack", 0.5,   0.0,   0.3),
    Row("edos",                 "sexist",                "toxicity",        0.5,   None,  0.5),
    Row("edos",                 "threats, plans to harm and incitement", "threat", 0.5, None),
    Row("edos",                 "threats, plans to harm and incitement", "violence", 0.5, None, 0.5),
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
    Row("harmful_prompts",      "harmful_request",       "prompt_injection", None, 1.0),
    Row("harmful_prompts",      "harmful_request",       "jailbreak",       None,  1.0),
    Row("harmful_prompts",      "asks_for_harm",         "harmful_request", 0.5,   None),
    Row("harmful_prompts",      "violence",              "violence",        0.5,   None,  0.5),
    Row("harmful_prompts",      "sexual",                "sexual",          0.5,   None,  0.5),
    Row("jailbreak_prompts",    "jailbreak",             "jailbreak",       0.5,   None),
    Row("injection_other",      "injection",             "prompt_injection", 0.5,  0.0),
    Row("deepset_injections",   "injection",             "prompt_injection", 0.5,  0.0),
    # Read on dev only, for figures: never trained on.
    Row("madlibs_intersectional", "toxic",               "toxicity",        0.5,   0.0),
    # Sentences we write ourselves (contrast/): each says all it knows under our own names.
    *(Row("contrast", label, label, 0.5, 0.0) for label in LABELS),
)
# fmt: on
