"""A classifier that takes its time, named as `tests.serve.slow:scorer`: so that something is in flight."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tests.support.scorers import ScriptedScorer
from tidegate.classifiers import Scored

BATCH_S = 0.05


class SlowScorer(ScriptedScorer):
    """ScriptedScorer that sleeps for each batch."""

    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored:
        time.sleep(BATCH_S)
        return super().score(texts, explain=explain)


def scorer() -> SlowScorer:
    return SlowScorer()
