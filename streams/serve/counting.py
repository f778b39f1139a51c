"""Counts what was answered: one record on `moderations` for each moderated text, acknowledged before the answer or not.

A worker reads them, decides each again, publishes its decision, and counts it. No record holds a text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

from pydantic_core import to_json

from tidegate.streams.core.decide import Verdict
from tidegate.streams.core.events import Moderation
from tidegate.streams.core.fields import unchecked
from tidegate.streams.kafka.producer import Message
from tidegate.streams.moderation.moderator import Moderated
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.serve.growing import Call, stream_name
from tidegate.streams.serve.stream_counting import StreamCounting
from tidegate.streams.serve.writing import Publish, RecordWriter
from tidegate.streams.topics import MODERATIONS

CountMode = Literal["required", "best_effort", "off"]
WAITING = 10_000  # records that wait for Kafka, at the most: some 20 MB
TOGETHER = 500  # records of one write

# Called with how many records were acknowledged; and with why, and how many, were not.
Counted = Callable[[int], None]
Uncounted = Callable[[str, int], None]


def moderation_of(row: Moderated, key: UserKey, policies_next: int, request_id: str | None) -> Moderation:
    """Returns the record of one moderated text. Its id is the completion's."""
    completion, judged, verdict = row
    tenant = completion.tenant
    return unchecked(
        Moderation,
        {
            "schema_version": 1,
            "id": completion.id,
            "request_id": request_id,
            "policies_next": policies_next,
            "action": verdict.action,
            "reasons": verdict.reasons,
            "spans": verdict.spans,
            "fault": judged.fault,
            "status": judged.status,
            "scores": dict(judged.scores),
            "choice_of": dict(judged.choice_of),
            "by_encoder": judged.by_encoder,
            "prompt_scores": dict(judged.prompt_scores),
            "prompt_by_encoder": judged.prompt_by_encoder,
            "scopes": judged.scopes,
            "user": None if completion.user is None else key.hash(tenant, completion.user),
            "conversation": None if completion.conversation is None else key.hash(tenant, completion.conversation),
            "event_ms": completion.at_ms,
            "policy_version": verdict.policy_version,
            "model_version": verdict.model_version,
            "would_be": verdict.would_be,
            "dropped": completion.dropped,
        },
    )


def moderation_message(moderation: Moderation) -> Message:
    """Returns the moderation as one record: those of one user, of one tenant, under one key."""
    who = moderation.user or moderation.conversation or moderation.id
    return Message(MODERATIONS, f"{moderation.scopes.tenant}:{who}".encode(), to_json(moderation))


class Counting:
    """Writes the records of one process. Call `start`, and `stop` at the end.

    since: returns from which offset of `policies` on a verdict's policy and shadow were live.
    streams: makes what counts texts that are asked about while they grow, under `best_effort`; None counts each call.
    """

    def __init__(
        self,
        mode: CountMode,
        publish: Publish,
        key: UserKey,
        since: Callable[[Verdict], int],
        counted: Counted = lambda _: None,
        uncounted: Uncounted = lambda _, __: None,
        waiting: int = WAITING,
        streams: Callable[[Callable[[Sequence[Message]], None]], StreamCounting] | None = None,
    ) -> None:
        self._mode, self._key, self._since, self._uncounted = mode, key, since, uncounted
        self._writer = RecordWriter(
            publish, "moderations are not counted", counted, uncounted, most=waiting, together=TOGETHER
        )
        self._stopping = False
        self.streams = streams(self._put) if streams is not None and mode == "best_effort" else None

    def start(self) -> None:
        if self._mode == "best_effort":
            self._writer.start()
        if self.streams is not None:
            self.streams.start()

    async def count(self, rows: Sequence[Moderated], request_id: str | None, call_id: str | None = None) -> None:
        """Counts the rows of one request. Raises NotCounted where they must be acknowledged, and are not.

        call_id: the caller's, of calls about the same texts, which grow; None: the texts are whole.
        """
        if self._mode == "off" or not rows:
            return
        messages = [
            moderation_message(moderation_of(row, self._key, self._since(row.verdict), request_id)) for row in rows
        ]
        if self._mode == "required":
            await self._writer.write(messages)
        elif self.streams is not None and call_id is not None:
            for choice, (row, message) in enumerate(zip(rows, messages, strict=True)):
                stream = stream_name(row.completion.tenant, call_id, choice)
                call = Call(stream, row.completion.choices[0], row.verdict.action.strength, message)
                try:
                    await self.streams.count(call)
                except asyncio.CancelledError:  # the request's time is over: its owner may have it, or not
                    self._uncounted("failed", len(messages) - choice)
                    raise
        else:
            self._put(messages)

    def _put(self, messages: Sequence[Message]) -> None:
        self._writer.put(messages, bounded=not self._stopping)

    async def stop(self, within_s: float) -> None:
        """Writes what waits, for so long at the most; the rest is not counted."""
        self._stopping = True  # texts that grew are in memory already: the bound of what waits is not theirs
        if self.streams is not None:
            await self.streams.stop()
        await self._writer.stop(within_s)
