"""Under which policy this worker decides: the log found, seeded where it is empty, followed, kept, and said."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any, Literal

from tidegate.classifiers import labels_missing
from tidegate.streams.core.policy.log import Folded, Verdict
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.snapshot import LogMatch, to_json
from tidegate.streams.core.policy.tables import Strikes
from tidegate.streams.core.strikes import Terms, terms
from tidegate.streams.errors import BrokerForbids, NoPolicy, StoreUnavailable, TidegateError
from tidegate.streams.kafka.client import Kafka, identity
from tidegate.streams.kafka.producer import Publisher
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.scorer import LiveScorer
from tidegate.streams.policy_log.file import read_policy
from tidegate.streams.policy_log.reader import PolicyLogReader
from tidegate.streams.store import Store
from tidegate.streams.tasks import Tasks

log = logging.getLogger(__name__)

KEEP_AGAIN_S = 60.0  # what is kept is written again: a Redis that came back empty has it then
RETRY_S = 1.0


class PolicyFollower:
    """The policy log as one worker follows it."""

    def __init__(
        self, kafka: Kafka | str, file: Path, worker: str, scorer: LiveScorer, metrics: Metrics, store: Store
    ) -> None:
        """Reads the file. Raises PolicyError: a worker does not start with a file that is wrong."""
        self._kafka = kafka
        self._file, self._seed, self._worker = file, read_policy(file), worker
        self._scorer, self._metrics, self._store = scorer, metrics, store
        self._tasks = Tasks()
        self.policies = PolicyLogReader(kafka, self._record, store.load_policies)
        self._strikes: dict[str, tuple[Strikes, Terms]] = {}  # by policy version, as far as the log reaches back
        self.since_ms: int | None = None  # when this worker took the version that it decides by

    @property
    def live(self) -> LivePolicy:
        """The policy to decide by: one assignment; read it once a batch."""
        return self.policies.live

    @property
    def file(self) -> Literal["same", "ignored"] | None:
        """What the policy file is beside the live policy; None where none is live yet."""
        live = self.policies.log.live
        return None if live is None else "same" if live.policy == self._seed else "ignored"

    def strikes_of(self, version: str) -> tuple[Strikes, Terms] | None:
        """What a policy version says of strikes, if it was ever live; None where the log no longer tells."""
        return self._strikes.get(version)

    async def start(self, publisher: Publisher) -> None:
        """Folds the log from its start, seeds it where it is empty, and follows it from there on.

        Raises BrokerUnavailable, StoreUnavailable and NoPolicy, all of which are waited for; TidegateError where the
        classifier does not give a label of the live policy.
        """
        known = await self.policies.read()
        if known.live is None:
            begun = self.policies.fold_from
            if begun.match is LogMatch.UNKNOWN or begun.gone:
                raise NoPolicy(self.policies.problem or "")
            await self._seed_log(publisher)
        live, scorer = self.live, self._scorer.loaded
        missing = labels_missing(live.labels, scorer)
        if missing:
            raise TidegateError(
                f"policy {live.version}: {', '.join(missing)}: {scorer.version} does not give it; expected one "
                f"of {', '.join(scorer.labels)}; not started"
            )
        self._scorer.under(live)
        if self.file == "ignored":
            log.warning(
                "%s differs from the live policy %s and is ignored; `tidegate policy apply %s` is the way in",
                self._file, live.version, self._file,
            )  # fmt: skip
        self._took(live)
        await self.policies.follow()
        self._tasks.spawn(self._keep())

    async def _seed_log(self, publisher: Publisher) -> None:
        try:
            await self.policies.seed(publisher, self._seed, self._worker)
        except BrokerForbids as error:  # as it should be: who decides by a policy need not be able to change it
            first = f'tidegate policy apply {self._file} --reason "first policy"'
            raise BrokerForbids(
                f"kafka {self._kafka}: policies is empty, and user {identity(self._kafka)} may not write to it; expected "
                f"`{first}` once, by somebody who may; waiting for it"
            ) from error

    async def stop(self) -> None:
        await self._tasks.finish(within_s=0)
        await self.policies.stop()

    def _record(self, folded: Folded, _offset: int, _record: Any) -> None:
        if folded.verdict in (Verdict.LOST, Verdict.INVALID):
            self._metrics.refused.labels(folded.verdict.value).inc()
        elif folded.verdict is Verdict.APPLIED and (made := folded.created) is not None:
            self._took(made)
            scorer = self._scorer.loaded
            for label in labels_missing(made.labels, scorer):  # those of a shadow: scorer.py says them
                log.error("policy %s names %s, which %s does not give", made.version, label, scorer.version)
        elif folded.verdict in (Verdict.SHADOWED, Verdict.DROPPED):
            self._metrics.shadow_is(folded.log.shadow.version if folded.log.shadow else None)

    def _took(self, live: LivePolicy) -> None:
        self._strikes[live.version] = live.policy.strikes, terms(live)
        self.since_ms = int(time.time() * 1000)
        self._metrics.policy_is(live.version)
        self._metrics.shadow_is(live.shadow.version if live.shadow else None)

    async def _keep(self) -> None:
        """Keeps what the log said after each change of it. Where the store is unavailable: again, until it is kept."""
        written, again_at = -1, 0.0
        while True:
            kept = self.policies.snapshot
            if kept.order == written and time.monotonic() < again_at:
                await self.policies.wait_for_change(KEEP_AGAIN_S)
                continue
            try:
                await self._store.save_policies(kept.order, to_json(kept))
                written, again_at = kept.order, time.monotonic() + KEEP_AGAIN_S
            except StoreUnavailable:  # said by all who count
                await self.policies.wait_for_change(RETRY_S)
