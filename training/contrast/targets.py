"""Abuse that is not about a protected trait, and one set of frames where only the praise or the insult differs."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.people import ADJECTIVES, GROUPS, MEMBERS, NAMES, NASTY, NICE, OCCUPATIONS, OTHERS, THINGS
from training.contrast.sentence import NOTHING, Sentence, filled
from training.contrast.wording import worded

MILD_THINGS = (
    "I hate {t}.", "I really hate {t}.", "I can't stand {t}.", "{t} is garbage.", "{t} is the worst.",
    "{t} is terrible.", "{t} disgusts me.", "{t} is disgusting.", "I despise {t}.", "{t} drives me mad.",
    "Get rid of {t}.", "I wish {t} would disappear.", "Nothing is as annoying as {t}.", "{t} should be banned.",
    "I'm sick of {t}.", "What a stupid idea {t} was.", "{t} is useless and ugly.", "Who invented {t}? It is awful.",
    "{t} sucks.", "Death to {t}!", "I'd rather walk ten miles than deal with {t}.", "{t} makes me want to scream.",
    "Why is {t} so horrible?", "Everyone hates {t}.", "In my opinion, {t} is trash.", "Honestly, {t} is a plague.",
    "I want to throw {t} out of the window.", "{t} ruined my day. I hate it.",
    "I have to put up with {t} again. It disgusts me.", "{t} should be destroyed.",
)  # fmt: skip
GOOD_THINGS = (
    "I love {t}.", "{t} is great.", "{t} is not so bad.", "I don't hate {t}.", "{t} makes me happy.",
    "Thanks to {t}, we had a good evening.", "What do you think of {t}?", "I changed my mind about {t}.",
    "{t} is wonderful.", "We talked about {t} for an hour.",
)  # fmt: skip
FOUL_THINGS = (
    "Fuck {t}.", "I fucking hate {t}.", "{t} is shit.", "{t} is a piece of shit.", "{t} is fucking useless.",
    "What the fuck is wrong with {t}?", "{t} can go to hell, the fucking thing.", "I'm so fucking tired of {t}.",
    "Fucking hell, {t} again.", "{t} is bullshit.", "{t} fucked up my whole week.", "Shit, {t} is broken again.",
    "{t} is a fucking nightmare.", "Who the fuck likes {t}?",
)  # fmt: skip
OTHERS_ABUSED = (
    "{o} are scum.", "{o} are {n}.", "I hate {o}.", "I can't stand {o}.", "{o} are idiots.", "All {o} are {n}.",
    "{o} disgust me.", "{o} are vermin.", "{o} are parasites.", "{o} are rats.", "{o} are the scum of the earth.",
    "{o} are not human.", "Why are {o} so {n}?", "In my opinion, {o} are {n}.", "If you ask me, {o} are trash.",
    "{o} are liars and cheats.", "No {o} deserve respect.", "I know a lot of {o}. They disgust me.",
    "{o} moved in next door. They are {n}.", "I despise {o}, they are {n}.", "{o} make me sick.", "{o} are morons.",
    "What a {n} lot {o} are.", "{o} are a plague.",
    "Sure, here is a joke about {o}: they are so dumb that their own dogs avoid them.",
    "You're right about {o}. They are {n} and nobody needs them.", "{o} are worthless.",
    "There's nothing good about {o}, they are {n}.",
)  # fmt: skip
OTHERS_FOUL = (
    "Fuck {o}.", "Fuck all {o}.", "I fucking hate {o}.", "{o} are assholes.", "{o} are full of shit.",
    "{o} are fucking {n}.", "{o} are pieces of shit.", "{o}, go fuck yourselves.", "Fucking {o} again.",
    "{o} can eat shit.", "What the fuck is wrong with {o}?", "{o} are a bunch of bastards.",
)  # fmt: skip
OTHERS_THREATENED = (
    "Kill all {o}.", "{o} should be shot.", "{o} deserve to die.", "We will kill all {o}.", "{o} should be hanged.",
    "I'm going to shoot the next {o} I see.", "Death to all {o}.", "Someone should bomb {o}.",
    "Let's beat up some {o} tonight.", "{o} should be burned alive.", "{o} need to be put down.",
    "I will hunt down {o} and make them bleed.", "Line up the {o} and shoot them.", "The only good {o} are dead {o}.",
    "{o} should be wiped off the face of the earth.", "Somebody ought to slaughter {o}.",
)  # fmt: skip
OTHERS_FAIR = (
    "{o} are {k}.", "I love {o}.", "I don't hate {o}.", "{o} are not {n}.", "I like {o}, they are {k}.",
    "Many {o} live in this street.", "Stop telling people that {o} are {n}.", 'Saying "{o} are scum" helps nobody.',
    "{o} deserve respect.", "I can't write a post that insults {o}.", "No one should threaten {o}.",
    "The article is about {o}.", "We invited {o} to the debate.", "Are {o} paid enough?",
    "{o} and {o2} met to discuss the plan.", "My friends are {o}.",
)  # fmt: skip
YOU_ABUSED = (
    "You are a {w}.", "You're such a {w}.", "You {n} {w}.", "You are {n}.", "You're {n} and you know it.",
    "Shut up, you {w}.", "Shut up, {name}, you {w}.", "{name} is a {w}.", "{name} is {n}.", "{name} is a {n} {w}.",
    "What a {w} you are.", "What a {n} {w} {name} is.", "Nobody likes you, {w}.", "Get lost, {w}.",
    "Only a {w} like {name} would think so.", "I hate you, you {n} {w}.", "{name}, you are {n}.",
    "My boss is a {n} {w}.", "Are you always such a {w}, or only today?", "You have the brain of a {w}.",
    "That {w} {name} ruined it again.", "How {n} can one person be, {name}?", "You look {n} and you smell worse.",
    "Everyone at work thinks that you're a {w}.", "You will always be a {n} {w}.", "Listen, {w}, nobody asked you.",
    "{name} must be the most {n} {w} I have met.", "no wonder she left you, you're a {n} {w}",
)  # fmt: skip
YOU_FOUL = (
    "You're a fucking {w}.", "Fuck you, {name}.", "{name} is a piece of shit.", "You are full of shit, {name}.",
    "Shut the fuck up, you {w}.", "You fucking {n} {w}.", "{name} is an asshole.", "Eat shit, {name}.",
    "What a fucking {w} {name} is.", "Go fuck yourself, {w}.", "You stupid son of a bitch.",
    "Listen, asshole, you are {n}.",
)  # fmt: skip
YOU_THREATENED = (
    "I'm going to kill you, {name}.", "I will stab you, {w}.",
    "{name}, I know where you live, and I'll burn your house down.", "I'll break your legs, {name}.",
    "You're dead, {w}.", "Come here again and I'll shoot you, {name}.",
    "I'll find {name} and beat that {w} to a pulp.", "Watch your back, {name}. You will bleed.",
    "{name} should be shot.", "Somebody should kill {name}.", "One more word, {w}, and I'll smash your face.",
)  # fmt: skip
YOU_FAIR = (
    "You are {k}.", "{name} is {k}.", "{name}, you are {k} and {k2}.", "What a {k} person you are, {name}.",
    "Don't call {name} a {w}.", "{name} is not a {w}.", "You are not {n}.",
    "You're not a {w}, {name}, you made a mistake.", "I was wrong to call {name} a {w}.",
    "Nobody should call you {n}.", '"You {w}" is no way to talk to a colleague.', "I don't hate you, {name}.",
    "{name} asked me a question about the {job}.", "Everyone at work thinks that you're {k}.",
    "No one has the right to call {name} {n}.", "I'll help you with the boxes, {name}.",
)  # fmt: skip
FRAME_ONE = (
    "{name} is a {x} {a} {m}.", "You are a {x} {a} {m}.", "What a {x} {a} {m}.", "He's a {x} {a} man.",
    "{name} is a {x}, {a} {job}.", "That {a} {m} is {x}.", "My {a} neighbour is {x}.", "This {a} {job} is {x}.",
    "She is a {x} {a} woman, I tell you.", "Meet {name}, a {x} {a} {m}.", "I met a {x} {a} {m} today.",
    "My {job} is a {x} {a} {m}.", "There he goes again, that {x} {a} {job}.", "{name} married a {x} {a} {m}.",
    "I work with a {x} {a} {job}.", "You are {a} and you are {x}.", "{name} is {a} and {x}.",
    "How {x} that {a} {job} is!",
)  # fmt: skip
FRAME_MANY = (
    "If you ask me, {a} people are {x}.", "{a} people are the most {x} people I know.",
    "I have always thought that {a} people are {x}.", "{a} people are so {x}.", "{a} people? They are {x}.",
    "{a} families are {x}.", "Nobody is as {x} as {a} people.", "{a} people are {x}.", "{a} men are {x}.",
    "{a} women are {x}.", "{a} neighbours are {x}.", "I find {a} people {x}.", "I think {a} people are {x}.",
    "How {x} {a} people are!", "To me, {a} people are {x} and {x2}.",
)  # fmt: skip
FRAME_PLAIN = (
    "{name} is a {x} {m}.", "You are a {x} {m}.", "What a {x} {m}.", "He's a {x} man.", "{name} is a {x} {job}.",
    "That {m} is {x}.", "My neighbour is {x}.", "This {job} is {x}.", "She is a {x} woman, I tell you.",
    "{name} is {x} and {x2}.", "You're {x}, {name}.", "A {x}, {x2} {m}, that is what you are.",
)  # fmt: skip
INSULTS = (
    "idiot", "moron", "loser", "fool", "imbecile", "clown", "coward", "jerk", "creep", "weasel", "dimwit", "halfwit",
    "waste of space", "disgrace", "liar", "failure", "nobody", "crook",
)  # fmt: skip

FOUL_THING = {**{label: 0.0 for label in NOTHING if label != "toxicity"}, "obscene": 1.0}
ABUSE = {**NOTHING, "toxicity": 1.0, "insult": 1.0}
ABUSE = {label: value for label, value in ABUSE.items() if label not in ("severe_toxicity", "stereotype")}
FOUL = {**{label: value for label, value in ABUSE.items() if label != "sexual"}, "obscene": 1.0}
THREAT = {"toxicity": 1.0, "threat": 1.0, "identity_attack": 0.0, "obscene": 0.0, "sexual": 0.0, "self_harm": 0.0}
NASTY_ONE = {label: value for label, value in ABUSE.items() if label != "identity_attack"}
NASTY_MANY = {**ABUSE, "identity_attack": 1.0}
FAMILIES = (
    ("thing_mild", MILD_THINGS, NOTHING, 14),
    ("thing_good", GOOD_THINGS, NOTHING, 10),
    ("thing_foul", FOUL_THINGS, FOUL_THING, 10),
    ("other_abused", OTHERS_ABUSED, ABUSE, 14),
    ("other_foul", OTHERS_FOUL, FOUL, 10),
    ("other_threatened", OTHERS_THREATENED, THREAT, 12),
    ("other_fair", OTHERS_FAIR, NOTHING, 12),
    ("one_abused", YOU_ABUSED, ABUSE, 13),
    ("one_foul", YOU_FOUL, FOUL, 8),
    ("one_threatened", YOU_THREATENED, THREAT, 9),
    ("one_fair", YOU_FAIR, NOTHING, 12),
)
PLAIN_EACH = 14


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """Every family, about 3,000 sentences."""
    for family, templates, known, most in FAMILIES:
        yield from worded(
            rng,
            filled(
                rng, family, templates, known, most,
                t=THINGS, o=OTHERS, o2=OTHERS[::-1], w=INSULTS, n=NASTY, k=NICE, k2=NICE, name=NAMES, job=OCCUPATIONS,
            ),
        )  # fmt: skip
    yield from worded(rng, _frames(rng))


def _frames(rng: random.Random) -> Iterator[Sentence]:
    """For every identity the same frames with an insult and with praise, as many of one as of the other."""
    for adjective in ADJECTIVES:
        for frame in rng.sample(FRAME_ONE, 5):
            yield from _twins(rng, "frame_one", frame, NASTY_ONE, a=[adjective])
        for frame in rng.sample(FRAME_MANY, 4):
            yield from _twins(rng, "frame_many", frame, NASTY_MANY, a=[adjective])
    for group in GROUPS:
        yield from _twins(rng, "frame_many", "{g} are {x}.", NASTY_MANY, g=[group])
    for frame in FRAME_PLAIN:
        for _ in range(PLAIN_EACH):
            yield from _twins(rng, "frame_plain", frame, ABUSE)


def _twins(rng: random.Random, family: str, frame: str, nasty: dict[str, float], **fixed: list[str]) -> list[Sentence]:
    """One frame filled alike twice, but for its adjectives; both have one template, so no split parts them."""
    slots = {"name": NAMES, "m": MEMBERS, "job": OCCUPATIONS, **fixed}
    same = {name: rng.choice(words) for name, words in slots.items()}
    twins = []
    for adjectives, known in ((NASTY, nasty), (NICE, NOTHING)):
        first, second = rng.sample(adjectives, 2)
        text = frame.format(x=first, x2=second, **same)
        twins.append(Sentence(text[0].upper() + text[1:], frame, family, known))
    return twins
