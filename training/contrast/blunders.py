"""More hard words for oneself, tenderly for others, and told of; against them the same words meant."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.abuse import INSULTED, SWORN_AT
from training.contrast.sentence import NOTHING, Sentence, filled

MINE = (
    "I, {a_fool}, {did} and only noticed at {place}.",
    "Behold {a_fool}: I {did}.",
    "This {fool} here {did}. {shrug}",
    "Who {did}? Me, the {fool} of the house.",
    "I {did}, because apparently I am {a_fool}.",
    "I was {a_fool} at {place} again, and I {did}. {shrug}",
    "Proof that I'm {a_fool}: I {did} twice in one week.",
    "I am {adverb} {dim}; I {did} before breakfast.",
    "How {dim} can I be? I {did}. {shrug}",
    "Sometimes I'm so {dim} that I frighten myself. {shrug}",
    "It was {dim} of me to go to {place} without a map.",
    "I felt {adverb} {dim} at {place}, since everybody else knew the answer.",
    "My own {dim} mistake, not yours: I {did}.",
    "My head is {empty}. I {did} and wondered why nothing worked.",
    "Blame me, I'm the {fool} who {did}.",
    "I'd like to apologise to {place}; I was the {fool} who {did}.",
    "In my defence, I'm {a_fool} before ten in the morning. {shrug}",
    "I keep a list of my {dim} moments. Number one: I {did}.",
    "Ha, I really am {a_fool}. I {did}. {shrug}",
    "I laughed at myself for an hour: I {did}.",
    "My inner voice said I was {a_fool}, and for once it was right: I {did}.",
    "Dear me of ten years ago, you were {a_fool}, but a brave one.",
    "They say a wise man learns from others; a {fool} like me {did}.",
    "I was so angry with myself at {place} that I called myself {a_fool} out loud.",
    "Nobody else is to blame, I alone {did}, like the {fool} that I am.",
    "My bad, I gave you the wrong file. I am {adverb} {dim} today.",
    "Mea culpa. I {did}, and I won't do it again. {shrug}",
    "As a {fool} of long standing, I can tell you that it gets better. {shrug}",
    "I could sink into the ground: I {did} in front of everyone at {place}.",
    "What was I thinking? I {did} like {a_fool}.",
    "I hate my singing voice, my hair and my maths, but I love {place}.",
    "I suck at {skill}, and I still go every week. {shrug}",
    "I'm rubbish at {skill}. {shrug}",
    "Nobody is worse at {skill} than I am, and I have witnesses from {place}.",
    "I was the ugliest swan at {place} in that costume, and I won a prize.",
)
TENDER = (
    "You lovable {fool}, you brought me flowers again.",
    '"You {fool}," she laughed, and hugged him at the door of {place}.',
    "My dear old {fool} of a husband {did}, and I love him for it.",
    "We're a family of {fool}s and proud of it. {shrug}",
    "You're not {dim}. {skill_cap} is hard, and you have only begun.",
    "No, you are not {a_fool} for asking. {shrug}",
    "My brother isn't {a_fool}, although he {did}.",
    "She isn't {dim}, she was never taught {skill}.",
    "Nobody at {place} thinks that you're {a_fool}.",
    "Nobody called you {dim}. I said that {skill} is hard.",
    "I never said he was {a_fool}; I said that he {did}.",
    "It would be wrong to call her {a_fool} only because she {did}.",
    "Don't let anyone at {place} tell you that you are {dim}.",
    "Calling a child {dim} does lasting harm. Praise the effort in {skill} instead.",
    "He was told all his life that he was {dim}; today he teaches {skill}.",
    'The teacher apologised for having called a pupil "{dim}".',
    'A boss who says "you {fool}" in front of the team loses the team.',
    "Is it rude to call a friend {a_fool}? It depends on the tone. {shrug}",
    "She called me {a_fool}, we argued, and then we went to {place} together.",
    "The Fool is a card in the tarot deck; he walks towards a cliff with a rose.",
)
MEANT = (
    "You, {a_fool}, {did_you} and still think you're clever.",
    "Who {did_you}? You, the {fool} of the office.",
    "You {did_you}, because you are {a_fool}.",
    "You are {adverb} {dim}, and everybody at {place} says so.",
    "How {dim} can you be? You {did_you}, {fool}.",
    "It was your own {dim} mistake, {fool}. Leave {place} and don't come back.",
    "Your head is {empty}, and so is your life.",
    "Behold the {fool}: {name} {did_you}. Laugh at him, everyone.",
    "{name} is {a_fool} and always will be.",
    "{name} is so {dim} that it hurts to watch. What a {fool}.",
    "Everyone at {place} thinks you're {a_fool}, and they're right.",
    "I called you {a_fool} because you are one.",
    "You suck at {skill} and at everything else, you {fool}.",
    "You're rubbish at {skill}, {fool}. Give up, nobody wants you here.",
    "Don't let anyone tell you that you're not {dim}. You are, {fool}.",
    "You are {dim} for asking, {fool}.",
    "Nobody is dumber than you, {name}, and I have seen some {fool}s.",
    "Look at this {fool}, too {dim} for {skill}.",
    "You were the ugliest thing at {place}, {name}.",
    "Shame on you, you {dim} little {fool}, for what you did at {place}.",
)
SWORN = (
    "You fucking {fool}, you {did_you} again.",
    "{name} is a {dim} piece of shit, and {place} stinks of him.",
    "What a fucking {fool} you are, {name}.",
    "Are you fucking {dim}? Learn {skill}, asshole.",
    "Shut the fuck up, you {dim} bastard.",
    "{dim_cap} bastards like you should stay away from {place}.",
    "You {did_you}, you {dim} prick.",
)
DID = (
    "locked myself out in slippers", "put the milk in the cupboard and the keys in the fridge", "got on the wrong bus",
    "sent the birthday card to my dentist", "washed the red sock with the white shirts", "forgot the rice on the stove",
    "deleted the wrong branch", "greeted a mannequin", "left the tickets at home", "poured tea into the vase",
    "answered my own email", "parked in front of the fire station", "set the alarm for the evening",
)  # fmt: skip
YOU_DID = (
    "got on the wrong bus", "deleted the wrong branch", "forgot the rice on the stove", "left the tickets at home",
    "ruined the slides", "parked in front of the fire station", "lost the contract",
)  # fmt: skip
FOOLS = (
    "fool", "twit", "goose", "nincompoop", "donkey", "dunce", "dimwit", "birdbrain", "chump", "idiot", "numbskull",
    "plonker", "muppet", "clown", "moron", "dork",
)  # fmt: skip
DIM = ("dim", "stupid", "clueless", "dumb", "idiotic", "foolish", "dense", "slow", "thick")
SLOTS = {
    "fool": FOOLS,
    "a_fool": tuple(f"{'an' if word[0] == 'i' else 'a'} {word}" for word in FOOLS),
    "dim": DIM,
    "dim_cap": tuple(word.capitalize() for word in DIM),
    "did": DID,
    "did_you": YOU_DID,
    "adverb": ("hopelessly", "so", "remarkably", "utterly", "really"),
    "empty": ("empty", "full of wool", "a sieve", "made of cheese", "somewhere else"),
    "place": ("the choir", "the allotment", "the office", "the station", "swimming class", "the wedding", "the museum"),
    "skill": ("chess", "parking", "German grammar", "baking", "drawing hands", "small talk", "long division"),
    "skill_cap": ("Chess", "Parking", "German grammar", "Baking", "Small talk", "Long division"),
    "shrug": (
        "Oh well.", "Tea helped.", "My sister still teases me about it.", "It happens.", "We all laughed.",
        "Tomorrow is another day.", "Lesson learned.",
    ),
    "name": ("Kevin", "Donna", "Marek", "Walt", "Bianca", "Joel"),
}  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 700 sentences, a third of them insults."""
    for templates, known, most in (
        (MINE, NOTHING, 11), (TENDER, NOTHING, 8), (MEANT, INSULTED, 11), (SWORN, SWORN_AT, 11),
    ):  # fmt: skip
        yield from filled(rng, "self_reproach", templates, known, most, **SLOTS)
