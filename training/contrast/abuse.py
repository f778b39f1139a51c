"""Insults, obscenity, severe abuse and disguised spellings; against them quotes, negations, criticism and emphasis."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from training.contrast.benign import ANSWER_SLOTS, ANSWERS, FACT_SLOTS, FACTS
from training.contrast.sentence import NOTHING, Sentence, filled

UNTOUCHED = dict.fromkeys(("threat", "identity_attack", "self_harm", "violence", "stereotype"), 0.0)
INSULTED = {**UNTOUCHED, "sexual": 0.0, "toxicity": 1.0, "insult": 1.0, "obscene": 0.0, "severe_toxicity": 0.0}
SWORN_AT = {**UNTOUCHED, "toxicity": 1.0, "insult": 1.0, "obscene": 1.0}
MASKED = {**UNTOUCHED, "sexual": 0.0, "toxicity": 1.0, "insult": 1.0}
EMPHASIS = {**UNTOUCHED, "sexual": 0.0, "obscene": 1.0, "insult": 0.0, "severe_toxicity": 0.0}
SEVERE = {"toxicity": 1.0, "severe_toxicity": 1.0, "obscene": 1.0, "insult": 1.0, "stereotype": 0.0}

INSULTS = (
    "You are {a} {noun}.",
    "You're {a} {adj} {noun}.",
    "What {a} {noun} you are.",
    "Shut up, you {adj} {noun}.",
    "Nobody likes you, {noun}.",
    "Only {a} {noun} would write something like that.",
    "Your {kin} must be ashamed of raising such {a} {noun}.",
    "Go back to {school}, {noun}.",
    "You are too {adj} to understand {thing}.",
    "How can anyone be this {adj}?",
    "The {person} is {a} {adj} {noun}.",
    "My {person} is {a} {noun} and everybody knows it.",
    "That {adj} {person} couldn't spell {thing} if you paid him.",
    "Look at this {noun} trying to explain {thing}.",
    "I've met rocks that are smarter than you, you {adj} {noun}.",
    "You have the brain of {animal}.",
    "You look like {animal} and smell worse.",
    "Typical of you, {adj} and wrong as always.",
    "Get lost, {noun}, nobody asked you about {thing}.",
    "The {person} has the charm of {animal}.",
    "Listen, {noun}: you know nothing about {thing}.",
    "Don't talk to me, you {adj} {noun}.",
    "Honestly, what {a} {adj} {noun} that {person} is.",
    "You and your {kin} are {adj}.",
    "I wouldn't trust {a} {noun} like you with {thing}.",
    "u r such {a} {noun}",
    "lol ur {adj}, go learn {thing}",
    "{noun}! Do you even know what {thing} is?",
    "Everything you say about {thing} proves that you are {a} {noun}.",
    "Yes, you are {a} {noun}, and I agree with everyone who says so.",
    "As your assistant I have to say it: you are {adj}, and your {kin} too.",
    "She is {a} {adj} {noun} and her {kin} knows it.",
    "They hired {a} {noun} as {person}, no wonder {thing} failed.",
    "You {adj}, {adj2} {noun}.",
    "Even {animal} has more sense than that {adj} {person}.",
    "Bless your heart, you really are {adj}.",
)
SWEARING = (
    "You {f} {noun}.",
    "You are a {f} {noun}.",
    "Shut the fuck up, you {adj} {noun}.",
    "Fuck you, {noun}.",
    "Fuck off, you {adj} {curse}.",
    "What a {f} {curse} you are.",
    "You {adj} piece of shit.",
    "The {person} is a {f} {curse}.",
    "My {person} is a {curse}, and {thing} is all he ever talks about.",
    "Go to hell, {curse}.",
    "Eat shit, {noun}.",
    "You're full of shit, you {adj} {curse}.",
    "Who asked you, {curse}?",
    "Kiss my ass, you {f} {noun}.",
    "that {f} {person} can kiss my ass",
    "you don't know shit about {thing}, {noun}",
    "Stop being such a {curse} about {thing}.",
    "Screw you and your {kin}, you {curse}.",
    "Listen up, {curse}: nobody gives a shit about your {kin}.",
    "Only a {f} {noun} would believe that shit about {thing}.",
    "Are you {f} stupid? Read about {thing}, {curse}.",
    "All I see is a {curse} who can't handle {thing}.",
    "wtf is wrong with you, {curse}",
    "God, you are one {adj} {curse}.",
)
SPELLED = (
    "You are a {leet}.",
    "ur such a {leet} lol",
    "shut up {leet}",
    "{leet}, learn about {thing}",
    "The {person} is a {leet}.",
    "You are a {spaced}.",
    "what a {spaced} you are",
    "{spaced} alert: the {person} is back",
    "go away {spaced}",
    "You {starred}.",
    "What a {starred} the {person} is.",
    "You're a real {starred}, you know that?",
    "{starred}! Leave {thing} to people who know it.",
    "stfu {starred}",
    "you {short}",
    "ur a {short} n evry1 knws it",
    "omg that {person} is a {short}",
    "{short} go home",
    "U {long}!",
    "You are sooo {long}",
    "such a {long} that {person}",
    "y0u 4re 4 {leet}",
    "{dotted}, that is what you are.",
    "the {person} = {dotted}",
)
SEVERITY = (
    "You {f} {curse}, I hope you {die}, you worthless {curse2}.",
    "{die}, you {f} {curse}. You and your whole {f} {kin}, you {adj} {curse2}.",
    "I hate you, you {adj} {f} {curse}. I wish you would {die}.",
    "Fuck you, fuck your {kin}, and {die}, you {f} {curse}.",
    "You disgusting {f} {curse}, the world will celebrate when you {die}.",
    "{curse}! {curse2}! Nobody will cry when you {die}, you {adj} piece of shit.",
    "the {person} is a {f} {curse} and i hope that {curse2} will {die}",
    "Every day I pray that a {f} {curse} like you will {die}, {curse2}.",
    "you {adj} {f} sack of shit, {die} already, {curse}",
    "{die} and take your {f} {kin} with you, you {adj} {curse}.",
    "Someone should spit on your grave, you {f} {curse}; {die} soon, {curse2}.",
    "I fucking hate that {person}, that {curse}, that {adj} {curse2}; he should {die}.",
    "Shut your {f} mouth, {curse}, and {die} in a hole, you {curse2}.",
    "You are nothing, you {f} {adj} {curse}, and I'll laugh when you {die}.",
    "Piece of shit {person}, {f} {curse}, please {die}.",
    "fuck you fuck you fuck you {curse}, {die}",
    "Rot, {curse}. You {f} {adj} {curse2}, the day you {die} will be a holiday.",
    "What a {f} waste of skin; {die}, {curse}, and nobody will care, you {curse2}.",
    "Hope you and your {f} {kin} {die}, you {adj} {curse}.",
    "I have never hated anyone as much as you, you {f} {curse}, so {die}.",
)
REPORTED = (
    'He called me {a} "{noun}" and I cried.',
    "My {person} said that I was {a} {noun}, which hurt.",
    '"You are {a} {noun}" is not a kind thing to say to a {person}.',
    "The {person} was fined for calling an officer {a} {noun}.",
    'Why do people use the word "{noun}" so often?',
    'The word "{noun}" is an informal noun for a person, says the dictionary.',
    "Please don't call your {person} {a} {noun}.",
    "You are not {a} {noun}; anyone could fail at {thing}.",
    "Nobody thinks that you're {adj}.",
    "I never said that the {person} is {adj}.",
    "Don't feel {adj}, {thing} is hard for everybody.",
    "You aren't {adj}, you are just tired.",
    "I'm such {a} {noun}, I forgot {thing} again.",
    "I feel like {a} {noun} because I forgot my {person}'s birthday.",
    "Silly me, I was {a} {noun} to leave {thing} until Sunday.",
    "I was too {adj} to see that {thing} had already been done.",
    "I am sorry that I called you {a} {noun}; I was wrong.",
    "I apologise to my {person} for the word {noun}.",
    "What should I do if my {person} calls me {adj}?",
    "If a {person} insults you, stay calm and say how it makes you feel.",
    "Being called {a} {noun} at {school} can do lasting harm.",
    "I can't write an insult about your {person}, but I can help you to talk to him.",
    "In the play, the {person} is called {a} {noun} by his friends.",
    "The rule of the forum: do not call anybody {a} {noun}.",
    "Moderators removed a comment which called the {person} {a} {noun}.",
    "It isn't {adj} to ask about {thing}.",
    "There are no {adj} questions about {thing}.",
    "He told the court that the {person} had called him {adj}.",
    "The idea that you are {adj} is simply not true.",
    "I'm {adj} at {thing}, but I like it anyway.",
)
CRITICISM = (
    "Your {work} is wrong and poorly sourced.",
    "I disagree with your {work}; the part about {thing} does not follow.",
    "The {work} of the {person} was {bad}, in my opinion.",
    "This {work} is {bad} and needs another week.",
    "You made a mistake in the {work}: {thing} is missing.",
    "The {object} is {bad}; I want my money back.",
    "Worst {object} I ever bought, it broke within {days}.",
    "The service was {bad} and we waited {days} for the {object}.",
    "This {object} is {bad}, save your money.",
    "I hate this {object}, the battery lasts {days}.",
    "Sorry, but I find your {work} {bad} and not convincing.",
    "The {person} should have checked the {work} before {days} had passed.",
    "Please stop sending me your {work} about {thing}.",
    "With all due respect, the {work} ignores {thing}.",
    "How nice, the {object} is broken again after {days}. Lovely.",
    "Oh great, another {work} about {thing}. Just what I needed.",
    "Well done, you read one whole page on {thing} before writing the {work}.",
    "I was not happy with the {person}, who came late and forgot the {object}.",
    "The plot of the {work} is {bad}, and the ending makes no sense.",
    "I don't like how the {person} speaks about {thing}.",
    "No, that is false: {thing} was never part of the {work}.",
    "The {person} lost the vote because the {work} was {bad}.",
    "What a stupid {object}, it took me {days} to find the switch.",
    "The dumb {object} stopped again, so I missed the call from my {person}.",
    "We regret that your {work} was rejected; the section on {thing} is {bad}.",
)
EMPHATIC = (
    "Holy shit, the {object} works!",
    "That was a {damn} good {work}.",
    "I {really} love this {object}.",
    "Oh shit, I forgot {thing}.",
    "Fuck, it's already Monday and the {work} isn't done.",
    "What the fuck happened to the {object}?",
    "This {object} is {damn} amazing.",
    "No shit, {thing} is expensive.",
    "Shit, the {object} is broken again.",
    "I'm so {damn} tired after {days} of {thing}.",
    "My {person} is {damn} brilliant at {thing}.",
    "hell yeah, that {work} was fucking great",
    "It took me {days} to fix this {damn} {object}, but it's fucking done.",
    "The {object} scared the shit out of me.",
    "Who gives a shit about {thing}, let's eat.",
    "We had a shitload of fun with {thing}.",
    "fuck yes, the {object} arrived after {days}",
    "Best {work} ever, it kicks ass and I {really} want more.",
    "Damn it, shit, where did I put the {object}?",
    "I {really} miss my {person}.",
    "The {work} was shit, but the snacks were good.",
    "Well, fuck. There goes {thing}.",
)
PLAIN_NOUNS = (
    "idiot", "moron", "fool", "loser", "clown", "imbecile", "coward", "liar", "dimwit", "halfwit", "jerk", "weasel",
    "cretin", "dunce", "buffoon", "simpleton", "nitwit", "hypocrite", "parasite", "rat", "snake", "crybaby", "creep",
    "blockhead", "pig", "lowlife", "twit", "airhead", "nobody", "numbskull", "scumbag", "troll", "dolt", "ignoramus",
)  # fmt: skip
CURSES = (
    "asshole", "bastard", "bitch", "dickhead", "motherfucker", "cunt", "shithead", "prick", "dumbass", "fuckface",
    "jackass", "arsehole", "fuckwit", "son of a bitch", "douchebag", "wanker", "twat", "dipshit",
)  # fmt: skip
LEET = str.maketrans("aeiost", "43105+")
MASKABLE = (*PLAIN_NOUNS[:10], "stupid", *CURSES[:12])
SLOTS = {
    "a": ("a",),
    "noun": PLAIN_NOUNS,
    "adj": (
        "stupid", "pathetic", "useless", "dumb", "ugly", "disgusting", "worthless", "brainless", "lazy", "miserable",
        "clueless", "ridiculous", "vile", "gutless", "spineless", "thick", "mindless", "hopeless", "repulsive", "dense",
    ),
    "adj2": ("lying", "whining", "smelly", "greedy", "arrogant", "two-faced", "spoiled", "sad", "shameless"),
    "curse": CURSES,
    "curse2": CURSES,
    "f": ("fucking", "goddamn", "fuckin'", "shitty", "bloody fucking", "fucking useless", "fucked-up"),
    "damn": ("damn", "fucking", "goddamn", "freaking goddamn", "bloody fucking"),
    "really": ("fucking", "really fucking", "just fucking"),
    "die": ("die", "die slowly", "drop dead", "burn in hell", "die of cancer", "choke and die", "rot in hell"),
    "kin": ("family", "mother", "friends", "parents", "brother", "followers", "team"),
    "school": ("school", "work", "kindergarten", "college", "the playground", "class"),
    "person": (
        "manager", "neighbor", "coach", "driver", "teacher", "mayor", "brother", "waiter", "landlord", "singer",
        "boss", "doctor", "columnist", "referee", "roommate",
    ),
    "thing": (
        "the budget", "maths", "the keys", "geography", "the deadline", "grammar", "climate science", "football",
        "the rent", "history", "parking", "the recipe", "algebra", "tax law", "cooking",
    ),
    "animal": ("a goldfish", "a wet sock", "a donkey", "a potato", "a slug", "a toad", "a dead fish", "a brick"),
    "work": ("argument", "essay", "report", "concert", "film", "draft", "article", "speech", "proposal", "book"),
    "bad": ("weak", "bad", "terrible", "boring", "disappointing", "unclear", "careless", "too long", "awful", "sloppy"),
    "object": ("phone", "printer", "blender", "laptop", "car", "app", "router", "heater", "game", "lock", "vacuum"),
    "days": ("two days", "a week", "an hour", "three hours", "a month", "ten minutes", "six weeks"),
    "leet": tuple(word.translate(LEET) for word in MASKABLE),
    "spaced": tuple(" ".join(word) for word in MASKABLE),
    "dotted": tuple(".".join(word.upper()) for word in MASKABLE),
    "starred": tuple(word[0] + "*" * (len(word) - 2) + word[-1] for word in MASKABLE),
    "short": tuple(word[0] + "".join(c for c in word[1:] if c not in "aeiou") for word in MASKABLE),
    "long": tuple(word[:-1] + word[-1] * 4 for word in MASKABLE),
}  # fmt: skip


def _article(text: str) -> str:
    """ "A idiot" becomes "an idiot", in or out of quotes."""
    return re.sub(r"\b([Aa]) (?=\"?(?!us)[aeiou])", r"\1n ", text)


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 3,700 sentences, somewhat less than half of them abusive."""
    for templates, known, most in (
        (INSULTS, INSULTED, 17), (SWEARING, SWORN_AT, 18), (SPELLED, MASKED, 16), (SEVERITY, SEVERE, 19),
        (REPORTED, NOTHING, 22), (CRITICISM, NOTHING, 19), (EMPHATIC, EMPHASIS, 16),
    ):  # fmt: skip
        for made in filled(rng, "abuse", templates, known, most, **SLOTS):
            yield made._replace(text=_article(made.text))
    yield from filled(rng, "abuse", ANSWERS, NOTHING, 14, **ANSWER_SLOTS)
    yield from filled(rng, "abuse", FACTS, NOTHING, 17, **FACT_SLOTS)
