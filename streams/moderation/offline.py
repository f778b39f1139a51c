"""Moderates records outside the pipeline: a worker's own code, without a group, checkpoints or counts.

What comes back is decided and nothing more: whoever asks says where it goes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from tidegate.streams.core.events import DeadLetter, Decision
from tidegate.streams.core.partition import Record, TopicPartition
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.ingest.batches import Batch, RecordRange
from tidegate.streams.ingest.takeover import CheckpointTrust, OwnedPartition
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.moderate import CompletionHandler, Moderated
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.scorer import LiveScorer
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.settings.settings import Settings
from tidegate.streams.store.memory import MemoryStore


class Offline:
    """A worker's decoding, scoring and deciding, under one policy. A cascade's bands hold its thresholds.

    epoch: what the decisions carry. Dead letters keep no bytes. To be closed.
    """

    def __init__(
        self, settings: Settings, scorer: LiveScorer, live: LivePolicy, user_key: UserKey, epoch: int = 0
    ) -> None:
        self._live, self._epoch = live, epoch
        self._scoring = Scoring(settings.score_threads, settings.score_timeout_s)
        store = MemoryStore(lambda: int(time.time() * 1000))  # nothing is counted: it stays empty
        self._moderate = CompletionHandler(
            self._scoring, scorer.under, store, user_key, lambda: live, Metrics(), keep_bytes_up_to=0
        )

    def close(self) -> None:
        self._scoring.close()

    async def moderate(self, records: Sequence[Record]) -> list[tuple[Moderated, Decision | DeadLetter]]:
        """Each record of one partition, scored, and what became of it; in order. Never raises for a text's sake."""
        if not records:
            return []
        first = records[0]
        partition = TopicPartition(first.topic, first.partition)
        nobody = OwnedPartition(
            partition,
            epoch=self._epoch,
            position=first.offset,
            applied=first.offset,
            trust=CheckpointTrust.NO_CHECKPOINT,
        )
        span = RecordRange(nobody, first.offset, list(records), 0)
        (prepared,) = await self._moderate.prepare(Batch([span], asyncio.Event(), len(records), 0))
        return list(zip(prepared, self._moderate.conclude(span, prepared, self._live), strict=True))
