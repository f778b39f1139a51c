"""Moderates records outside the pipeline: a worker's own code, without a group, checkpoints or counts.

It returns decisions and publishes nothing.
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
    """Decodes, scores and decides as a worker does, under one policy. A cascade's bands hold its thresholds.

    epoch: the one in the decisions. Dead letters carry no bytes. Call `close` at the end.
    """

    def __init__(
        self, settings: Settings, scorer: LiveScorer, live: LivePolicy, user_key: UserKey, epoch: int = 0
    ) -> None:
        self._live, self._epoch = live, epoch
        self._scoring = Scoring(settings.score_threads, settings.score_timeout_s)
        store = MemoryStore(lambda: int(time.time() * 1000))  # nothing is counted: it stays empty
        self._handler = CompletionHandler(
            self._scoring, scorer.under, store, user_key, lambda: live, Metrics(), keep_bytes_up_to=0
        )

    def close(self) -> None:
        self._scoring.close()

    async def moderate(self, records: Sequence[Record]) -> list[tuple[Moderated, Decision | DeadLetter]]:
        """Returns each record of one partition, scored, with its decision or dead letter; in order. No text raises."""
        if not records:
            return []
        first = records[0]
        partition = TopicPartition(first.topic, first.partition)
        unowned = OwnedPartition(
            partition,
            epoch=self._epoch,
            position=first.offset,
            applied=first.offset,
            belief=CheckpointTrust.NO_CHECKPOINT,
        )
        record_range = RecordRange(unowned, first.offset, list(records), 0)
        (prepared,) = await self._handler.prepare(Batch([record_range], asyncio.Event(), len(records), 0))
        return list(zip(prepared, self._handler.conclude(record_range, prepared, self._live), strict=True))
