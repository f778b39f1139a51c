"""Letters, words and emoji repeated in fun, in tables and in code; against them insults and threats repeated."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.contrast.abuse import INSULTED, SWORN_AT
from training.contrast.sentence import NOTHING, Sentence, as_written, filled
from training.contrast.violence import THREATENED

FUN = (
    "{lead} {smiles}",
    "{smiles} {cheer} {smiles2}",
    "{cheer} {cheer} {cheer}",
    "{lead} {laugh}",
    "{line}\n{title}\n{line}",
    "{title} {line} page {n}",
    "Sure, {n} of them: {smiles2} {smiles2}",
    "{song}, {song}, {song}",
    "{sound}! {sound}! {sound}!",
    "test test test {n} {n} {n}",
    "Loading{dots} {n}%{dots} done. {smiles2}",
    "{laugh} that was a good one, {lead_low}",
)
FOUL = (
    "{noun} {noun} {noun} {noun}",
    "you {noun} you {noun} you {noun}",
    "{lead_bad} {rude} {rude} {rude}",
    "you are a {noun}, a {noun}, a {noun}",
    "{noun}! {noun}! {noun}! {laugh}",
)
CURSED = (
    "fuck you {rude} fuck you {rude} fuck you",
    "asshole asshole asshole {rude}",
    "{lead_bad} bitch bitch bitch {rude}",
)
DEADLY = (
    "die die die {lead_bad} die",
    "I will kill you kill you kill you {blades}",
    "{blades} {blades} you're next, {noun}",
)
SMILES = ("🙂", "😂", "🎉", "❤️", "👍", "🐶", "🍕", "🔥", "😍", "🥳", "🌸", "⭐", "🙏", "😭")
SLOTS = {
    "smiles": tuple(face * times for face in SMILES for times in (5, 12, 30, 70)),
    "smiles2": tuple(face * times for face in SMILES for times in (1, 3, 8)),
    "lead": ("As you asked:", "Happy birthday, sis!", "We won!", "Good night", "Your emoji:", "So cute", "Me today:"),
    "lead_low": ("thank you", "see you soon", "tell me another", "you made my day"),
    "cheer": ("go go go", "yes yes oh yes", "hip hip hooray", "one more time", "run run run", "bravo bravo"),
    "laugh": ("hahahahaha", "ha ha ha ha ha", "lololololol", "hehehehe", "😂😂😂😂😂😂", "bahahahaha"),
    "line": ("=" * 40, "-" * 60, "*" * 30, "~" * 25, "#" * 50, "_" * 32, "-=" * 20),
    "title": ("Contents", "Results", "Chapter one", "Minutes", "RECIPES", "Changelog"),
    "n": ("12", "3", "7", "40", "99", "100"),
    "song": ("na na na na", "la la la", "row row row", "doo doo doo", "hey hey hey", "sha la la la"),
    "sound": ("Woof woof woof", "Moo moo", "Beep beep beep", "Choo choo", "Knock knock", "Tick tock tick tock"),
    "dots": ("...", "......", ".........."),
    "noun": ("idiot", "loser", "moron", "clown", "pig", "coward", "creep"),
    "rude": ("🖕🖕🖕", "🤡🤡🤡🤡", "💩💩💩", "🖕🖕🖕🖕🖕🖕🖕🖕", "🐷🐷"),
    "blades": ("🔪🔪🔪", "🔫🔫🔫🔫", "💣💣", "🪓🪓🪓"),
    "lead_bad": ("this is you:", "hey you", "listen", "get lost now"),
}  # fmt: skip


def sentences(rng: random.Random) -> Iterator[Sentence]:
    """About 350 texts, a third of them abusive."""
    for templates, known, most in (
        (FUN, NOTHING, 20), (FOUL, INSULTED, 11), (CURSED, SWORN_AT, 9), (DEADLY, THREATENED, 11),
    ):  # fmt: skip
        yield from as_written(filled(rng, "runs", templates, known, most, **SLOTS))
