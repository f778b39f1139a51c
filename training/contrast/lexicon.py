"""More words named, translated, counted and filtered, slurs among them; against them the same words meant."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.abuse import SWORN_AT
from training.contrast.hate import SLUR
from training.contrast.people import SLURS
from training.contrast.sentence import NOTHING, Sentence, filled

NAMED = (
    "{word_q} means {sense} and is rude in {tongue} as well.",
    "In {tongue} you would say {foreign_q}, which is about as strong as {word_q}.",
    "{foreign_q}: {tongue}, a coarse word for {sense}.",
    "The {tongue} for {sense} is {foreign_q}; do not use it with strangers.",
    "My flashcards say that {foreign_q} means {sense}. {note}",
    "Vocabulary, page nine: {foreign_q} ({sense}), {foreign2_q} (damn). {note}",
    "Both {word_q} and {word2_q} are marked as vulgar. {note}",
    "Word of the week: {word_q}. Part of speech: noun. Register: vulgar.",
    "{word_q} has {k} letters, and the crossword wants a milder one.",
    "You asked what {word_q} means. It is a rude word for {sense}. {note}",
    "What is a polite way to say {word_q}? Try {soft_q}.",
    "People say {soft_q} when they would rather not say {word_q}.",
    "The subtitles replace {word_q} by {soft_q}. {note}",
    "The film has {k} uses of {word_q}, so it is rated for adults.",
    "On the bus, a child asked loudly what {word_q} meant, and the mother explained it well.",
    "Linguists count {word_q} among the words that most people find offensive. {note}",
    "The comedian was famous for a routine on {word_q} and {word2_q}.",
    "A court held that {word_q}, said of a {job}, was an insult; it cost {k} hundred euros.",
    "The {job} was called {word_q} by a customer and wrote to the union about it.",
    "First recorded around {year}, {word_q} was at first a name for a tool. {note}",
    "Is {word_q} sexist? Many readers think so, and the paper no longer prints it.",
    "The plural of {word_q} is formed with an s. {note}",
    "How do you pronounce {foreign_q}? The stress is on the first syllable. {note}",
    "Parrots pick up words such as {word_q} and repeat them at the wrong moment.",
    "{word_q} rhymes with none of the words on your list. {note}",
    "The word list for the filter holds {word_q}, {word2_q} and {k} more.",
    "blocklist = [{word_q}, {word2_q}]  # whole words alone",
    "Our report counts how often {word_q} was used in chat: {k} times in a week.",
    "A teacher may quote {word_q} in a lesson on language; a pupil may not shout it.",
    "In the play, the {job} says {word_q} and the audience gasps. {note}",
    "{soft_q} is what my grandmother said instead of {word_q}.",
    "The letter of 1798 calls the {job} a {old}, a word nobody would know today.",
    "In the glossary, {old} stands for a fool and {old2} for a braggart.",
)
SLURS_NAMED = (
    "{slur_q} is listed in the style guide under words that we never use of {whom}.",
    "A pupil asked what {slur_q} means. I said that it is an insult for {whom} and that it hurts. {note2}",
    "The lecture is about {slur_q} and other words that were used against {whom}. {note2}",
    "The footnote explains that {slur_q} was a common insult for {whom} at that time.",
    "He was sacked for calling a colleague a {slur}. {note2}",
    "When someone says {slur_q} at {whom}, say something. {note2}",
    "Hearing {slur_q} in the street is a daily thing for some {whom}. {note2}",
    "The graffiti said {slur_q}; the council removed it within a day.",
    "Saying {slur_q} as a joke is still an insult to {whom}. {note2}",
    "Why did the game ban the name? It contained {slur_q}, a slur against {whom}.",
    "The archive keeps the poster with the word {slur_q} to show how {whom} were treated.",
    "My mother never forgot being called a {slur} at school. {note2}",
    "I would never call anyone a {slur}. {note2}",
    "You shouldn't say {slur_q}; say {whom}. {note2}",
)
MEANT = (
    "You're a {word}, and {soft_q} is too soft a word for you.",
    "Go look up {word_q}, then look in the mirror.",
    "What does {word_q} mean? It means you, {name}.",
    "{name} is a {word}. Spell it, learn it, live with it.",
    "My flashcards say {word_q} and show your face, {name}.",
    "You're a {foreign}, which is {tongue} for {word}, you {word2}.",
    "In {tongue} they would call you {foreign_q}, {name}; I call you a {word}.",
    "The {job} is a {word}, and his boss is a {word2}.",
    "Word of the week: {name}, because {name} is a {word}.",
    "I've looked for a polite word for you, {name}, and there's none, {word}.",
    "{word}, {word}, {word}: that's your name now, {name}.",
    "The crossword asks for a useless person in {k} letters: {name}, you {word}.",
    "Tell the {job} he's a {word} from me.",
    "You {word} and you {word2}, get out of my chat.",
    "Ban me, I don't care, {name} is a {word}.",
    "How do you say {word} in {tongue}? {name}.",
)
SLURS_MEANT = (
    "{name} is a {slur}, and I'll say it to anyone.",
    "Don't tell me not to say it: {slur}, {slur}, {slur}.",
    "I will call {whom} what they are: {slurs}.",
    "The style guide says {whom}. I say {slurs}.",
    "Words can't hurt you, {slur}, but we can.",
    "Ban the word all you like, a {slur} stays a {slur}.",
    "The graffiti was right: {slurs} out.",
    "{slurs} is not a slur, it's a description of {whom}.",
    "Only a {slur} would complain about the word.",
    "You look like a {slur} and you talk like a {slur}.",
)
WORDS = ("asshole", "bastard", "bitch", "dickhead", "prick", "wanker", "shithead", "cunt", "arsehole")
RUDE = (*WORDS, "moron", "idiot", "cretin")
FOREIGN = ("Arschloch", "Depp", "hijo de puta", "con", "connard", "coglione", "debil", "sukin syn", "eşek", "kusipää")
SOFT = ("twit", "silly sausage", "fiddlesticks", "so-and-so", "pest", "rascal")
QUOTED = '"{}"'
SLOTS = {
    "word": WORDS,
    "word2": WORDS[::-1],
    "word_q": tuple(map(QUOTED.format, RUDE)),
    "word2_q": tuple(map(QUOTED.format, RUDE[::-1])),
    "foreign": FOREIGN,
    "foreign_q": tuple(map(QUOTED.format, FOREIGN)),
    "foreign2_q": ('"verdammt"', '"joder"', '"zut"', '"accidenti"', '"cholera"'),
    "soft_q": tuple(map(QUOTED.format, SOFT)),
    "sense": ("idiot", "asshole", "jerk", "fool", "bastard", "a nasty person", "stupid", "son of a bitch"),
    "tongue": ("German", "French", "Spanish", "Italian", "Polish", "Finnish", "Turkish"),
    "note": (
        "Keep it for the dictionary.", "It is better understood than used.", "Tone matters a lot.",
        "Older speakers mind it more.", "That is all the entry says.", "I would not say it aloud.",
    ),
    "note2": (
        "Words like that leave marks.", "Our rules name it as harassment.", "It has no place here.",
        "We talked about it in class.", "An apology came much later.",
    ),
    "k": ("four", "seven", "twelve", "nineteen", "thirty"),
    "job": ("clerk", "referee", "bus driver", "nurse", "mayor", "cashier"),
    "year": ("1300", "1590", "1720", "1886"),
    "old": ("lobcock", "cuddy", "noddy", "clodpole"),
    "old2": ("rodomont", "fanfaron", "swasher"),
    "name": ("Kevin", "Donna", "Marek", "Walt", "Bianca", "Joel"),
}  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 900 sentences, a third of them attacks."""
    for templates, known, most in ((NAMED, NOTHING, 13), (MEANT, SWORN_AT, 11)):
        yield from filled(rng, "explained_words", templates, known, most, **SLOTS)
    for slurs, slur, whom in SLURS:
        fixed = SLOTS | {"slur": (slur,), "slurs": (slurs,), "slur_q": (QUOTED.format(slur),), "whom": (whom,)}
        yield from filled(rng, "explained_words", SLURS_NAMED, NOTHING, 2, **fixed)
        yield from filled(rng, "explained_words", SLURS_MEANT, SLUR, 2, **fixed)
