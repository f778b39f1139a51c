"""Under which policy this worker decides: the log found, seeded where it is empty, followed, and said."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from classifiers import labels_missing
from streams.core.log import Folded, Verdict
from streams.core.policy import Policy
from streams.core.thresholds import LivePolicy
from streams.errors import TidegateError
from streams.metrics import Metrics
from streams.policies import Policies
from streams.policy_file import read_policy
from streams.publish import Publisher
from streams.scorer import LiveScorer

log = logging.getLogger(__name__)


class InForce:
    """The policy log as one worker follows it."""

    def __init__(self, kafka: str, file: Path, worker: str, scorer: LiveScorer, metrics: Metrics) -> None:
        """Reads the file. Raises PolicyError: a worker does not start with a file that is wrong."""
        self._file, self._seed, self._worker = file, read_policy(file), worker
        self._scorer, self._metrics = scorer, metrics
        self.policies = Policies(kafka, self._record)

    @property
    def live(self) -> LivePolicy:
        """The policy to decide by: one assignment; read it once a batch."""
        return self.policies.live

    @property
    def seed(self) -> Policy:
        """The policy of this worker's file."""
        return self._seed

    async def find(self, publisher: Publisher) -> None:
        """Folds the log from its start, seeds it where it is empty, and follows it from there on.

        Raises BrokerAway; TidegateError where the classifier does not give a label of the live policy.
        """
        known = await self.policies.read()
        if known.live is None:
            await self.policies.seed(publisher, self._seed, self._worker)
        live, scorer = self.live, self._scorer.loaded
        missing = labels_missing(live.labels, scorer)
        if missing:
            raise TidegateError(
                f"policy {live.version}: {', '.join(missing)}: {scorer.version} does not give it; expected one "
                f"of {', '.join(scorer.labels)}; not started"
            )
        self._scorer.under(live)
        if live.policy != self._seed:
            log.warning(
                "%s differs from the live policy %s and is ignored; `tidegate policy apply %s` is the way in",
                self._file, live.version, self._file,
            )  # fmt: skip
        self._metrics.policy_is(live.version)
        self._metrics.shadow_is(live.shadow.version if live.shadow else None)
        await self.policies.follow()

    def _record(self, folded: Folded, _offset: int, _record: Any) -> None:
        if folded.verdict in (Verdict.LOST, Verdict.INVALID):
            self._metrics.refused.labels(folded.verdict.value).inc()
        elif folded.verdict is Verdict.APPLIED and (made := folded.made) is not None:
            self._metrics.policy_is(made.version)
            scorer = self._scorer.loaded
            for label in labels_missing(made.labels, scorer):  # those of a shadow: scorer.py says them
                log.error("policy %s names %s, which %s does not give", made.version, label, scorer.version)
        shadow = folded.log.shadow
        self._metrics.shadow_is(shadow.version if shadow else None)
