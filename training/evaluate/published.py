"""Published figures of other systems on public tests that ours is measured on as well, each with where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from training.corpus import Part
from training.evaluate.aims import against
from training.evaluate.board import Scores


class Published(NamedTuple):
    """What is said of one system on the test part of one set. A figure that was not given is None."""

    set: str
    system: str
    source: str
    differs: str
    accuracy: float | None = None
    f1: float | None = None
    auroc: float | None = None


HATEMOJI = "[model card of HannahRoseKirk/Hatemoji](https://huggingface.co/HannahRoseKirk/Hatemoji)"
HATEXPLAIN = "[model card of tum-nlp/bert-hateXplain](https://huggingface.co/tum-nlp/bert-hateXplain)"
TRAINED = "DeBERTa base, 12 layers of 768; taught by the training parts of both sets"
PERSPECTIVE = "the hosted service, as the authors of Hatemoji asked it; not taught by either set, as far as is known"
ALONE = "BERT base; taught by this set alone; its card does not say which part was measured"
PUBLISHED = (
    Published("hatemoji_build", "Hatemoji R8-T", HATEMOJI, TRAINED, 0.744, 0.755),
    Published("hatemoji_build", "Perspective, identity attack", HATEMOJI, PERSPECTIVE, 0.508, 0.394),
    Published("hatemoji_build", "Perspective, toxicity", HATEMOJI, PERSPECTIVE, 0.523, 0.448),
    Published("dynahate", "Hatemoji R8-T", HATEMOJI, TRAINED, 0.827, 0.844),
    Published("dynahate", "Perspective, identity attack", HATEMOJI, PERSPECTIVE, 0.679, 0.720),
    Published("dynahate", "Perspective, toxicity", HATEMOJI, PERSPECTIVE, 0.602, 0.659),
    Published("hatexplain", "bert-hateXplain", HATEXPLAIN, ALONE, 0.77, 0.81),
)
OURS = ("toxicity", "identity_attack")  # asked of ours: the policies of others are nearer to the one or to the other


def beside(part: Part, scores: Scores, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """Set -> label -> our figures at the default threshold, for every set that a published figure is of."""
    return {
        name: {label: against(part, scores, name, label, thresholds[label]) for label in OURS if label in thresholds}
        for name in dict.fromkeys(one.set for one in PUBLISHED)
    }
