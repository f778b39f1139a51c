"""Hard words for oneself, for one's luck and for things; against them the same words for the reader or for others."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.abuse import INSULTED, SWORN_AT
from training.contrast.sentence import NOTHING, Sentence, filled

OPEN = {label: value for label, value in NOTHING.items() if label not in ("toxicity", "obscene")}

SELF = (
    "I was such {an_idiot} for {slip}.",
    "What {an_idiot} I am: I spent an hour {doing}.",
    "I could kick myself for {slip}.",
    "I feel so {dumb} after {slip} in front of {people}.",
    "Silly old me, {doing} again. {recover}",
    "Only {an_idiot} like me could end up {doing}.",
    "I'm {an_idiot}. I just caught myself {doing}. {recover}",
    "My {dumb} brain thought that {slip} was a good plan.",
    "I called myself {an_idiot} all the way home after {slip}.",
    "Sorry, I'm being {dumb} today; could you explain it again?",
    "I'm not the {dumb} one for once, but I did spend the morning {doing}.",
    "God, I'm {dumb}. I have been {doing} since breakfast.",
    "I must have looked like {an_idiot}, {doing} while {people} watched.",
    "Why am I so {dumb}? I keep {doing}. {recover}",
    "It was my own {dumb} fault for {slip}.",
    "i'm {an_idiot} lol, guess who was {doing} all night",
    "Note to self: stop {doing}, you {noun}.",
    "Yesterday's {noun} of the day: me, for {slip}.",
    "Past me was {an_idiot}, so present me pays for {slip}.",
    "Hate to admit it, but I was the {noun} who was caught {doing}.",
    "I'm a terrible cook and a worse driver: last week I was {doing}.",
    "I apologise, I was wrong and {dumb}. I should never have been {doing}.",
    "When I was twenty I was {an_idiot}, {doing} every other weekend.",
    "We were {idiots}, all of us, {doing} in that weather. {recover}",
    "My husband and I felt like {idiots}, {doing} in front of {people}.",
    "Thanks for bearing with {an_idiot} like me. {recover}",
    "You're right, and I was {dumb} to argue. I am sorry for {slip}.",
    "I hate myself a little for {slip}, but it will be a good story. {recover}",
    "As a language model I can't feel {dumb}, but {slip} was my mistake. I apologise.",
    "Ugh, me and my big mouth. {recover}",
)
COMFORT = (
    "You're not {an_idiot} for {slip}. It happens to everyone. {recover}",
    "Please don't call yourself {an_idiot}. Many people end up {doing}.",
    "Everyone has felt {dumb} after {slip}. {recover}",
    "Don't beat yourself up over {slip}. {recover}",
    "It isn't {dumb} to ask; plenty of people find themselves {doing}.",
    "If a friend had been {doing}, would you call her {an_idiot}? Be as kind to yourself.",
    "Feeling like {an_idiot} is part of learning. {recover}",
    "I understand that you feel {dumb} about {slip}, but it can be fixed. {recover}",
    'Harsh words to yourself, such as "I\'m {an_idiot}", rarely help. Try saying what you would do next time.',
)
SWEARING = (
    "I fucked up. I spent the whole day {doing}.",
    "Shit, I'm {an_idiot}, I was {doing} again.",
    "I'm such a dumbass, I caught myself {doing}. {recover}",
    "Damn, I feel like an ass for {slip}.",
    "Well, fuck me, I have been {doing} the whole time.",
    "I was a complete asshole to {people} yesterday and I want to apologise.",
    "Holy crap, I really am {an_idiot}. {recover}",
    "My fucking luck: {doing} while {people} waited.",
)
READER = (
    "You were such {an_idiot} for {slip}.",
    "What {an_idiot} you are, {doing} again.",
    "Someone should kick you for {slip}, you {noun}.",
    "You must feel so {dumb} now. Good. You are {dumb}.",
    "Only {an_idiot} like you could end up {doing}.",
    "You're {an_idiot}. Nobody else would be caught {doing}.",
    "Your {dumb} brain really thought that {slip} was a good plan?",
    "I wasn't the {dumb} one, {noun}. You were the one {doing}.",
    "God, you're {dumb}. You have been {doing} since breakfast.",
    "Why are you so {dumb}? You keep {doing}, and {people} laugh at you.",
    "It was your own {dumb} fault, {noun}, so stop whining about {slip}.",
    "ur {an_idiot} lol, everyone saw you {doing}",
    "{people2} were laughing at you, {noun}, while you were {doing}.",
    "You and your husband are {idiots}, {doing} in front of {people}.",
    "I'm not sorry. You are {an_idiot} and {people} should hear it.",
    "No, you're not just tired, you're {an_idiot}. Stop {doing}.",
    "Yes, you are {an_idiot} for {slip}, and you always will be.",
    "Go on, call yourself {an_idiot}. You deserve it for {slip}.",
    "As your assistant I must say that {slip} shows how {dumb} you are.",
    "I'd call you {an_idiot}, but that would insult every other {noun}.",
)
READER_SWORN = (
    "You fucked up again, {noun}, {doing} like the dumbass you are.",
    "You're such a dumbass, {doing} in front of {people}.",
    "What kind of fucking {noun} spends the day {doing}?",
    "You're a complete asshole, and {people} know it.",
    "Holy shit, you really are {an_idiot}, you worthless prick.",
    "Fuck you and your {dumb} excuses. Stop {doing}, asshole.",
)
DOING = (
    "searching for the glasses on my own nose", "pushing a door that says pull", "waiting at the wrong platform",
    "watering a plastic plant", "arguing with a parking meter", "studying the wrong chapter", "waving at a stranger",
    "ironing a shirt that was already clean", "talking to a dummy in a shop window", "baking without any flour",
    "looking for the car in the wrong garage", "typing in the wrong chat",
)  # fmt: skip
SLIPS = (
    "leaving the stove on", "locking the keys in the car", "mixing up the dates", "trusting a weather app",
    "missing the last train", "putting salt in the tea", "replying to all", "wearing odd shoes to the interview",
    "deleting the only copy of the file", "sending the mail to the wrong list",
)  # fmt: skip
SLOTS = {
    "an_idiot": (
        "an idiot", "a fool", "a moron", "a klutz", "a dummy", "a dope", "a muppet", "a complete idiot", "a clown",
        "a total moron", "an airhead", "a blockhead", "a bonehead",
    ),
    "idiots": ("idiots", "fools", "morons", "clowns", "dummies"),
    "noun": ("idiot", "fool", "moron", "dummy", "clown", "blockhead", "numpty"),
    "dumb": ("dumb", "stupid", "dense", "thick", "silly", "foolish", "daft"),
    "doing": DOING,
    "slip": (*DOING, *SLIPS),
    "people": ("the whole class", "my colleagues", "the neighbours", "strangers", "the in-laws", "the entire team"),
    "people2": ("The neighbours", "The others", "Your colleagues", "The kids in the back row"),
    "recover": (
        "Next time I will write it down.", "We laughed about it later.", "At least nobody was hurt.",
        "Coffee first, thinking later.", "It will be fine.", "You learn from these things.", "No harm done.",
    ),
}  # fmt: skip
YOURS = SLOTS | {
    "doing": tuple(doing.replace("my ", "your ") for doing in SLOTS["doing"]),
    "slip": tuple(slip.replace("my ", "your ") for slip in SLOTS["slip"]),
    "people": tuple(people.replace("my ", "your ") for people in SLOTS["people"]),
}


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 900 sentences, a third of them insults."""
    for templates, known, most, slots in (
        (SELF, NOTHING, 13, SLOTS), (COMFORT, NOTHING, 12, YOURS), (SWEARING, OPEN, 11, SLOTS),
        (READER, INSULTED, 12, YOURS), (READER_SWORN, SWORN_AT, 11, YOURS),
    ):  # fmt: skip
        yield from filled(rng, "self_reproach", templates, known, most, **slots)
