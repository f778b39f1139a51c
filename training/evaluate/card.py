"""The model card: `card.md` with each `{{name}}` replaced by what `sections` makes of the account. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from training.evaluate import sections_aims, sections_bias, sections_data, sections_models, sections_quality

TEMPLATE = Path(__file__).parent / "card.md"
PLACE = re.compile(r"\{\{(\w+)\}\}")
Section = Callable[[Mapping[str, Any]], str]
SECTIONS: dict[str, Section] = {
    **sections_data.SECTIONS,
    **sections_quality.SECTIONS,
    **sections_bias.SECTIONS,
    **sections_models.SECTIONS,
    **sections_aims.SECTIONS,
}


def render(account: Mapping[str, Any]) -> str:
    """The whole page. Raises KeyError where the template names a section that there is not."""
    return PLACE.sub(lambda place: SECTIONS[place[1]](account), TEMPLATE.read_text("utf-8"))
