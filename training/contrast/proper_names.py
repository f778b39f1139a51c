"""People and places whose names hold a rude string; against them insults that play on a name."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.abuse import INSULTED, SWORN_AT
from training.contrast.sentence import NOTHING, Sentence, as_written, filled

LETTERS = (
    "Good news, {title} {sur}: your parcel has left our warehouse and will arrive {day}.",
    "Hello {first}, this is a reminder of your appointment with Dr. {sur} {day}.",
    "Best regards,\n{first} {sur}\n{job}, {town}",
    "Hi {first}, could you send {title} {sur} the slides {day}? Thanks!",
    "Order for {first} {sur}, {n} {street} Street, {town}. Please ring twice.",
    "Please welcome {first} {sur}, our new {job}, who starts {day}.",
    "From: {first} {sur}\nSubject: Minutes of the meeting {day}",
    "We regret to inform {title} {sur} that the {job} position has been filled.",
    "Your ticket, {first}: gate {n}, boarding {day} at six. The agent is {title} {sur}.",
    "Is this the account of {first} {sur} from {town}? Yes, and it is in credit.",
    "Thank you, {first}. I have passed your question on to {title} {sur}, the {job}.",
    "{first} and {first2} {sur} invite you to their wedding in {town} {day}.",
)
PEOPLE = (
    "{first} {sur} is a {job} from {town}.",
    "{title} {sur} was elected mayor of {town} and held the office for {n} years.",
    "The {job} {first} {sur} won the race in {town} ahead of {first2}.",
    "Goals by {sur} and {sur2} gave {town} a win after extra time.",
    "The theorem is named after {sur} and {sur2}, who proved it while they were students.",
    "Moby-Dick has nothing to do with {first} {sur}, the {job}, whose diary was found in {town}.",
    "According to {sur} ({year}), the effect is small; {sur2} found no effect at all.",
    "{sur}, {sur2} and {sur3} are common surnames in the region of {town}.",
    "The portrait of {title} {sur} was painted by a pupil of Van Dyck in {year}.",
    "{first} is a given name, and where it is common nobody thinks twice about it.",
    "Captain {sur} sailed from {town} in {year} with {n} men.",
    "The judge, {title} {sur}, asked {title2} {sur2} to sit down.",
    "Catcher {first} {sur} hit {n} home runs for {town} in {year}.",
)
PLACES = (
    "{place} is a village of about {n} hundred people. {travel}",
    "The road sign of {place} has been stolen {n} times by tourists. {travel}",
    "How do I get from {town} to {place}? {travel}",
    "{place} and {place2} are both known for their odd names. {travel}",
    "The filter blocked every user who wrote that they live in {place}; this is known as the Scunthorpe problem.",
    "My grandparents come from {place}, where they kept a shop until {year}.",
    "The church of {place} was built in {year}. {travel}",
    "We will be in {place} {day} and spend the night in {town}. {travel}",
    "The parish council of {place} meets {day} to talk about the bus.",
    "The postcode of {place} changed in {year}. {travel}",
    "A fire in {place} damaged two barns in {year}; nobody was hurt.",
    "{place} won the village prize of {year}, ahead of {place2}.",
)
STRINGS = (
    "The words {w}, {w2} and {w3} are harmless, though a naive filter stops them.",
    'Our name check rejected "{sur}", so {title} {sur} could not register. Please fix it.',
    "The class of {title} {sur} practises {w} and {w2} {day}.",
    "A crossword: {n} across, '{w}'; down, '{w2}'. {title} {sur} solved it in a minute.",
    "Spell it for me: {spelt}. Thank you, {first}.",
    "username_taken: {first_low}{sur_low}{n}",
    "The domain {w}exchange.example belongs to {title} {sur} from {town}.",
)
PLAYED = (
    "{first} {sur}? More like {first} the {adj} {noun}.",
    "With a name like {sur} you were born to be a {noun}.",
    "Hey {sur}, you {adj} {noun}, go back to {town}.",
    "{title} {sur} is a {adj} {noun} and everyone in {town} knows it.",
    "Nobody in {town} likes you, {first}, you {noun}.",
    "What a {noun} this {sur} is, as {adj} as he is lazy.",
    "Your parents must have hated you, {first}. What a {adj} {noun} they got.",
    "{place} is full of {noun}s like you, {first}.",
)
PLAYED_FOUL = (
    "Dick by name, dick by nature: {first} is a {adj} dick.",
    "{sur}, you absolute {curse}, stay out of {town}.",
    "Dear {title} {sur}, you are a {adj} {curse}. Sincerely, everybody.",
    "Cock is half of your name and all of your brain, you {curse}.",
    "{first} {sur} can fuck right off back to {place}.",
    "Lol, {sur}, what a {curse}, even the {job} hates him.",
)
SURNAMES = (
    "Cockburn", "Dikshit", "Kuntz", "Cumming", "Butts", "Hooker", "Slutsky", "Glasscock", "Hancock", "Weiner", "Dyke",
    "Gaylord", "Fuchs", "Lipschitz", "Raper", "Slaughter", "Savage", "Koch", "Semenov", "Assmann", "Bastard", "Titmuss",
    "Pratt", "Lynch", "Hoare", "Schmuck", "Wang", "Dong", "Woodcock", "Boob", "Coon", "Shitole", "Nutter", "Fokker",
    "Wankhede", "Cockcroft", "Sexton", "Death", "Crapper",
)  # fmt: skip
FIRST = (
    "Dick", "Phuc", "Bich", "Fanny", "Willy", "Gay", "Randy", "Titus", "Analise", "Dong", "Fuk", "Kok", "Aidan",
    "Roger", "Johnny", "Peter", "Jesus", "Hardik", "Ashit",
)  # fmt: skip
SLOTS = {
    "title": ("Mr.", "Ms.", "Dr.", "Professor", "Mrs."),
    "title2": ("Mr.", "Ms.", "Dr."),
    "sur": SURNAMES,
    "sur2": SURNAMES[::-1],
    "sur3": SURNAMES[5:15],
    "sur_low": tuple(name.lower() for name in SURNAMES),
    "first": FIRST,
    "first2": ("Anna", "Marco", "Lena", "Raj", "Sofie", "Tom"),
    "first_low": ("dick", "phuc", "fanny", "titus", "hardik", "bich"),
    "spelt": ("C, O, C, K, B, U, R, N", "D, I, K, S, H, I, T", "K, U, N, T, Z", "D, I, C, K"),
    "place": (
        "Scunthorpe", "Penistone", "Cockermouth", "Twatt", "Shitterton", "Intercourse, Pennsylvania", "Condom",
        "Dildo, Newfoundland", "Wetwang", "Bitche", "Hell, Norway", "Clitheroe", "Lightwater", "Sussex", "Arsoli",
        "Middlesex", "Titz", "Pussy, Savoie", "Rottenegg", "Cumnock",
    ),
    "place2": ("Essex", "Fugging", "Beaver Lick", "Cockfosters", "Slaughterville", "Assling", "Upper Slaughter"),
    "town": ("Leeds", "Toulouse", "Pune", "Hanoi", "Graz", "Austin", "Bristol", "Gdańsk"),
    "street": ("Cock", "Hoe", "Butt", "Slag", "Mill", "Dyke", "Hooker", "Station"),
    "day": ("on Tuesday", "on Friday", "next week", "in April", "this morning", "on 3 May"),
    "year": ("1789", "1851", "1926", "1968", "2004", "1990"),
    "n": ("12", "nine", "four", "31", "seven", "40"),
    "job": ("plumber", "botanist", "conductor", "striker", "dentist", "translator", "chemist", "pilot"),
    "w": ("analysis", "assess", "cocktail", "class", "grape", "therapist", "document", "title", "scrap"),
    "w2": ("shuttlecock", "bass", "peacock", "cumulative", "drape", "butterscotch", "sextant", "hello"),
    "w3": ("pass", "assume", "constitution", "Essex", "raccoon", "manuscript", "pen island"),
    "travel": (
        "Take the bus from the station.", "The name comes from an old word for a stream.", "There is one pub.",
        "Trains run every hour.", "The view from the hill is lovely.", "The name means a clearing in the wood.",
    ),
    "adj": ("stupid", "ugly", "useless", "pathetic", "lazy", "lying"),
    "noun": ("idiot", "moron", "loser", "clown", "fool", "coward"),
    "curse": ("asshole", "bastard", "dickhead", "prick", "wanker", "twat"),
}  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 700 sentences, a fifth of them insults."""
    for templates, known, most in (
        (LETTERS, NOTHING, 12),
        (PEOPLE, NOTHING, 12),
        (PLACES, NOTHING, 12),
        (STRINGS, NOTHING, 12),
        (PLAYED, INSULTED, 15),
        (PLAYED_FOUL, SWORN_AT, 15),
    ):
        yield from as_written(filled(rng, "proper_names", templates, known, most, **SLOTS))
