"""One replay from the command line: policy, model and topics are found, then `operations/replay/run.py` works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.classifiers import require_labels
from tidegate.streams.cli.errors import ExitCode, fail, say
from tidegate.streams.cli.policy.file import labels_checked
from tidegate.streams.cli.policy.log import read_log
from tidegate.streams.cli.render import Advance, clock, progress
from tidegate.streams.core.policy.model import digest
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.errors import StoreRefused, TopicsMissing
from tidegate.streams.kafka.admin import TopicsUnequal
from tidegate.streams.kafka.lookup import partition_counts
from tidegate.streams.kafka.producer import Publisher
from tidegate.streams.kafka.reader import RangeReader
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.records import RecordModerator
from tidegate.streams.moderation.scorer import LiveScorer, load_scorer
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.operations.replay.range import ReplayRange, ReplaySurvey, offset_ranges, survey
from tidegate.streams.operations.replay.run import Replay, ReplayAccount, Replays
from tidegate.streams.policy_log.file import read_policy
from tidegate.streams.store.redis import RedisStore
from tidegate.streams.topics import COMPLETIONS, DEAD_LETTERS, DECISIONS, REPLAYS

if TYPE_CHECKING:
    from tidegate.classifiers import Scorer
    from tidegate.streams.settings.settings import Settings


class Run:
    """What was asked, and how far it came: an end before its time is told too."""

    live: LivePolicy

    def __init__(
        self, settings: Settings, within: ReplayRange, policy: Path | None, model: str | None, epoch: int
    ) -> None:
        self._settings, self.within, self._file, self._model = settings, within, policy, model
        self.epoch = epoch  # the time it began, in ms, as a worker's: greater than that of what it replays
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

    async def look(self) -> None:
        """What the range holds, and what is recorded of it. Raises BrokerUnavailable, TopicsMissing, RangeRefused."""
        log = RangeReader(self._settings.brokers)
        try:
            await self._require_topics()
            await self._survey(log)
        finally:
            await log.stop()

    async def replay(self) -> None:
        """All of it. Raises what `look` raises, and SettingsError, PolicyError, ClassifierError, StoreUnavailable."""
        scorer = None if self._model is None else self._scorer(self._model)
        self.live = await self._policy()
        key = UserKey(b"") if scorer is None else await self._user_key()
        if scorer is not None:
            require_labels(self.live.labels, scorer, str(self._file or f"policy {self.live.version}"))
        log = RangeReader(self._settings.brokers)
        try:
            await self._require_topics()
            found = await self._survey(log)
            async with self._publisher() as publisher:
                run = Replay(log, Replays(publisher), found.recorded, self.live, self.epoch, self.account)
                with progress("replayed", found.read) as advance:
                    if scorer is None:
                        await run.decide_again(advance)
                    else:
                        await self._score_again(run, scorer, key, advance)
        finally:
            await log.stop()

    async def _survey(self, log: RangeReader) -> ReplaySurvey:
        """Ends the command where the range holds nothing."""
        # Where texts are scored again, what was decided is only told beside it, as far as it is kept.
        whole = (COMPLETIONS, DECISIONS) if self._model is None else (COMPLETIONS,)
        asked = await offset_ranges(log, self.within, whole=whole)
        with progress("looked at", sum(stretch.end - stretch.start for stretch in asked)) as advance:
            found = await survey(log, asked, self.within, advance)
        if not found.read:
            fail(
                f"no record on {COMPLETIONS} from {clock(self.within.from_ms)} to {clock(self.within.to_ms)}; "
                "expected a range that holds some; nothing replayed",
                ExitCode.WRONG,
            )
        if found.strange:
            say(f"{found.strange:,} records on {DECISIONS} or {DEAD_LETTERS} are neither; left out")
        self.found, self.account = found, ReplayAccount(found.read)
        return found

    async def _require_topics(self) -> None:
        """Raises TopicsMissing, TopicsUnequal."""
        counts = await partition_counts(self._settings.brokers)
        if missing := [topic for topic in (COMPLETIONS, DECISIONS, DEAD_LETTERS, REPLAYS) if topic not in counts]:
            raise TopicsMissing(
                f"kafka {self._settings.brokers}: no topic {', '.join(missing)}; expected `tidegate topics` first"
            )
        for topic in (DECISIONS, REPLAYS):
            if counts[topic] != counts[COMPLETIONS]:
                raise TopicsUnequal(
                    f"{COMPLETIONS} has {counts[COMPLETIONS]} partitions and {topic} {counts[topic]}; expected the "
                    "same number; nothing replayed: add partitions to the smaller topic"
                )

    async def _policy(self) -> LivePolicy:
        """The file's, or the live one. Raises PolicyError, MissingLabelError, BrokerUnavailable."""
        if self._file is not None:
            policy = read_policy(self._file)
            if self._model is None:
                labels_checked(self._settings, policy, str(self._file))
            return LivePolicy(f"file-{digest(policy)}", policy)
        live = (await read_log(self._settings)).log.live
        if live is None:
            fail("no policy is live yet; expected --policy FILE, or a worker to have begun; nothing replayed")
        return live

    def _scorer(self, name: str) -> Scorer:
        settings = self._settings
        return load_scorer(name, settings.classifier_manifest, settings.score_threads, named_by="--model")

    async def _user_key(self) -> UserKey:
        """The workers' key: users must be the same on `replays` and `decisions`. Redis is asked, and not written.

        Raises SettingsError, StoreRefused, StoreUnavailable.
        """
        key, settings = UserKey(self._settings.user_key_bytes()), self._settings
        store = RedisStore(settings.store, settings.namespace)
        try:
            known = await store.user_key()
        finally:
            await store.close()
        if known not in (None, key.fingerprint):
            raise StoreRefused(
                f"redis: decisions were made with user key {known}, TIDEGATE_USER_KEY is {key.fingerprint}; expected "
                "the key that the workers have; nothing replayed"
            )
        return key

    @asynccontextmanager
    async def _publisher(self) -> AsyncIterator[Publisher]:
        settings = self._settings
        publisher = Publisher(
            settings.brokers, idempotent=settings.idempotent, max_record_bytes=settings.max_record_bytes,
            client_id="tidegate-replay",
        )  # fmt: skip
        await publisher.start()
        try:
            yield publisher
        finally:
            await publisher.stop()

    async def _score_again(self, run: Replay, scorer: Scorer, key: UserKey, advance: Advance) -> None:
        live = LiveScorer(scorer, self._scores_by)
        scoring = Scoring(self._settings.score_threads, self._settings.score_timeout_s)
        try:
            await run.score_again(RecordModerator(Moderator(scoring, live.under), key), advance)
        finally:
            scoring.close()

    def _scores_by(self, version: str) -> None:
        self.model_version = version
