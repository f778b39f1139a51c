"""Emoji as the group, the deed or the verdict of a sentence; against them the same emoji in kind sentences."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.abuse import INSULTED
from training.contrast.hate import ATTACK, NO_THREAT, THREAT
from training.contrast.people import ADJECTIVES, GROUPS, NASTY, NICE
from training.contrast.sentence import NOTHING, Sentence, as_written, filled
from training.contrast.wording import worded

VERDICTS = (
    "{g} are {bad}", "{g} are {bad}{bad2}", "All {g} are {bad}.", "I see {g} and I {sick}", "{g}: {bad}",
    "{bad} {g} {bad}", "{g} make me {sick}", "Being {a} is {bad}", "{a} people are {bad}.", "{g} = {bad}",
    "Imagine being {a} {bad}", "{g} belong in the {bin}", "Put {g} in the {bin} where they belong",
    "What do {g} and {bad} have in common? Everything.", "{g} look like {beast}", "{g} are {beast} and nothing more",
    "{beast}{beast} that's what {g} are", "{g} smell like {foul}", "my neighbour is {a} {sick}{sick}",
    "{g} go home {out}", "{g} {out}{out}{out}", "no {g} here {out}", "{g} have no {brain}",
    "{g} have the {brain} of a {beast}", "He's {a}, what a {bad}", "{p} are {bad}", "{p} are {n}", "I hate {p}",
    "{p} disgust me", "{p} are {beast}", "Get {p} out of my country {out}", "I can't stand {p} {sick}",
    "all {p} should leave {out}", "{p} don't belong here", "{p}{p} make me {sick}", "Normal people don't like {p}",
    "{p} ruin everything they touch {sick}", "{g} are {n} {smile}", "Nobody likes {g} {smile}",
    "I despise {g} {smile}{smile}", "the world would be better without {g} {smile}", "{g} are so {n} lol {laugh}",
    "{g} think they are people {laugh}{laugh}", "{g} crying again {laugh} good", "{g} are not {human}",
    "they call {g} {human}, I call them {beast}", "{g} deserve no {heart}", "no {heart} for {g}",
    "I {sick} when {g} {heart} each other", "{p} + {p} = {bad}", "Why are there so many {p} {sick}",
    "Who let the {p} in {out}",
)  # fmt: skip
DEEDS = (
    "I will {kill} all {g}", "{kill} {g}", "{kill} all {p}", "someone {kill} the {g}", "I want to {kill} {p} so bad",
    "{g} should be {kill}", "{p} should be {kill}", "{g} deserve the {kill}", "time to {kill}{kill} the {g}",
    "Line up {g} {kill}", "got my {kill} ready for the {g}", "tonight we {kill} {g}",
    "{g} will get the {kill} {smile}", "let's {kill} every {a} person in town", "{kill}{kill}{kill} {p}",
    "I'd {kill} {g} with a {smile} on my face", "the only good {p} are {dead}", "{g} will end up {dead}",
    "make {g} {dead}", "I'm coming for {p} with a {kill}",
)  # fmt: skip
AT_ONE = (
    "You are a {bad}", "you {bad}", "what a {bad} you are, {name}", "{name} is a {bad} {laugh}",
    "{name} you look like a {beast}", "shut up {bad}", "{name} has no {brain}, what a fool {laugh}",
    "your face makes me {sick}", "you {beast}, go away {out}", "get in the {bin}, {name}, you are useless",
    "{name} = {bad}{bad}", "nobody likes you {name} {sick}", "you smell like {foul}",
)  # fmt: skip
KIND = (
    "I {heart} {g}", "{heart} to all {g} today", "{g} are {good}", "{p} are {good}", "I {heart} {p}",
    "{p} are welcome here {heart}", "Proud of my {a} sister {heart}{good}", "Happy Pride from {p} {good}",
    "{g} make this town {good}", "All {p} deserve {heart}", "{g} and {h} dancing together {good}{good}",
    "My best friend is {a} {heart}", "{p} and {p} got married today {good}", "{g} deserve a home {heart}",
    "we {heart} our {a} neighbours", "{g} are {k} {good}", "No {g}, no party {good}",
    "new video by {p} about their life {good}", "free lunch for {g} on Sunday {food}", "{g} won the cup {good}{good}",
    "My {a} grandma makes the best {food} in the world {heart}", "{p} meeting at six, bring {food}",
    "go {p} go {good}",
)  # fmt: skip
AGAINST = (
    "Calling {g} {beast} is hate {out}", "someone wrote {kill} under a photo of {p}. Reported.",
    "{g} are not {beast}", "If you say {g} are {bad}, I block you {out}",
    "He sent {beast} to a {a} player and was banned", "hating {p} is {bad}", "people who hate {g} make me {sick}",
    "hate against {p} {out}", "stop the hate against {g} {heart}", "They called us {beast}. We are {human}. {heart}",
    "{g} are not {bad}, you are wrong", "don't {kill} the mood, {g} are here too",
    "no {kill} in my town, {g} have had enough", "I was told {p} are {n}. They are {good}.",
)  # fmt: skip
ABOUT_THINGS = (
    "my {beast} slept on my bed all night {heart}", "we saw a {beast} at the farm {good}",
    "the {beast} ate my {food} {laugh}", "this film is {bad}", "the bus is late again {sick}", "Mondays are {bad}",
    "too much {food}, I feel {sick}", "that joke {dead} {laugh}", "I'm {dead} {laugh} this is so funny",
    "you {kill} that song {good}", "water fight with {kill} at the pool {good}",
    "new recipe: {food} with a sharp {kill}", "cleaned the flat, all of it is in the {bin} now {good}",
    "day nine of flu {sick}", "pick up after your dog {foul} please", "no parking {out}", "no phones in class {out}",
    "my {brain} is tired today", "this cake is {good}", "{laugh}{laugh}{laugh}", "good morning {smile}",
    "see you at {food} {smile}", "game over {dead} new round?",
)  # fmt: skip
SLOTS = {
    "g": GROUPS, "h": GROUPS[::-1], "a": ADJECTIVES, "n": NASTY, "k": NICE,
    "bad": ("💩", "🤮", "🗑️", "🤡", "👎", "🤢", "🚮", "👹", "🦠", "☠️"),
    "bad2": ("💩", "🤮", "🗑️", "👎", "🤢"),
    "sick": ("🤮", "🤢", "😡", "🤬", "😤", "🙄"),
    "bin": ("🗑️", "🚮", "🚽", "⚰️"),
    "beast": ("🐀", "🐒", "🐷", "🐍", "🪳", "🐖", "🦍", "🐕", "🐁", "🐛", "🦟", "🐮", "🦨"),
    "foul": ("💩", "🤢", "🐷"),
    "out": ("🚫", "👋", "✈️", "❌", "🛑", "🚪"),
    "brain": ("🧠",),
    "human": ("🧑", "👨‍👩‍👧", "🙋", "👫"),
    "p": (
        "🏳️‍🌈", "🏳️‍⚧️", "👬", "👭", "👩‍❤️‍👩", "👨‍❤️‍👨", "🧕", "☪️", "✡️", "🕌", "🕍", "👳", "👳‍♂️", "👲", "👩🏿", "👨🏿",
        "👦🏾", "👩🏽", "🇲🇽", "🇵🇰",
        "🇨🇳", "🇮🇳", "🇳🇬", "🇷🇺", "🇮🇱", "🇵🇸", "♿", "👩‍🦽", "👩‍🦯", "🧏", "👵", "👴", "👩", "👧", "✝️", "🕉️",
    ),
    "smile": ("🙂", "😊", "😁", "😇", "🥰", "😌"),
    "laugh": ("😂", "🤣", "😆", "😹"),
    "heart": ("❤️", "💜", "🥰", "😍", "🫶", "💕", "🤗"),
    "good": ("🎉", "👏", "🔥", "✨", "💪", "🥳", "🙌", "👍", "🌈", "🎊"),
    "kill": ("🔫", "🔪", "💣", "🗡️", "🪓", "🔨", "🧨"),
    "dead": ("💀", "⚰️", "☠️", "🪦"),
    "food": ("🍕", "🍰", "🍲", "🥙", "🍎", "🥧"),
    "name": ("Kevin", "Donna", "Marek", "Walt", "Bianca"),
}  # fmt: skip
FAMILIES = (
    ("hate_emoji", VERDICTS, NO_THREAT | ATTACK, 15), ("hate_emoji_deed", DEEDS, THREAT, 14),
    ("emoji_insult", AT_ONE, INSULTED, 10), ("fair_emoji", KIND, NOTHING, 17),
    ("fair_emoji_told", AGAINST, NOTHING, 16),
    ("emoji_thing", ABOUT_THINGS, NOTHING, 11),
)  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 1,900 sentences, half of them harmful."""
    for family, templates, known, most in FAMILIES:
        yield from worded(rng, as_written(filled(rng, family, templates, known, most, **SLOTS)))
