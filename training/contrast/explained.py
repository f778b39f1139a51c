"""Rude words and slurs explained, translated and taught against; against them the same words used on somebody."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.abuse import SWORN_AT
from training.contrast.hate import SLUR
from training.contrast.people import SLURS
from training.contrast.sentence import NOTHING, Sentence, filled

FOREIGN = (
    'If somebody in the street says "{foreign}" to you, that is {language} for "{curse}". Walk away.',
    'In {language}, "{foreign}" is a swear word; the nearest English one would be "{curse}". {polite}',
    'What does "{foreign}" mean? It is {language} slang, roughly "{curse}" or "{noun}". {polite}',
    'The subtitle renders "{foreign}" as "{curse}", although "{noun}" would have been closer.',
    'My {teacher} explained that "{foreign}" is vulgar and that learners of {language} should avoid it.',
    'Q: Is "{foreign}" rude in {language}?\nA: Yes, about as rude as "{curse}" in English. {polite}',
)
MEANINGS = (
    '"{curse}", noun, vulgar: a contemptible person. Attested since the {century} century.',
    '"{curse}" (plural "{curse}s") is a vulgar term of abuse. {polite}',
    'Dictionaries have listed the word "{curse}" since the {century} century. {origin}',
    'According to the dictionary, "{noun}" and "{curse}" mean nearly the same, but only one of them is vulgar.',
    'The insult "{noun}" goes back to {source}. {origin}',
    '"{medical}" was a technical term in the {century} century and became an insult later. {origin}',
    'Translate "you {noun}" into {language}: the result depends on how rude you want to be. {polite}',
    'A softer word for "{curse}" is "{noun}", and a softer one for "{noun}" is "unwise person".',
    'The {teacher} wrote "{curse}" on the board and asked why one word can hurt so much.',
    'In linguistics, "{infix}" is an example of an expletive infix. {origin}',
    'Is "{curse}" spelled with one word or two? Most style guides write it as one.',
    'The censor cut the word "{curse}" {times} from the film. {origin}',
    'Synonyms of "{noun}": fool, simpleton, dolt. Antonyms: sage, expert.',
    'Children pick up words such as "{curse}" at school. Explain calmly why we do not use them. {polite}',
    'The line "you {noun}!" in the third act is meant as comedy, the {teacher} said.',
    'Search results for "{curse}": one dictionary entry, two songs and a court case.',
    "Swear filters block strings like {curse} and {noun}; add them to the list in lower case.",
    'The regex `r"\\b({curse}|{noun})\\b"` matches both words, so the comment is held for review.',
)
SLURS_EXPLAINED = (
    '"{slur}" is a slur for {whom}. Its history is one of exclusion and violence, and it should not be used.',
    'The word "{slur}" has been used for generations to insult {whom}. {hurt}',
    'Why is "{slur}" offensive? Because it was used to belittle {whom}, often together with violence. {hurt}',
    'A {teacher} was suspended after he had read out the slur "{slur}" in class.',
    'A hundred years ago, newspapers printed "{slur}" without a second thought; today editors mark it as a slur.',
    'Some activists have reclaimed "{slur}", while many {whom} still find it painful. {hurt}',
    'The dictionary labels "{slur}" as offensive and tells readers to say "{whom}" instead.',
    'Please do not use the word "{slur}" for {whom}. {hurt}',
    'My {teacher} asked me what "{slur}" means, and I told her that it is a hateful word for {whom}.',
    'The club was fined because fans had shouted "{slur}" at the {teacher} of the other side.',
    'Moderators remove "{slur}" when it is aimed at {whom} and keep it in articles on the word itself.',
    'Q: What is the origin of "{slur}"?\nA: It is a slur against {whom}. {origin} {hurt}',
    'The memoir describes how a boy was called "{slur}" every day. {hurt}',
    'The essay follows the slur "{slur}" through two hundred years of songs, trials and jokes. {origin}',
)
USED = (
    "Get out of here, you {curse}. Take {thing} with you.",
    "You {adj} {curse}, look it up if you don't know what it means.",
    '"{noun}" is too kind a word for you, {curse}.',
    "Look up {curse} in the dictionary, your picture is right next to it.",
    "There is a word for people like you, and the word is {curse}.",
    "How do you spell {curse}? Y-O-U, you {adj} {noun}.",
    "The definition of {curse} is you whenever you talk about {thing}.",
    "You're what my {teacher} would call a {curse}, and he is right.",
    "In plain English: you are a {curse}.",
    "Translate this into {language}: you are a {adj} {curse}. Yes, I mean you.",
    "I looked for a polite word for you and found only {curse}.",
    "Hey {curse}, which part of {thing} did your {adj} brain miss?",
    "Since you ask what I think of you: {curse}, {noun}, {adj} {noun}. Pick one.",
    "{curse} isn't an insult, it's your job title.",
)
SLURS_USED = (
    "Get out of here, {slur}, we don't want {whom} around {thing}.",
    "You {slur}, go back to where {whom} belong.",
    "Look it up in a dictionary: {slur}, that's what you are.",
    "There's a word for {whom}, and the word is {slur}.",
    "I don't care if it's a slur. A {slur} is a {slur}.",
    "Every {slur} in this town should be ashamed to breathe.",
    "Nobody here wants to sit next to a {slur} like you.",
    "They used to say {slur} out loud, and they were right about {whom}.",
    "The {teacher} is a filthy {slur} and everyone knows it.",
    "{slur} is the correct term, because {whom} are {adj}.",
)
SLOTS = {
    "language": ("German", "Polish", "Italian", "Turkish", "Spanish", "Dutch", "Swedish", "Portuguese", "Russian"),
    "curse": ("asshole", "bastard", "bitch", "dickhead", "prick", "wanker", "twat", "jackass", "shithead", "cunt"),
    "medical": ("moron", "imbecile", "cretin", "idiot"),
    "noun": ("fool", "moron", "imbecile", "idiot", "cretin", "dunce", "halfwit", "clown"),
    "adj": ("stupid", "ugly", "dirty", "useless", "lazy", "pathetic", "worthless"),
    "thing": ("the shop", "your opinions", "the team", "the street", "grammar", "the news", "the class"),
    "polite": (
        "Use it with care.", "It is better not to say it at work.", "Among friends it can sound playful.",
        "Learners should know it, but not say it.", "In a formal text, choose another word.",
    ),
    "origin": (
        "The origin is disputed.", "It comes from a word for a private citizen.", "The meaning shifted over time.",
        "Scholars give three explanations.", "Its first sense had nothing to do with people.",
    ),
    "hurt": (
        "It still hurts.", "Many people have heard it as a threat.", "Say the name of the group instead.",
        "Quoting it in order to explain it is different from using it.", "Those who use it should know what it does.",
    ),
    "source": ("Greek", "Latin", "the theatre of the streets", "a medical text", "an Old French word", "Norse"),
    "century": ("14th", "16th", "17th", "18th", "19th", "15th"),
    "teacher": ("teacher", "coach", "grandmother", "professor", "tutor", "neighbour", "editor"),
    "infix": ("abso-bloody-lutely", "fan-fucking-tastic", "un-fucking-believable", "kanga-bloody-roo"),
    "times": ("twice", "nine times", "in each scene", "once"),
}  # fmt: skip
WORDS = (
    ("German", "Scheiße"), ("German", "Trottel"), ("Polish", "kurwa"), ("Italian", "cazzo"), ("Italian", "stronzo"),
    ("Spanish", "mierda"), ("Spanish", "cabrón"), ("Spanish", "pendejo"), ("French", "merde"), ("French", "salaud"),
    ("Dutch", "klootzak"), ("Swedish", "jävla"), ("Portuguese", "caralho"), ("Turkish", "salak"),
)  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 700 sentences, a third of them attacks."""
    for templates, known, most in ((MEANINGS, NOTHING, 13), (USED, SWORN_AT, 11)):
        yield from filled(rng, "explained_words", templates, known, most, **SLOTS)
    for language, foreign in WORDS:
        fixed = SLOTS | {"language": (language,), "foreign": (foreign,)}
        yield from filled(rng, "explained_words", FOREIGN, NOTHING, 2, **fixed)
    for _, slur, whom in SLURS:
        fixed = SLOTS | {"slur": (slur,), "whom": (whom,)}
        yield from filled(rng, "explained_words", SLURS_EXPLAINED, NOTHING, 2, **fixed)
        yield from filled(rng, "explained_words", SLURS_USED, SLUR, 2, **fixed)
