"""`tidegate serve` beside Kafka: it follows the live policy as a worker does, and counts what it answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.streams.core.decide import Verdict, judge
from tidegate.streams.core.events import Completion, Feedback
from tidegate.streams.core.policy.log import ChangeVerdict, Folded
from tidegate.streams.core.policy.past import PastPolicies
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.errors import BrokerUnavailable, NoPolicy, TidegateError, TopicsMissing
from tidegate.streams.kafka.client import Kafka, missing_topic_hint
from tidegate.streams.kafka.completion_producer import feedback_message
from tidegate.streams.kafka.lookup import partition_counts
from tidegate.streams.kafka.producer import Publisher
from tidegate.streams.local import labels_not_given
from tidegate.streams.moderation.moderator import Moderated, Moderator
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.policy_log.reader import PolicyLogReader
from tidegate.streams.serve.counting import Counting, CountMode
from tidegate.streams.serve.growing import QUIET_S
from tidegate.streams.serve.metrics import ServeMetrics
from tidegate.streams.serve.siblings import Answer, Family
from tidegate.streams.serve.stream_counting import COUNT, StreamCounting
from tidegate.streams.serve.suggestions import FeedbackSink
from tidegate.streams.serve.texts import KeptTexts
from tidegate.streams.tasks import retry_named
from tidegate.streams.topics import MODERATED_TEXTS, MODERATIONS, POLICIES

log = logging.getLogger(__name__)

BACKOFF_S = (0.2, 5.0)


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """What a process beside Kafka is given. user_key: the workers' own, so that a user is one by both doors.

    keep_text: texts go to a topic, for evidence. quiet_s: after the last call about a text that grows, until it is
    counted.
    """

    brokers: Kafka | str
    user_key: UserKey
    count: CountMode = "best_effort"
    idempotent: bool = True
    max_record_bytes: int = 1_000_000
    client_id: str = "tidegate-serve"
    keep_text: bool = False
    quiet_s: float = QUIET_S


class LiveServe:
    """The policy log and the counting of one process."""

    def __init__(self, options: KafkaOptions, metrics: ServeMetrics, family: Family | None = None) -> None:
        """family: of several processes, each of which counts some of the streams."""
        o = self._options = options
        self._moderator: Moderator | None = None
        self._publisher = Publisher(
            o.brokers, idempotent=o.idempotent, max_record_bytes=o.max_record_bytes, client_id=o.client_id
        )
        # A producer of its own: what goes wrong with texts keeps nothing from being counted.
        self._text_publisher = Publisher(
            o.brokers, idempotent=o.idempotent, max_record_bytes=o.max_record_bytes, client_id=f"{o.client_id}-texts"
        )
        self._texts = KeptTexts(
            o.count if o.keep_text else "off", self._text_publisher.publish, o.max_record_bytes,
            metrics.kept.inc, lambda why, n: metrics.unkept.labels(why).inc(n),
        )  # fmt: skip
        self._policies = PolicyLogReader(o.brokers, self._record)
        self._past = PastPolicies()
        self._counting = Counting(
            o.count, self._publisher.publish, o.user_key, self._since,
            metrics.counted.inc, lambda why, n: metrics.uncounted.labels(why).inc(n),
            streams=lambda put: StreamCounting(put, metrics.merged.inc, family, o.quiet_s),
        )  # fmt: skip

    async def open(self, moderator: Moderator, waiting_for: MutableMapping[str, str]) -> None:
        """Waits for Kafka, the topics and a live policy, and names what it waits for.

        Raises TidegateError where the classifier does not give a label of that policy.
        """
        await _wait_for("topics", self._find_topics, waiting_for)
        if self._options.count != "off":
            await _wait_for("kafka", self._publisher.start, waiting_for)
        if self._options.keep_text:
            await _wait_for("kafka", self._text_publisher.start, waiting_for)
        await _wait_for("policies", self._read, waiting_for)
        if (wrong := labels_not_given(self._policies.live, moderator)) is not None:
            raise TidegateError(f"{wrong}; not started")
        self._moderator = moderator
        await self._policies.follow()
        self._counting.start()
        if self._options.keep_text:
            self._texts.start()
            log.warning(
                "texts are kept: what is moderated goes to the topic %s, and who may read that reads them "
                "(TIDEGATE_SERVE_KEEP_TEXT)",
                MODERATED_TEXTS,
            )
        log.info("policy %s is live; what is answered is counted: %s", self._policies.live.version, self._options.count)

    async def _find_topics(self) -> None:
        o, counts = self._options, await partition_counts(self._options.brokers)
        for topic, needed, otherwise in (
            (POLICIES, True, ""),
            (MODERATIONS, o.count != "off", ", or set TIDEGATE_SERVE_COUNT=off"),
            (MODERATED_TEXTS, o.keep_text, ", or unset TIDEGATE_SERVE_KEEP_TEXT"),
        ):
            if needed and topic not in counts:
                raise TopicsMissing(
                    f"kafka {o.brokers}: no topic {topic}; expected it: run `tidegate topics`{otherwise}"
                    f"{missing_topic_hint(o.brokers)}; waiting for it"
                )

    async def _read(self) -> None:
        policy_log = await self._policies.read()
        if policy_log.live is None:
            raise NoPolicy(
                f"kafka {self._options.brokers}: {POLICIES} holds no policy; expected a worker to write the first one, "
                "or `tidegate policy apply FILE`; waiting for it"
            )

    def _record(self, folded: Folded, offset: int, _: Any) -> None:
        self._past.fold(offset, None, folded.log.next, folded.log.live)
        made = folded.created if folded.verdict is ChangeVerdict.APPLIED else None
        wrong = labels_not_given(made, self._moderator) if made and self._moderator else None
        if wrong is not None:
            log.error("%s; nothing is asked of it", wrong)

    def _since(self, verdict: Verdict) -> int:
        shadow = verdict.would_be.policy_version if verdict.would_be else None
        return self._past.since(verdict.policy_version, shadow)

    @property
    def feedback(self) -> FeedbackSink:
        """Where people's suggestions go."""
        return FeedbackSink(self._publish_feedback, self._options.user_key.text)

    async def _publish_feedback(self, feedback: Sequence[Feedback], /) -> None:
        await self._publisher.publish([feedback_message(one) for one in feedback])

    @property
    def policy(self) -> LivePolicy:
        """The live one. Call `open` first."""
        return self._policies.live

    def policy_of(self, verdict: Verdict) -> LivePolicy:
        """The one that the verdict is of, as far as is known; else the live one."""
        return self._past.at(self._since(verdict)) or self._policies.live

    async def moderate(self, completions: Sequence[Completion]) -> list[Moderated]:
        """Returns a row a completion: the verdict of the policy that is live now. Call `open` first."""
        assert self._moderator is not None  # noqa: S101 - `open` sets it
        return await self._moderator.moderate(completions, self._policies.live)

    async def count(self, rows: Sequence[Moderated], request_id: str | None, call_id: str | None = None) -> None:
        """Counts moderated completions. Raises NotCounted. call_id: as of `Counting.count`."""
        await self._counting.count(rows, request_id, call_id)
        await self._texts.keep(rows)

    async def count_blocked_prompts(self, rows: Sequence[Moderated], request_id: str | None) -> None:
        """Counts prompts that were blocked before a model was asked: by their own scores alone. Raises NotCounted."""
        blocked = []
        for completion, judged, verdict in rows:
            of_prompt = judged._replace(status="prompt_blocked", scores={}, choice_of={}, by_encoder=None, spans=())
            blocked.append(Moderated(completion, of_prompt, judge(of_prompt, self.policy_of(verdict))))
        await self._counting.count(blocked, request_id)
        await self._texts.keep(blocked)

    @property
    def answers(self) -> dict[str, Answer]:
        """What the other processes ask of this one."""
        return {} if self._counting.streams is None else {COUNT: self._counting.streams.answer}

    @property
    def growing(self) -> int:
        """Texts that may still grow, and are not counted yet."""
        return 0 if self._counting.streams is None else self._counting.streams.growing

    async def close(self, within_s: float) -> None:
        """Writes what waits, and ends every connection."""
        await asyncio.gather(self._counting.stop(within_s), self._texts.stop(within_s))
        await self._policies.stop()
        await asyncio.gather(self._publisher.stop(), self._text_publisher.stop())


async def _wait_for(what: str, call: Callable[[], Awaitable[Any]], waiting_for: MutableMapping[str, str]) -> None:
    await retry_named(
        what, call, waiting_for, backoff_s=BACKOFF_S, wanted=lambda: True,
        errors=(BrokerUnavailable, TopicsMissing, NoPolicy),
    )  # fmt: skip
