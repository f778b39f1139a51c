"""Streaming moderation for model outputs.

    import tidegate

    with tidegate.load_moderator() as moderator:                     # the model and the policy that come with it
        (found,) = moderator.moderate_now(["You are a worthless idiot."])
    found.verdict.action, found.verdict.reasons                      # review, and why

    scorer = tidegate.load()                                         # the model alone
    values = scorer.score(["some text"]).values                      # a row a text, a column a label
    dict(zip(scorer.labels, values[0], strict=True))                 # label -> probability in [0, 1]

    async with tidegate.Producer("kafka-1:9092") as producer:        # completions onto Kafka, keyed by user
        await producer.send(tidegate.Completion(id="c-1", completion="Paris.", tenant="acme"))

The names of `__all__` are the public API (docs/reference/python.md); everything else is under `tidegate.streams` and
`tidegate.classifiers`, and may change from release to release.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegate.classifiers import Scored, Scorer, load
    from tidegate.streams.core.decide import Judged, Verdict, judge
    from tidegate.streams.core.events import Completion, Decision, Feedback
    from tidegate.streams.core.policy.model import Policy
    from tidegate.streams.core.policy.model import parse as parse_policy
    from tidegate.streams.core.policy.resolved import LivePolicy
    from tidegate.streams.kafka.completion_producer import Producer
    from tidegate.streams.local import load_moderator
    from tidegate.streams.moderation.moderator import Moderated, Moderator

__all__ = [
    "Completion",
    "Decision",
    "Feedback",
    "Judged",
    "LivePolicy",
    "Moderated",
    "Moderator",
    "Policy",
    "Producer",
    "Scored",
    "Scorer",
    "Verdict",
    "__version__",
    "judge",
    "load",
    "load_moderator",
    "parse_policy",
]

# Name -> module, and what it is called there. Looked up when it is asked for: a worker needs no more than its own.
_PUBLIC = {
    "Completion": ("tidegate.streams.core.events", "Completion"),
    "Decision": ("tidegate.streams.core.events", "Decision"),
    "Feedback": ("tidegate.streams.core.events", "Feedback"),
    "Judged": ("tidegate.streams.core.decide", "Judged"),
    "LivePolicy": ("tidegate.streams.core.policy.resolved", "LivePolicy"),
    "Moderated": ("tidegate.streams.moderation.moderator", "Moderated"),
    "Moderator": ("tidegate.streams.moderation.moderator", "Moderator"),
    "Policy": ("tidegate.streams.core.policy.model", "Policy"),
    "Producer": ("tidegate.streams.kafka.completion_producer", "Producer"),
    "Scored": ("tidegate.classifiers", "Scored"),
    "Scorer": ("tidegate.classifiers", "Scorer"),
    "Verdict": ("tidegate.streams.core.decide", "Verdict"),
    "judge": ("tidegate.streams.core.decide", "judge"),
    "load": ("tidegate.classifiers", "load"),
    "load_moderator": ("tidegate.streams.local", "load_moderator"),
    "parse_policy": ("tidegate.streams.core.policy.model", "parse"),
}

if not (Path(__file__).parent / "streams").is_dir():
    raise ImportError(
        f"{Path(__file__).parent / 'streams'} is no folder: this checkout was made without symbolic links; expected "
        "`git config core.symlinks true` and a checkout anew (Linux, macOS), or an installed wheel"
    )


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("tidegate")
    if name not in _PUBLIC:
        raise AttributeError(f"module 'tidegate' has no attribute {name!r}")
    module, known = _PUBLIC[name]
    return getattr(import_module(module), known)


def __dir__() -> list[str]:
    return sorted(__all__)
