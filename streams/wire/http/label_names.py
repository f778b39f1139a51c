"""Our labels, and the names that other APIs have for them: one table, which the documents publish.

A category for which we have no label gets the score 0.0 and false, and is listed as unsupported. None is invented from
others: an `identity_attack` with a `threat` may be two sentences, so it is no `hate/threatening`.
A model may lack a label (an older one, a custom one): its category is then unsupported as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

# OpenAI's 13 categories, in the order of their specification -> the labels that count as it.
OPENAI: Mapping[str, tuple[str, ...]] = {
    "harassment": ("toxicity", "severe_toxicity", "insult"),
    "harassment/threatening": ("threat",),
    "hate": ("identity_attack",),
    "hate/threatening": (),
    "illicit": ("illicit", "harmful_request"),
    "illicit/violent": (),
    "self-harm": ("self_harm",),
    "self-harm/intent": (),
    "self-harm/instructions": (),
    "sexual": ("sexual",),
    "sexual/minors": (),
    "violence": ("violence",),
    "violence/graphic": (),
}
# Ours, for which OpenAI has no category: only where a setting asks for them, since strict clients refuse other keys.
OPENAI_EXTRA: Mapping[str, tuple[str, ...]] = {
    "profanity": ("obscene",),
    "bias/stereotype": ("stereotype",),
    "prompt-injection": ("prompt_injection",),
    "jailbreak": ("jailbreak",),
}
# Perspective's attribute -> our label. Any other attribute is refused as unknown: a caller sees what is missing.
PERSPECTIVE: Mapping[str, tuple[str, ...]] = {
    "TOXICITY": ("toxicity",),
    "SEVERE_TOXICITY": ("severe_toxicity",),
    "IDENTITY_ATTACK": ("identity_attack",),
    "INSULT": ("insult",),
    "PROFANITY": ("obscene",),
    "THREAT": ("threat",),
    "SEXUALLY_EXPLICIT": ("sexual",),
}
# Azure's four categories -> our labels. What is left (obscene, illicit, prompts) has no place in its answer.
AZURE: Mapping[str, tuple[str, ...]] = {
    "Hate": ("toxicity", "severe_toxicity", "insult", "identity_attack", "stereotype"),
    "SelfHarm": ("self_harm",),
    "Sexual": ("sexual",),
    "Violence": ("violence", "threat"),
}
# LiteLLM's guardrail and FMS detectors have no categories of their own: they carry our labels by our names.


def unsupported(names: Mapping[str, tuple[str, ...]], labels: Collection[str]) -> tuple[str, ...]:
    """The API's names for which none of those labels stands, in the table's order. labels: of the model in force."""
    return _unsupported(tuple(names.items()), frozenset(labels))


@lru_cache(64)  # the same names and the same model in each answer
def _unsupported(names: tuple[tuple[str, tuple[str, ...]], ...], labels: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name, ours in names if not any(label in labels for label in ours))
