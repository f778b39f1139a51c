"""One replay: what the range holds, under which policy, by which model; then `run.py` decides or scores again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from tidegate.classifiers import Scorer, require_labels
from tidegate.streams.core.policy.model import digest
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.errors import RequestInvalid, RequestRefused, StoreRefused, TopicsMissing
from tidegate.streams.kafka.admin import TopicsUnequal
from tidegate.streams.kafka.lookup import partition_counts
from tidegate.streams.kafka.producer import Publisher
from tidegate.streams.kafka.reader import RangeReader
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.records import RecordModerator
from tidegate.streams.moderation.scorer import LiveScorer
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.operations.deployment import Advance, Deployment, Note, Progress, no_progress, unheeded
from tidegate.streams.operations.policy_history import NamedPolicy
from tidegate.streams.operations.policy_toml import labels_checked
from tidegate.streams.operations.replay.range import ReplayRange, ReplaySurvey, offset_ranges, survey
from tidegate.streams.operations.replay.run import Replay, ReplayAccount, Replays
from tidegate.streams.operations.times import clock
from tidegate.streams.policy_log.history import read_log
from tidegate.streams.store.redis import RedisStore
from tidegate.streams.topics import COMPLETIONS, DEAD_LETTERS, DECISIONS, REPLAYS


class Rescoring(NamedTuple):
    """How texts are scored again: by which model, and under the workers' key, so that users are the same."""

    scorer: Scorer
    user_key: UserKey
    threads: int  # that score
    timeout_s: float  # of a batch, and of a text


class ReplayRun:
    """A replay, and how far it came: an end before its time has an account, too."""

    live: LivePolicy

    def __init__(
        self,
        deployment: Deployment,
        within: ReplayRange,
        epoch: int,
        *,
        policy: NamedPolicy | None = None,
        rescoring: Rescoring | None = None,
        progress: Progress = no_progress,
        note: Note = unheeded,
    ) -> None:
        """policy: the live one where none is given. rescoring: without it, the recorded scores are decided again.

        epoch: the time it began, in ms, as a worker's: greater than that of what it replays.
        """
        self._deployment, self.within, self.epoch = deployment, within, epoch
        self._policy, self._rescoring, self._progress, self._note = policy, rescoring, progress, note
        self.model_version: str | None = None  # of the model that scores again
        self.found: ReplaySurvey | None = None
        self.account = ReplayAccount(0)

    @property
    def recorded(self) -> dict[str, int]:
        """What is recorded of the range's records, each counted once."""
        recorded = self.found.recorded if self.found else ()
        return {
            "decided": sum(len(partition) - partition.dead_letters - partition.nothing for partition in recorded),
            "dead_letters": sum(partition.dead_letters for partition in recorded),
            "without_decision": sum(partition.nothing for partition in recorded),
        }

    async def survey(self, *, rescored: bool = False) -> None:
        """What the range holds, and what is recorded of it. Writes nothing.

        rescored: that texts are to be scored again. Raises BrokerUnavailable, TopicsMissing, RangeRefused, and
        RequestInvalid where the range holds nothing.
        """
        log = RangeReader(self._deployment.brokers)
        try:
            await self._require_topics()
            await self._survey(log, rescored)
        finally:
            await log.stop()

    async def replay(self) -> None:
        """All of it. Raises as `survey`, and RequestRefused, StoreRefused, ClassifierError, StoreUnavailable."""
        self.live = await self._policy_to_decide_by()
        if self._rescoring is not None:
            await self._require_key(self._rescoring.user_key)
            where = self._policy.name if self._policy else f"policy {self.live.version}"
            require_labels(self.live.labels, self._rescoring.scorer, where)
        log = RangeReader(self._deployment.brokers)
        try:
            await self._require_topics()
            found = await self._survey(log, self._rescoring is not None)
            async with self._publisher() as publisher:
                run = Replay(log, Replays(publisher), found.recorded, self.live, self.epoch, self.account)
                with self._progress("replayed", found.read) as advance:
                    if self._rescoring is None:
                        await run.decide_again(advance)
                    else:
                        await self._score_again(run, self._rescoring, advance)
        finally:
            await log.stop()

    async def _survey(self, log: RangeReader, rescored: bool) -> ReplaySurvey:
        # Where texts are scored again, what was decided is only shown beside it, as far as it is kept.
        whole = (COMPLETIONS,) if rescored else (COMPLETIONS, DECISIONS)
        asked = await offset_ranges(log, self.within, whole=whole)
        with self._progress("looked at", sum(stretch.end - stretch.start for stretch in asked)) as advance:
            found = await survey(log, asked, self.within, advance)
        if not found.read:
            raise RequestInvalid(
                f"no record on {COMPLETIONS} from {clock(self.within.from_ms)} to {clock(self.within.to_ms)}; "
                "expected a range that holds some; nothing replayed"
            )
        self.found, self.account = found, ReplayAccount(found.read)
        return found

    async def _require_topics(self) -> None:
        """Raises TopicsMissing, TopicsUnequal."""
        brokers = self._deployment.brokers
        counts = await partition_counts(brokers)
        if missing := [topic for topic in (COMPLETIONS, DECISIONS, DEAD_LETTERS, REPLAYS) if topic not in counts]:
            raise TopicsMissing(f"kafka {brokers}: no topic {', '.join(missing)}; expected `tidegate topics` first")
        for topic in (DECISIONS, REPLAYS):
            if counts[topic] != counts[COMPLETIONS]:
                raise TopicsUnequal(
                    f"{COMPLETIONS} has {counts[COMPLETIONS]} partitions and {topic} {counts[topic]}; expected the "
                    "same number; nothing replayed: add partitions to the smaller topic"
                )

    async def _policy_to_decide_by(self) -> LivePolicy:
        """The given one, or the live one. Raises MissingLabelError, RequestRefused, BrokerUnavailable."""
        if self._policy is not None:
            name, policy = self._policy
            if self._rescoring is None:
                await asyncio.to_thread(labels_checked, self._deployment, policy, name)
            return LivePolicy(f"file-{digest(policy)}", policy)
        live = (await read_log(self._deployment, self._note)).log.live
        if live is None:
            raise RequestRefused(
                "no policy is live yet; expected --policy FILE, or a worker to have begun; nothing replayed"
            )
        return live

    async def _require_key(self, key: UserKey) -> None:
        """The workers' key: users must be the same on `replays` and `decisions`. Redis is asked, and not written.

        Raises StoreRefused, StoreUnavailable.
        """
        store = RedisStore(self._deployment.store, self._deployment.namespace)
        try:
            stored = await store.user_key()
        finally:
            await store.close()
        if stored not in (None, key.fingerprint):
            raise StoreRefused(
                f"redis: decisions were made with user key {stored}, TIDEGATE_USER_KEY is {key.fingerprint}; expected "
                "the key that the workers have; nothing replayed"
            )

    @asynccontextmanager
    async def _publisher(self) -> AsyncIterator[Publisher]:
        deployment = self._deployment
        publisher = Publisher(
            deployment.brokers, idempotent=deployment.idempotent, max_record_bytes=deployment.max_record_bytes,
            client_id="tidegate-replay",
        )  # fmt: skip
        await publisher.start()
        try:
            yield publisher
        finally:
            await publisher.stop()

    async def _score_again(self, run: Replay, by: Rescoring, advance: Advance) -> None:
        scoring = Scoring(by.threads, by.timeout_s)
        moderator = Moderator(scoring, LiveScorer(by.scorer, self._scores_by).under)
        try:
            await run.score_again(RecordModerator(moderator, by.user_key), advance)
        finally:
            scoring.close()

    def _scores_by(self, version: str) -> None:
        self.model_version = version
