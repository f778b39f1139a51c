"""Follows the policy log for one worker: reads it, seeds an empty one, stores a snapshot, and updates metrics."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any, Literal, Protocol

from tidegate.classifiers import labels_missing
from tidegate.streams.core.policy.log import ChangeVerdict, Folded
from tidegate.streams.core.policy.past import PastPolicies
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.snapshot import LogMatch, to_json
from tidegate.streams.core.policy.tables import Strikes
from tidegate.streams.core.strikes import Terms, terms
from tidegate.streams.errors import BrokerForbids, BrokerUnavailable, NoPolicy, StoreUnavailable, TidegateError
from tidegate.streams.kafka.client import Kafka, identity
from tidegate.streams.kafka.producer import Publisher
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.scorer import LiveScorer
from tidegate.streams.policy_log.file import read_policy
from tidegate.streams.policy_log.reader import PolicyLogReader
from tidegate.streams.tasks import Tasks

log = logging.getLogger(__name__)

REWRITE_S = 60.0  # the snapshot is written again: a Redis that came back empty has it then
RETRY_S = 1.0
ABSENT_S = 10.0  # a record that another process read, and we do not see for so long, is there no longer


class Snapshots(Protocol):
    """What following the log needs of the store (`store/__init__.py` describes it)."""

    async def save_policies(self, next_: int, state: str) -> None: ...

    async def load_policies(self) -> str | None: ...


class PolicyFollower:
    """The policy log as one worker follows it."""

    def __init__(
        self, kafka: Kafka | str, file: Path, worker: str, scorer: LiveScorer, metrics: Metrics, store: Snapshots
    ) -> None:
        """Reads the file. Raises PolicyError: a worker does not start with a file that is wrong."""
        self._kafka = kafka
        self._file, self._seed, self._worker = file, read_policy(file), worker
        self._scorer, self._metrics, self._store = scorer, metrics, store
        self._tasks = Tasks()
        self.policies = PolicyLogReader(kafka, self._record, store.load_policies)
        self.past = PastPolicies()  # for what `serve` answered under a policy that is live no longer
        self._absent_to = 0  # nothing below it is waited for any more
        self._strikes: dict[str, tuple[Strikes, Terms]] = {}  # by policy version, as far as the log reaches back
        self.since_ms: int | None = None  # when this worker began to decide under the live version

    @property
    def live(self) -> LivePolicy:
        """The policy to decide under: one assignment; read it once a batch."""
        return self.policies.live

    @property
    def file(self) -> Literal["same", "ignored"] | None:
        """How the policy file compares with the live policy; None where none is live yet."""
        live = self.policies.log.live
        return None if live is None else "same" if live.policy == self._seed else "ignored"

    def strikes_of(self, version: str) -> tuple[Strikes, Terms] | None:
        """Returns a policy version's strike settings; None where it was never live or the log was truncated."""
        return self._strikes.get(version)

    async def read_to(self, next_: int) -> None:
        """Returns once the log is read up to `next_`, exclusive; or after a while, where the log ends before it.

        Raises BrokerUnavailable where it cannot be read now.
        """
        deadline = time.monotonic() + ABSENT_S
        while self.policies.log.next < next_ and next_ > self._absent_to:
            if self.policies.unavailable is not None:
                raise BrokerUnavailable(f"policies: {self.policies.unavailable}")
            if time.monotonic() > deadline:
                self._absent_to = next_
                log.warning("policies@%d: a moderation names it, and the log ends at %d", next_, self.policies.log.next)
            await self.policies.wait_for_change(RETRY_S)

    async def start(self, publisher: Publisher) -> None:
        """Folds the log from its start, seeds it if it is empty, and follows it from there on.

        Raises BrokerUnavailable, StoreUnavailable and NoPolicy, all of which are waited for; TidegateError where the
        classifier does not give a label of the live policy.
        """
        policy_log = await self.policies.read()
        if self.past.next != policy_log.next:  # it began with a snapshot, and nothing came after that
            self.past.begin(policy_log.next, policy_log.live)
        if policy_log.live is None:
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
        self._decide_under(live)
        await self.policies.follow()
        self._tasks.spawn(self._save_snapshots())

    async def _seed_log(self, publisher: Publisher) -> None:
        try:
            await self.policies.seed(publisher, self._seed, self._worker)
        except BrokerForbids as error:  # as it should be: a worker needs no right to change the policy
            first = f'tidegate policy apply {self._file} --reason "first policy"'
            raise BrokerForbids(
                f"kafka {self._kafka}: policies is empty, and user {identity(self._kafka)} may not write to it; "
                f"expected `{first}` once, by somebody who may; waiting for it"
            ) from error

    async def stop(self) -> None:
        await self._tasks.finish(within_s=0)
        await self.policies.stop()

    def _record(self, folded: Folded, offset: int, _record: Any) -> None:
        self.past.fold(offset, self.policies.log.live, folded.log.next, folded.log.live)
        if folded.verdict in (ChangeVerdict.LOST, ChangeVerdict.INVALID):
            self._metrics.refused.labels(folded.verdict.value).inc()
        elif folded.verdict is ChangeVerdict.APPLIED and (made := folded.created) is not None:
            self._decide_under(made)
            scorer = self._scorer.loaded
            for label in labels_missing(made.labels, scorer):  # scorer.py logs those of a shadow
                log.error("policy %s names %s, which %s does not give", made.version, label, scorer.version)
        elif folded.verdict in (ChangeVerdict.SHADOWED, ChangeVerdict.DROPPED):
            self._metrics.set_shadow(folded.log.shadow.version if folded.log.shadow else None)

    def _decide_under(self, live: LivePolicy) -> None:
        self._strikes[live.version] = live.policy.strikes, terms(live)
        self.since_ms = int(time.time() * 1000)
        self._metrics.set_policy(live.version)
        self._metrics.set_shadow(live.shadow.version if live.shadow else None)

    async def _save_snapshots(self) -> None:
        """Saves a snapshot of the log after each change of it. Retries while the store is unavailable."""
        written, again_at = -1, 0.0
        while True:
            kept = self.policies.snapshot
            if kept.order == written and time.monotonic() < again_at:
                await self.policies.wait_for_change(REWRITE_S)
                continue
            try:
                await self._store.save_policies(kept.order, to_json(kept))
                written, again_at = kept.order, time.monotonic() + REWRITE_S
            except StoreUnavailable:  # every pipeline logs it
                await self.policies.wait_for_change(RETRY_S)
