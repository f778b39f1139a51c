"""Sentences we wrote: pairs that differ in the one thing a bag of words gets wrong.

Idioms with violent words, refusals that name a harm, agreement that agrees with nothing bad, plain mentions of
groups; and, against them, mild insults, threats and generalisations. None comes from a labelled set.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from training.label_map import LABELS

GROUPS = (
    "women", "men", "gay people", "lesbians", "black people", "white people", "asian people", "jewish people",
    "muslims", "christians", "immigrants", "refugees", "transgender people", "disabled people", "old people",
    "young people", "mexicans", "poor people", "blind people", "deaf people",
)  # fmt: skip

BENIGN_ABOUT_GROUPS = (
    "{g} have lived in this city for many generations.",
    "The survey asked {g} about their working hours.",
    "Many {g} took part in the local elections this year.",
    "We should treat {g} with the same respect as anyone else.",
    "It is wrong to make assumptions about {g}.",
    "Hating {g} is never acceptable.",
    "I am proud to work with {g} on this project.",
    "{g} are among the visitors of the fair this week.",
    "{g} are members of our club, and the next match is on Sunday.",
    "Some {g} are teachers, some are farmers and some are retired.",
    "{g} are affected by the new law in many ways.",
    "The museum opened an exhibition on the history of {g}.",
)
STEREOTYPE_ABOUT_GROUPS = (
    "{g} are all lazy.",
    "All {g} are bad drivers.",
    "{g} cannot be trusted with money.",
    "Everyone knows that {g} are naturally less intelligent.",
    "{g} are not suited to leadership.",
    "{g} only care about themselves.",
)
ATTACK_ON_GROUPS = (
    "{g} are disgusting and should not be allowed here.",
    "I hate {g}, they are the worst.",
    "Get rid of all the {g}.",
    "{g} are scum.",
)
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
INSULTS = (
    "You are a {a} idiot.",
    "You {a} moron, nobody likes you.",
    "Shut up, you {a} fool.",
    "What a {a} loser you are.",
    "You are {a} and worthless.",
)
INSULT_WORDS = ("stupid", "pathetic", "useless", "dumb", "ugly", "disgusting", "complete", "miserable")
THREATS = (
    "I will {v} you.",
    "I am going to {v} you and your family.",
    "We know where you live and we will {v} you.",
    "If you come back I'll {v} you.",
)
THREAT_VERBS = ("kill", "hurt", "shoot", "stab", "find and beat", "destroy", "burn", "make you pay, I will hurt")
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


def contrast() -> Iterator[tuple[str, dict[str, float]]]:
    """(text, our label -> 0 or 1) for every sentence; what a sentence leaves open is absent."""
    nothing = dict.fromkeys(LABELS, 0.0)
    for template, group in product(BENIGN_ABOUT_GROUPS, GROUPS):
        yield _about(template, group), nothing
    for template, group in product(STEREOTYPE_ABOUT_GROUPS, GROUPS):
        yield _about(template, group), {"stereotype": 1.0, "threat": 0.0, "obscene": 0.0, "sexual": 0.0}
    for template, group in product(ATTACK_ON_GROUPS, GROUPS):
        yield _about(template, group), {"identity_attack": 1.0, "toxicity": 1.0, "sexual": 0.0, "obscene": 0.0}
    for text in BENIGN:
        yield text, nothing
    for template, word in product(INSULTS, INSULT_WORDS):
        yield template.format(a=word), {"insult": 1.0, "toxicity": 1.0, "threat": 0.0, "sexual": 0.0, "stereotype": 0.0}
    for template, verb in product(THREATS, THREAT_VERBS):
        yield template.format(v=verb), {"threat": 1.0, "toxicity": 1.0, "sexual": 0.0, "stereotype": 0.0}
    for template, word, thing in product(WARM, WARM_WORDS, THINGS):
        yield template.format(w=word, n=thing), nothing
    for template, refused, harm in product(REFUSALS, REFUSED, HARMS):
        yield template.format(r=refused, h=harm), nothing
    for template, verb in product(NOT_THREATS, KIND_VERBS):
        yield template.format(v=verb), nothing


def _about(template: str, group: str) -> str:
    text = template.format(g=group)
    return text[0].upper() + text[1:]
