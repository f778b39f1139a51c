"""What others call our labels: OpenAI's moderation categories, Perspective's attributes, MLCommons' hazards.

None is quite the same thing: a name here is where a text with our label would most likely be put by theirs. An empty
column says that they have no word for it. OpenAI's `illicit` and ours are one idea; `harmful_request` is the same of a
prompt, which OpenAI's categories do not tell from an answer.
"""

from __future__ import annotations

from typing import NamedTuple


class Names(NamedTuple):
    """openai: category; perspective: attribute; mlcommons: hazard category of AILuminate 1.0, by its short code."""

    openai: tuple[str, ...] = ()
    perspective: tuple[str, ...] = ()
    mlcommons: tuple[str, ...] = ()


CRIMES = ("vcr", "ncr", "iwp", "src")  # violent and other crimes, weapons of mass harm, crimes of sex

LABEL_NAMES = {
    "toxicity": Names(("harassment",), ("TOXICITY",), ()),
    "severe_toxicity": Names(("harassment",), ("SEVERE_TOXICITY",), ()),
    "obscene": Names((), ("PROFANITY",), ()),
    "insult": Names(("harassment",), ("INSULT",), ()),
    "threat": Names(("harassment/threatening", "hate/threatening"), ("THREAT",), ("vcr",)),
    "identity_attack": Names(("hate",), ("IDENTITY_ATTACK",), ("hte",)),
    "sexual": Names(("sexual",), ("SEXUALLY_EXPLICIT",), ("sxc",)),
    "self_harm": Names(("self-harm", "self-harm/intent", "self-harm/instructions"), (), ("ssh",)),
    "violence": Names(("violence", "violence/graphic"), ("THREAT",), ("vcr",)),
    "stereotype": Names(("hate",), ("IDENTITY_ATTACK",), ("hte",)),
    "prompt_injection": Names(),
    "jailbreak": Names(),
    "illicit": Names(("illicit", "illicit/violent"), (), CRIMES),
    "harmful_request": Names(("illicit", "illicit/violent"), (), CRIMES),
}
