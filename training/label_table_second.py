"""The second gathering: answers of language models, requests, people at risk, and more of what several people judged.

Sets of class B (licences.py) have no row: nothing of theirs teaches what is shipped.
"""

from __future__ import annotations

from training.label_rows import Row

# fmt: off
TABLE = (
    # set                     raw label              ours               yes    no   weight
    # Reddit, labelled in a context that is not here, so half the trust. A no there is no abuse of a group either.
    Row("cad",                  "abuse",                 "toxicity",        0.5,   0.0,   0.5),
    Row("cad",                  "IdentityDirectedAbuse", "identity_attack", 0.5,   None,  0.6),
    Row("cad",                  "abuse",                 "identity_attack", None,  0.0,   0.6),
    Row("cad",                  "PersonDirectedAbuse",   "insult",          0.5,   None,  0.6),
    # Written to fool a model, and checked by people: the best there is on negation and quotation.
    Row("dynahate",             "hate",                  "toxicity",        0.5,   0.0),
    Row("dynahate",             "hate",                  "identity_attack", 0.5,   0.0),
    Row("dynahate",             "threatening",           "threat",          0.5,   None),
    Row("dynahate",             "threatening",           "violence",        0.5,   None,  0.5),
    # Comments under a headline that is not here; a no may still be rude.
    Row("fox_news_comments",    "hate",                  "identity_attack", 0.5,   0.0,   0.4),
    Row("fox_news_comments",    "hate",                  "toxicity",        0.5,   None,  0.4),
    # Three annotators, hate, offence or neither. Much of its hate is a slur in passing, so not full trust.
    Row("hatexplain",           "hate",                  "identity_attack", 0.5,   None,  0.7),
    Row("hatexplain",           "hate",                  "toxicity",        0.5,   None,  0.7),
    Row("hatexplain",           "offensive",             "toxicity",        0.5,   None,  0.4),
    Row("hatexplain",           "hate_or_offensive",     "toxicity",        None,  0.0,   0.5),
    Row("hatexplain",           "hate_or_offensive",     "identity_attack", None,  0.0,   0.7),
    # Kinds of hate that safenlp_implicithate (most of these texts) does not name.
    Row("implicit_hate_classes", "stereotypical",        "stereotype",      0.5,   None,  0.4),
    Row("implicit_hate_classes", "threatening",          "threat",          0.5,   None,  0.4),
    Row("implicit_hate_classes", "threatening",          "violence",        0.5,   None,  0.4),
    Row("implicit_hate_classes", "incitement",           "identity_attack", 0.5,   None,  0.4),
    # Written by a model, machine-translated, and often mild.
    Row("kosbi_en",             "stereotype",            "stereotype",      0.5,   None,  0.5),
    Row("kosbi_en",             "prejudice",             "stereotype",      0.5,   None,  0.5),
    Row("kosbi_en",             "discrimination",        "identity_attack", 0.5,   None,  0.5),
    Row("kosbi_en",             "unsafe",                "stereotype",      None,  0.0,   0.5),
    Row("kosbi_en",             "unsafe",                "identity_attack", None,  0.0,   0.5),
    # A toxic sentence and its neutral rewording, which may keep a hostile meaning.
    Row("paradetox",            "toxic",                 "toxicity",        0.5,   0.0,   0.7),
    Row("paradetox",            "toxic",                 "identity_attack", None,  0.0,   0.5),
    Row("political_hof",        "hate_or_offensive",     "toxicity",        0.5,   0.0,   0.4),
    # Social bias: fractions of annotators; what offends may attack nobody's group, what does not attacks none.
    Row("sbic",                 "offensive",             "toxicity",        0.5,   0.49,  0.6),
    Row("sbic",                 "offensive",             "identity_attack", None,  0.49,  0.5),
    Row("sbic",                 "sexual",                "sexual",          0.5,   None,  0.3),
    Row("sbic_implied",         "stereotype",            "stereotype",      0.5,   None,  0.5),
    # People at risk. The label is the forum that a post stood in, or of unknown source: not full trust.
    Row("suicidal_intent_tweets", "suicidal_intent",     "self_harm",       0.5,   0.0,   0.7),
    Row("sdcnl_suicide",        "suicidal",              "self_harm",       0.5,   0.0,   0.4),
    # Answers of language models that help with harm, or do not; judged by people, or by a judge that is a model.
    Row("gptfuzz_responses",    "harmful_response",      "illicit",         0.5,   0.0,   0.8),
    Row("jailbreak_artifacts",  "harmful_response",      "illicit",         0.5,   0.0,   0.8),
    Row("advbench_strings",     "harmful_output",        "illicit",         0.5,   None,  0.4),  # some only threaten
    Row("latent_jailbreak",     "unsafe_response",       "toxicity",        0.5,   0.0,   0.5),
    Row("latent_jailbreak",     "unsafe_response",       "identity_attack", 0.5,   0.0,   0.5),
    Row("latent_jailbreak",     "unsafe_response",       "illicit",         None,  0.0,   0.5),
    # Careful answers on what is dangerous, and refusals that name it: no label holds.
    Row("coconot_benign_responses", "harmful_response",  "*",               None,  0.0,   0.7),
    Row("counsel_replies",      "harmful_response",      "*",               None,  0.0,   0.7),
    Row("caia_safe_replies",    "harmful_response",      "*",               None,  0.0,   0.7),
    # Medicine, commands and history, told plainly.
    Row("medquad_answers",      "assumed_benign",        "*",               None,  1.0),
    Row("pubmedqa_conclusions", "assumed_benign",        "*",               None,  1.0),
    Row("tldr_technical",       "assumed_benign",        "*",               None,  1.0),
    Row("trivia_history",       "assumed_benign",        "*",               None,  1.0),
    Row("medquad_answers",      "assumed_benign",        "prompt",          None,  1.0,   0.5),
    Row("pubmedqa_conclusions", "assumed_benign",        "prompt",          None,  1.0,   0.5),
    Row("tldr_technical",       "assumed_benign",        "prompt",          None,  1.0,   0.5),
    Row("trivia_history",       "assumed_benign",        "prompt",          None,  1.0,   0.5),
    # Requests. One in ten of the first asks for something private rather than harmful.
    Row("sgbench_prompts",      "harmful_request",       "harmful_request", 0.5,   None,  0.6),
    Row("sgbench_prompts",      "harmful_request",       "jailbreak",       None,  1.0,   0.5),
    Row("xsafety_prompts",      "asks_for_harm",         "harmful_request", 0.5,   None,  0.4),
    Row("jade_prompts",         "harmful_request",       "harmful_request", 0.5,   None,  0.2),  # bent on purpose
    # What people ask about safety, and about their own troubles: harmless, whatever it names.
    Row("caia_questions",       "harmless",              "prompt",          None,  1.0),
    Row("counsel_questions",    "harmless",              "prompt",          None,  1.0,   0.5),
    # Attacks in play: much of it is filler. A defence is a system prompt with rules.
    Row("promptshield_db",      "injection",             "prompt_injection", 0.5,  0.0),
    Row("tensor_trust",         "injection",             "prompt_injection", 0.5,  None),
    Row("tensor_trust_defences", "injection",            "prompt_injection", None, 0.0,   0.5),
)
# fmt: on
