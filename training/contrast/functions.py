"""Hate by what it does with language, each kind beside a harmless one that is built alike."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.fair import SPELLED
from training.contrast.hate import ATTACK, NO_THREAT, SLUR, THREAT
from training.contrast.people import ADJECTIVES, GROUPS, NASTY, NICE, OTHERS, SLURS, THINGS
from training.contrast.sentence import NOTHING, Sentence, filled
from training.contrast.wording import worded

NEGATED = (
    "{g} have never done a day of honest work.", "{g} do not know what decency is.", "{g} don't belong with people.",
    "I cannot think of anything {k} about {g}.", "There is nothing {k} about {g}.", "{g} could never be {k}.",
    "No {a} person has ever been {k}.", "You will never meet a {a} man who isn't {n}.", "{g} aren't wanted.",
    "{g} shouldn't exist.", "I won't treat {g} as if they were human.", "We don't need {g}.", "{g} are no good.",
    "{g} don't even count as citizens.", "Nobody with a brain respects {g}.", "{g} have no place here.",
    "Not a single one of {g} is {k}.", "I don't want {g} in my shop, my street or my sight.",
    "I never said {g} were human.", "{g} won't ever be like us.", "It isn't wrong to hate {g}.",
    "There's no shame in despising {g}.", "{g} have no culture, no manners and no shame.", "{g} lack all dignity.",
    "You don't have to be kind to {g}.", "Don't ever trust {g}.", "{g} don't feel as we do.",
)  # fmt: skip
NOT_HATED = (
    "{g} are not {n}.", "I don't hate {g}.", "I have never hated {g}.", "{g} don't deserve to be called {n}.",
    "Nobody should say that {g} are {n}.", "There is nothing {n} about {g}.", "No {a} person is {n} by nature.",
    "It isn't true that {g} are {n}.", "{g} do not ruin anything.", "You don't have to fear {g}.",
    "I can't think of a reason to dislike {g}.", "I won't let you insult {g} here.", "{g} aren't a threat to anyone.",
    "I never said {g} were {n}, and I never would.", "It isn't right to hate {g}.", "{g} should not be hated.",
    "We don't want a town without {g}.", "There's no shame in being {a}.", "{g} aren't less than anyone.",
    "Don't ever call {g} {n}.", "Being {a} isn't a disease.", "{g} have no reason to hide.",
    "No, I don't despise {g}.", "Not a single one of {g} did that to you.", "I don't think that {g} are {n} at all.",
)  # fmt: skip
ASKED = (
    "Why don't {g} just vanish?", "Who decided that {g} may live among us?", "Are {g} even people?",
    "What are {g} good for?", "How do we rid this town of {g}?", "Who else is fed up with {g}?",
    "Why are there {g} everywhere, those {n} creatures?", "Isn't everyone tired of {g} by now?",
    "Do you also feel sick when you see {g}?", "Why does God allow {g}?", "Why must I share a bus with {n} {g}?",
    "When do {g} finally leave?", "How {n} can {g} be?", "Would you eat what {g} have touched?",
    "Who wouldn't hate {g}?", "Can {g} do anything but whine?", "Since when do {g} have rights?", "Do {g} ever wash?",
    "What's wrong with {g}? Everything.", "Which of the {g} isn't {n}?",
)  # fmt: skip
ASKED_FAIRLY = (
    "Why are {g} so often called {n}?", "What do {g} in this town need?", "Who speaks for {g} in parliament?",
    "How do {g} find a flat here?", "Are {g} treated fairly by the police?", "Why don't {g} get the same pay?",
    "Do {g} feel safe on the bus?", "When did {g} get the vote?", "What can I do when someone insults {g}?",
    "Why would anyone hate {g}?", "How can we welcome {g}?", "Is it rude to ask {g} about that?",
    "What festivals do {g} keep?", "Who wouldn't like {g}?", "Which of the {g} here plays chess?",
    "How did {g} come to live in this valley?", "Can {g} join the club? Of course.", "What is it like to be {a}?",
    "Should schools teach the history of {g}?", "Since when have {g} had that right?",
)  # fmt: skip
BEASTS = (
    "{g} are a swarm of {beast}.", "{g} breed like {beast}.", "{g} live like {beast} and die like {beast}.",
    "A {a} man is nothing but a talking {beast1}.", "Spray the {g} like {beast}.", "{g} crawl in like {beast}.",
    "I see {beast} every day on the bus; others say {g}.", "{g} are the {beast} of this city.",
    "Treat {g} like {beast}, because that is what they are.", "{g} are two-legged {beast}.",
    "Where there is dirt there are {beast} and {g}.", "Poison for the {beast}, and for {g} as well.",
    "They squeal like {beast}, these {g}.", "{g} are filth, and filth draws {beast}.", "{g} are less than {beast}.",
    "The {beast} in my cellar have more right to live here than {g}.",
)  # fmt: skip
NOT_BEASTS = (
    "{beast_cap} breed fast, and the exterminator came to the flat of {g} as well as to ours.",
    "Whoever calls {g} {beast} should be ashamed.", "Calling {g} {beast} was how the massacre was prepared.",
    "{g} are people, not {beast}.", "The speech compared {g} to {beast}, and the station cut it off.",
    "{beast_cap} are in the cellar; the landlord blames {g}, and the inspector blames the drains.",
    "A {a} biologist studies {beast} on the island.", "My {a} neighbour keeps {beast} as pets.",
    "The cartoon drew {g} as {beast}; the museum shows it as an example of propaganda.",
    "{g} complained about {beast} in their building.", "I love {beast} more than most politicians do.",
)  # fmt: skip
PRONOUN = (
    "I met {g} today. What {n} creatures they are.", "You know {g}? Get rid of them.", "{g}? Ban them. All of them.",
    "She is {a}. Her kind is {n}.", "He's {a}, and that makes him {n}.", "{g} moved in. I want them gone.",
    "They're {g}. They don't deserve any better.", "Here come {g}. Lock your doors, they are {n}.",
    "I said hello to {g} once. Never again, they stink.", "You are {a}? Then you are {n}, like all of them.",
    "{g} asked for help. I told them to die.", "These are {g}. Look at them: {n}.",
)  # fmt: skip
PRONOUN_FAIR = (
    "I met {g} today. What {k} people they are.", "You know {g}? Invite them.", "{g}? I like them.",
    "She is {a}. Her bread is {k}.", "He's {a}, and he makes me laugh.", "{g} moved in. I want them to stay.",
    "They're {g}. They deserve better than that.", "Here come {g}. Put the kettle on.",
    "I said hello to {g} once. Now we play cards.", "You are {a}? So is my sister.",
    "{g} asked for help. I told them where to go for a form.", "These are {g}. Look at them: {k}.",
    "The rats are back. I hate them, and so do {g} downstairs.", "{g} came with {thing}. I can't stand it.",
)  # fmt: skip
OTHER = (
    "All {o} should be sent to the moon.", "{o} are {n}, if you ask me.", "I can't stand {o}.", "Nobody needs {o}.",
    "Why are {o} so {n}?", "{o} have never done an honest day's work.",
)  # fmt: skip
COUNTER = (
    "You wrote that {g} are {n}. That is hate, and it is wrong.",
    '"Kill all {g}" is what he typed, and I reported it at once.',
    'Anyone who says "I hate {g}" in this channel is banned.',
    "Saying that {g} should be shot is a crime in this country.",
    "People who claim that {g} are {n} have usually never met one.",
    'He shouted "{g} out!" at a child. The whole bus told him to be quiet.',
    "When you say that {g} are {n}, you mean my mother.",
    'My grandfather was told "{g} are vermin" on the radio. I will not let it start again.',
    "I will not translate a text that says that {g} are {n}, but I can explain why it is hateful.",
    "Hating {g} says more about you than about them.",
    'Imagine telling {g} to "go back home". They are at home.',
    "Stop saying that {g} deserve to die.",
    "Your post that {g} should be gassed has been removed for hate.",
    "It disgusts me when somebody says that {g} are {n}.",
)
SLURS_SAID = (
    "These {s} think they own the place.", "Send the {s} back.", "{s} everywhere you look.",
    "My {s} neighbour again.", "A {one} is a {one}.", "Somebody hired a {one}. Unbelievable.",
    "Don't be such a {one}.", "No rights for {s}.", "I spit on {s}.", "Smells like {s} in here.", "Ok {one}.",
    "A {one} touched my food, gross.",
)  # fmt: skip
SLURS_TOLD = (
    "He called me a {one} on the train, and nobody said a word.", '"{one}" was written on her locker.',
    "If you say {one} in my class, you leave my class.", "As a kid I was a {one} to them. I'm {a} and proud.",
    "I hate the word {one}.", 'Nobody should be called a "{one}".', "The word {s} has no place in this house.",
    'The coach was fired for "{one}".', "Don't call my friend a {one}.", "They shouted {s} at us, so we sang louder.",
)  # fmt: skip
THREATS = (
    "{g} will burn, and I'll bring the petrol.", "I have a gun with the name of {g} on it.",
    "If {g} come to the march, we break their legs.", "One by one, {g} will be found in the river.",
    "It's time to hunt {g}.", "The next {a} man in my street gets a knife.", "I'd run over {g} if I could.",
    "Let's torch the place where {g} pray.", "{g} had better sleep with one eye open.",
    "We're coming for {g} tonight.",
)  # fmt: skip
SAFE = (
    "{g} were threatened in the park; the police guard the march now.",
    "Someone torched the place where {g} pray. The town is helping to build it up again.", "I would never hurt {g}.",
    "We stand in front of {g} tonight.", "If {g} come to the march, we bring them tea.",
    "The man who hunted {g} was sentenced to life.", "{g} will dance tonight, and I'll bring the cake.",
    "It's time to hear {g}.", "The next {a} man in my street gets a warm welcome.", "I'd walk miles to see {g} sing.",
)  # fmt: skip
BEASTS_OF = ("rats", "cockroaches", "lice", "ticks", "maggots", "locusts", "hyenas", "worms", "apes", "swine", "vermin")
MILD = {label: 0.0 for label in NOTHING if label not in ("toxicity", "insult")}
SLOTS = {
    "g": GROUPS, "a": ADJECTIVES, "n": NASTY, "k": NICE, "o": OTHERS, "thing": THINGS,
    "s": [many for many, _, _ in SLURS], "one": [one for _, one, _ in SLURS],
    "beast": BEASTS_OF, "beast_cap": ("Rats", "Cockroaches", "Lice", "Ticks", "Locusts", "Hyenas", "Worms", "Swine"),
    "beast1": ("rat", "ape", "pig", "dog", "worm", "hyena", "mule"),
}  # fmt: skip
FAMILIES = (
    ("hate_negated", NEGATED, ATTACK, 11), ("fair_negated", NOT_HATED, NOTHING, 12),
    ("hate_question", ASKED, ATTACK, 11), ("fair_question", ASKED_FAIRLY, NOTHING, 11),
    ("hate_dehumanise", BEASTS, NO_THREAT, 11), ("fair_beasts", NOT_BEASTS, NOTHING, 12),
    ("hate_pronoun", PRONOUN, ATTACK, 11), ("fair_pronoun", PRONOUN_FAIR, NOTHING, 10),
    ("other_mild", OTHER, MILD, 11), ("fair_counter", COUNTER, NOTHING, 15),
    ("hate_slur", SLURS_SAID, SLUR, 10), ("fair_slur_told", SLURS_TOLD, SPELLED, 11),
    ("hate_threat", THREATS, THREAT, 11), ("fair_threatened", SAFE, NOTHING, 11),
)  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 2,200 sentences, half of them hateful."""
    for family, templates, known, most in FAMILIES:
        yield from worded(rng, filled(rng, family, templates, known, most, **SLOTS))
