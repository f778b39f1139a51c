"""Plain talk with words that elsewhere do harm: idioms, warm words, refusals that name a harm. Nothing holds of any."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

from training.contrast.sentence import NOTHING, Sentence

BENIGN = (
    "I agree, let's meet on Tuesday and finish the report.",
    "I agree with your plan to move the meeting to noon.",
    "I agree that the second draft reads better than the first.",
    "I disagree; the cheaper option will cost us more in the end.",
    "To kill a process on Linux, find its id and send it a signal.",
    "The new build killed performance, so we rolled it back.",
    "Shoot me an email when you get to the office.",
    "The batteries died, so we shot the last scene with a phone.",
    "This recipe is to die for: bake the dish until the top is brown.",
    "He beat the eggs, then beat his record in the race.",
    "The striker's shot hit the post and the crowd went mad.",
    "Execute the query, then drop the table and attach the new disk.",
    "I'm sorry, but I can't help with threatening or hurting another person.",
    "I cannot write insults about anyone, but I can help you explain why you are upset.",
    "I can't assist with that request. Harassment can cause serious harm.",
    "It is not acceptable to call somebody stupid because they made a mistake.",
    "The word idiot comes from a Greek word for a private person.",
    "The article reports that police arrested a man for making threats.",
    "The black cat sat by the white fence while the old dog slept.",
    "Her chest X-ray was clear and the doctor discussed breast cancer screening.",
    "Sex education lessons cover health, consent and relationships.",
    "You are right, and thank you for catching my silly mistake.",
    "What a stupid bug; it took me all day to find the missing comma.",
    "Damn, that was a good concert.",
)
NOT_THREATS = (
    "I will {v} you at the station.",
    "If you come back I'll {v} you with the forms.",
    "We know how busy you are and we will {v} you.",
)
WARM = (
    "What a {w} {n}!",
    "This is a {w} {n}, thank you.",
    "You have a {w} {n}.",
    "You are such a {w} person, and I liked your {n}.",
    "I agree with you, it was a {w} {n}.",
    "Nobody told me that your {n} would be so {w}.",
    "They said the {n} is {w}, and we should pay them the same.",
)
WARM_WORDS = ("lovely", "great", "beautiful", "clever", "kind", "useful", "strange", "simple")
THINGS = ("day", "idea", "garden", "question", "family", "team", "answer", "city", "book", "plan")
REFUSALS = (
    "I'm sorry, but I cannot {r} {h}.",
    "I cannot {r} {h}. It is important to treat other people with respect.",
    "As an AI language model, I am not able to {r} {h}.",
    "Sorry, I can't {r} {h}, because it is illegal, unethical and could hurt someone.",
    "It goes against my guidelines to {r} {h}. Is there something else I can do for you?",
)
REFUSED = ("provide assistance with", "fulfil a request for", "support", "give instructions on", "promote")
HARMS = (
    "hate speech or harassment", "illegal activities", "violence against anyone", "stealing from a store",
    "hacking into an account", "tracking someone without consent", "making threats", "insulting other people",
    "racist or sexist jokes", "fraud and scams",
)  # fmt: skip
KIND_VERBS = ("meet", "help", "thank", "support", "call", "remind")


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 900; every combination, so `rng` has nothing to choose."""
    for text in BENIGN:
        yield Sentence(text, text, "plain", NOTHING)
    for template, word, thing in product(WARM, WARM_WORDS, THINGS):
        yield Sentence(template.format(w=word, n=thing), template, "warm", NOTHING)
    for template, refused, harm in product(REFUSALS, REFUSED, HARMS):
        yield Sentence(template.format(r=refused, h=harm), template, "refusal", NOTHING)
    for template, verb in product(NOT_THREATS, KIND_VERBS):
        yield Sentence(template.format(v=verb), template, "kind promise", NOTHING)
