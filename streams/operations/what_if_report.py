"""What a what-if found, for programs, and what its figures cannot know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tidegate.streams.operations.times import clock
from tidegate.streams.operations.what_if import WhatIfRange, WhatIfResult


def as_json(found: WhatIfResult, over: WhatIfRange, policies: dict[str, Any]) -> dict[str, Any]:
    """Everything, for programs: the same topics give the same bytes."""
    return {
        **policies,
        "since_ms": over.since_ms,
        "until_ms": over.until_ms,
        "effects": found.effects.model_dump(mode="json"),
        "never_scored": [named.model_dump(mode="json") for named in found.never_scored],
        "not_judged": found.not_judged,
        "without_spans": found.without_spans,
        "alerts": {
            "was": None if found.was is None else found.was.model_dump(mode="json"),
            "now": found.now.model_dump(mode="json"),
        },
        "read": {
            "records": found.recent.records,
            "not_decisions": found.recent.not_decisions,
            "decided_again": found.recent.decided_again,
            "feedback": found.feedback,
            "kept_since_ms": found.recent.complete_from_ms,
        },
        "warnings": [*warnings(found, over)],
    }


def warnings(found: WhatIfResult, over: WhatIfRange) -> Iterator[str]:
    """What the figures do not say, or cannot know."""
    effects, rests = found.effects, found.effects.rests_on
    if effects.looser:
        yield (
            f"{effects.looser:,} become weaker, and nothing here says how many of them were right: nobody complains "
            "of, or reviews, what was never seen"
        )
    if rests.screen:
        yield (
            f"{rests.screen:,} of {effects.changed:,} changes rest on the screen alone: the encoder did not read what "
            "they hang on, and may say otherwise where the policy's thresholds make it"
        )
    if rests.one_model:
        yield f"{rests.one_model:,} of {effects.changed:,} changes rest on a model that gives every score by itself"
    for named in found.never_scored:
        of_all = f"of {effects.decisions:,} decisions"
        unknown = "what it would do is not known"
        if named.of == "prompt":
            yield f"prompt_labels.{named.label}: {of_all} none holds a prompt's score of it: {unknown}"
        else:
            yield f"labels.{named.label}: {of_all} {named.decisions:,} hold no score of it: {unknown}"
    if found.without_spans:
        yield (
            f"{found.without_spans:,} reach a redact threshold and hold no spans: they are reviews here, and would be "
            "redacted where spans are found"
        )
    if found.not_filled_ms is not None:
        yield (
            f"what fills the windows before {clock(found.not_filled_ms)} is in part deleted: alerts up to there are of "
            "less than there was"
        )
    if found.recent.expired:
        yield f"{found.recent.expired} partitions of decisions keep nothing: everything in them was deleted"
    if found.feedback_from_ms is not None and found.feedback_from_ms > over.since_ms:
        yield f"feedback from before {clock(found.feedback_from_ms)} was deleted: what people said then is not here"
    if found.overflowed:
        yield (
            f"more {', '.join(f'{kind}s' for kind in found.overflowed)} than TIDEGATE_LIVE_SCOPES in the range: those "
            "that came last count together here, other ones may have done so live"
        )
