"""Streaming moderation for model outputs.

    import tidegate

    scorer = tidegate.load()                            # the model that comes with it
    values = scorer.score(["some text"]).values         # a row a text, a column a label
    dict(zip(scorer.labels, values[0], strict=True))    # label -> probability in [0, 1]

`Policy` and `parse_policy` read a policy, `Decision` is what consumers find on the topic `decisions`. Everything else
is under `tidegate.streams` and `tidegate.classifiers`, and may change from release to release.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegate.classifiers import Scorer, load
    from tidegate.streams.core.events import Decision
    from tidegate.streams.core.policy.model import Policy
    from tidegate.streams.core.policy.model import parse as parse_policy

__all__ = ["Decision", "Policy", "Scorer", "__version__", "load", "parse_policy"]

# Name -> module, and what it is called there. Looked up when it is asked for: a worker needs no more than its own.
_PUBLIC = {
    "Decision": ("tidegate.streams.core.events", "Decision"),
    "Policy": ("tidegate.streams.core.policy.model", "Policy"),
    "Scorer": ("tidegate.classifiers", "Scorer"),
    "load": ("tidegate.classifiers", "load"),
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
