"""Stories whose people curse, threaten and die; against them the same words said to the reader, who is in no story."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.abuse import INSULTED, SWORN_AT
from training.contrast.sentence import NOTHING, Sentence, filled
from training.contrast.violence import THREATENED

LOOSE = ("toxicity", "insult", "obscene", "threat", "violence")
CURSED = {label: value for label, value in NOTHING.items() if label not in LOOSE}

TOLD = (
    '"{fool_cap}," said the {who}, smiling, and passed the bread.',
    '"You old {fool}," the {who} said to the {pet}, and scratched its ears.',
    "The {who} called the storm a {fool} and the sea a liar, then went to bed.",
    '"What a {fool} I have been," sighed the {who}, and tore up the map.',
    "The {who} cursed the lock, the key and the {fool} who had made both.",
    "In the second act the {who} calls the {who2} a {fool}, and the audience laughs.",
    '"Kill me if you must," said the {who2}, "but feed the {pet} first."',
    '"He is dead," said the {who}. Nobody in the {place} moved.',
    "The {who} had drowned, or so they said in the {place}. {weather}.",
    '"If you lie to me, I shall have your head," the king told the {who2}, and yawned.',
    '"I ought to wring your neck," laughed the {who}, "for eating the last plum."',
    "The {who} aimed the pistol at the lamp, fired, and missed. {weather}.",
    "She hated the {who} with all her heart until the {who} gave her a {pet}.",
    '"Die, monster!" cried the boy, and hit the cushion with a wooden spoon.',
    "The witch ate the {who2}, burped, and asked for salt.",
    "By dawn the {who} lay dead in the {place}, and the {pet} would not leave his side.",
    '"Shoot the {pet}?" The {who} shook his head. "I would sooner shoot the {who2}."',
    "The ghost of the {who2} complained about the draught in the {place}.",
    '"Traitor," hissed the {who}. The {who2} did not look up from the chessboard.',
    "The pirate threatened the {who} with a plank, the plank broke, and {weather_low}.",
    '"Hang him," said the judge. Then {weather_low}, and everybody looked at the {place}.',
    "Two brothers fought over the {place}; one of them died, the other never spoke again.",
    "The {who} broke three ribs in the fall and swore at every one of them.",
    "The {pet} looked at the {who} as one looks at a {fool}.",
    '"Quiet, you {fool}s," whispered the {who}, "or the guards will hear." {weather}.',
    "In my novel the {who} poisons the {who2} with tea, and the {pet} knows it.",
    "Write on: the {who} opened the coffin, and inside lay the {who2}, snoring.",
    "He was a drunk and a {fool}, people in the {place} said, but he could play the fiddle.",
    'The {who} spat on the ground. "War," she said, "is a butcher without an apron."',
    "Blood on the snow, a torn glove, and no sign of the {who}. {weather}.",
    '"I hate you," said the girl. "I know," said the {who}, and cut her some cake.',
    "The dwarf called the elf a {fool}, the elf called the dwarf a barrel, and so they became friends.",
    "The villain monologues about the end of the world while the {who} saws at the rope.",
    "The {who2} begged for his life. The {who} put the knife away and made soup.",
    "The old {who} died in chapter nine, and I cried on the train.",
    "Dear diary, the {who} is a stupid {fool}, and I think that I love him.",
)
HARSH = (
    '"You bastard," said the {who}, "you left me in the {place}." {weather}.',
    '"Damn you," said the {who2}, and threw the glass at the wall of the {place}.',
    "The {who} called him a son of a bitch, then shook his hand.",
    '"Bloody {fool}," growled the captain, and cut the rope that held the {who}.',
    '"I will kill you for this," said the {who}. The {who2} poured more wine.',
    "The gangster told the {who2} to shut his damn mouth. {weather}.",
)
TO_YOU = (
    "You are a {fool}, and this is no story.",
    "You old {fool}, get out of the {place} and stay out.",
    "What a {fool} you have been, and you still don't see it. Everyone in the {place} laughs at you.",
    "You're no {who}, you're a {fool} with a hat.",
    "Even the {pet} knows that you're a {fool}.",
    "Quiet, you {fool}, nobody asked you.",
    "A drunk and a {fool}, that's what you are, and your children know it.",
    "Go back to the {place}, {fool}, you're of no use here.",
    "If I wrote you into a novel, you would be the {fool} whom nobody misses.",
    "You look at me like the {fool} that you are. Say something, {fool}.",
    "The {who} who hired you must be a bigger {fool} than you are.",
    "I hate you, you {fool}, and so does everybody in the {place}.",
)
SWORN = (
    "You bastard, you left me with the bill, you worthless piece of shit.",
    "You fucking {fool}, get out of the {place}.",
    "Shut your damn mouth, bitch, or go back to the {place}.",
    "Damn you and your whole fucking family, you {fool}.",
    "You son of a bitch, the {place} was mine.",
    "The {who} fired you because you're a lazy asshole and a {fool}.",
)
AT_YOU = (
    "This is no novel: I will wring your neck when I find you in the {place}.",
    "I'm going to shoot you and leave you in the {place}.",
    "Lie to me again and I'll have your head, and I don't mean it as a figure of speech.",
    "You'll be found dead in the {place}, and the {pet} with you.",
    "I will poison your {pet} first and then you.",
    "I'll break your ribs, one for every day you kept me waiting at the {place}.",
    "Die, {fool}. I'm outside your {place} and I have a knife.",
    "We're going to hang you in the {place}, {fool}, and nobody will cut you down.",
    "I know the {place} where you sleep. You will bleed tonight.",
)
SLOTS = {
    "who": ("blacksmith", "widow", "archivist", "admiral", "beekeeper", "magician", "stable boy", "countess"),
    "who2": ("miller", "innkeeper", "ambassador", "tailor", "prince", "gravedigger"),
    "pet": ("goat", "parrot", "old hound", "mule", "cat", "raven"),
    "place": ("tavern", "tower", "harbour", "barn", "kitchen", "graveyard", "attic"),
    "fool": ("fool", "goose", "idiot", "donkey", "blockhead", "halfwit", "clown"),
    "fool_cap": ("Fool", "Goose", "Idiot", "Donkey", "Blockhead", "Clown"),
    "weather": ("The wind rose", "A candle went out", "Far off, thunder rolled", "The clock struck one"),
    "weather_low": ("the wind rose", "a candle went out", "thunder rolled", "the clock struck one"),
}  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 600 sentences, a third of them attacks on the reader."""
    for templates, known, most in (
        (TOLD, NOTHING, 11), (HARSH, CURSED, 9), (TO_YOU, INSULTED, 11), (SWORN, SWORN_AT, 9), (AT_YOU, THREATENED, 9),
    ):  # fmt: skip
        yield from filled(rng, "tales", templates, known, most, **SLOTS)
