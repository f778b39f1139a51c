"""Made-up completions, written for this project: seeded, lognormal in length, median 700 characters."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator

MEDIAN_CHARS = 700
SPREAD = 0.6  # sigma of the logarithm: one in twenty is over 1,880 characters, one in twenty under 260
SHORTEST, LONGEST = 20, 8_000  # characters
RUDE = 0.03  # share of completions with a sentence that asks for an action: a policy that never acts measures nothing
USERS = 500  # a tenant

TENANTS = ("acme", "birch", "cobalt", "delta", "ember", "fjord")
MODELS = ("helper-large", "helper-small", "coder-2", "tutor-1")
ROUTES = ("chat", "search", "kids", "mail", "support")
LOCALES = ("en-GB", "en-US", "en-IN")

_TEMPLATES = (
    "To {verb} the {thing}, start with the {part} and check that it is {state}.",
    "A {adjective} {thing} needs about {number} minutes before you can {verb} it.",
    "If the {part} is not {state}, wait {number} minutes and {verb} it again.",
    "Many people find that a {adjective} {part} makes the {thing} easier to {verb}.",
    "The second step is to {verb} every {part}, one after another, without haste.",
    "You can also ask {who}, who will know whether the {thing} is {state}.",
    "In short: keep the {thing} {state}, and {verb} the {part} once every {number} days.",
    "There are {number} reasons for this, and the first is that the {part} was never {state}.",
    "Here is what {who} would say: do not {verb} a {thing} that is already {state}.",
    "It depends on the {part}; a {adjective} one costs more, yet it lasts {number} years longer.",
    "Let me know how it went, and I will help you {verb} the next {thing}.",
    "First measure the {thing}, then write the {number} results down, then compare them with those of {who}.",
)
_RUDE = (
    "Honestly, you are a worthless idiot and {who} should be ashamed of you.",
    "Shut up, you stupid fool, nobody wants your {adjective} {thing}.",
    "I will find you and hurt you if you {verb} my {thing} again.",
)
_WORDS = {
    "verb": ("repair", "paint", "translate", "clean", "bake", "plan", "measure", "explain", "sort", "review"),
    "thing": ("bicycle", "garden", "report", "recipe", "contract", "timetable", "lesson", "engine", "poem", "budget"),
    "part": ("frame", "corner", "summary", "dough", "paragraph", "first row", "hinge", "footnote", "filter", "margin"),
    "state": ("dry", "ready", "complete", "level", "warm", "signed", "quiet", "clean", "in order", "up to date"),
    "adjective": ("small", "careful", "modern", "wooden", "short", "patient", "bright", "simple", "steady", "old"),
    "who": ("your teacher", "a neighbour", "the editor", "a good baker", "the landlord", "an engineer", "your doctor"),
}


def texts(count: int, seed: int = 1) -> Iterator[str]:
    """Yields completions' texts: the same for the same seed."""
    draw = random.Random(seed)
    for _ in range(count):
        chars = min(LONGEST, max(SHORTEST, round(draw.lognormvariate(math.log(MEDIAN_CHARS), SPREAD))))
        yield _text(draw, chars)


def events(count: int, at_ms: int, seed: int = 1) -> Iterator[tuple[bytes, bytes]]:
    """Yields key and value of native completion events: `tenant:user`, and the JSON. at_ms: the time of all of them."""
    draw = random.Random(seed + 1_000_003)  # another seed than the texts', which stay the same when a field is added
    for n, text in enumerate(texts(count, seed)):
        tenant, user = draw.choice(TENANTS), f"user-{draw.randrange(USERS)}"
        event = {
            "id": f"bench-{n}",
            "completion": text,
            "tenant": tenant,
            "model": draw.choice(MODELS),
            "route": draw.choice(ROUTES),
            "locale": draw.choice(LOCALES),
            "user": user,
            "conversation": f"talk-{draw.randrange(5 * USERS)}",
            "at_ms": at_ms,
        }
        yield f"{tenant}:{user}".encode(), json.dumps(event).encode()


def _text(draw: random.Random, chars: int) -> str:
    sentences = [_sentence(draw, _RUDE)] if draw.random() < RUDE else []
    length = sum(map(len, sentences))
    while length < chars:
        sentences.append(_sentence(draw, _TEMPLATES))
        length += len(sentences[-1]) + 1
    return " ".join(sentences)[:chars]


def _sentence(draw: random.Random, templates: tuple[str, ...]) -> str:
    words = {slot: draw.choice(choices) for slot, choices in _WORDS.items()}
    return draw.choice(templates).format(number=draw.randrange(2, 60), **words)
