"""`tidegate serve` beside Kafka: the live policy, and one record on `moderations` for each text that it answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from tests.serve.conftest import SCORE_S, ServeRig
from tests.support.scorers import ScriptedScorer
from tests.support.stacks import Stack
from tidegate.streams.core.events import Feedback, Moderation
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.records import PolicyChange, ShadowChange
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.kafka.producer import Message, Publisher
from tidegate.streams.kafka.reader import read_all
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.policy_log.reader import PolicyLogReader
from tidegate.streams.serve.counting import Counting, CountMode
from tidegate.streams.serve.growing import QUIET_S
from tidegate.streams.serve.live import KafkaOptions
from tidegate.streams.serve.process import ServeOptions
from tidegate.streams.wire import decode_feedback

KEY = UserKey(b"0123456789abcdef")
POLICY: dict[str, Any] = {
    "labels": {"toxicity": {"flag": 0.3, "block": 0.9}},
    "prompt_labels": {"threat": {"flag": 0.6, "block": 0.9}},
    "faults": {"fail": "closed"},
}


class LiveRig:
    """Topics with a policy on them, a process that serves beside them, and what it wrote."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.publisher = Publisher(stack.kafka, idempotent=False, max_record_bytes=1_000_000, client_id="test")
        self.log = PolicyLogReader(stack.kafka)
        self.served: list[ServeRig] = []

    async def open(self) -> None:
        await ensure_topics(self.stack.kafka, 2, self.stack.replication)
        await self.publisher.start()
        await self.write(PolicyChange(parent=None, policy=POLICY, author="ann", reason="first", at_ms=1))

    async def write(self, record: PolicyChange | ShadowChange) -> LivePolicy:
        await self.publisher.publish([Message("policies", b"live", record.model_dump_json().encode(), 0)])
        live = (await self.log.read()).live
        assert live is not None
        return live

    async def serve(
        self, count: CountMode = "required", *, wait: bool = True, quiet_s: float = QUIET_S, **options: Any
    ) -> ServeRig:
        kafka = KafkaOptions(self.stack.kafka, KEY, count, idempotent=False, quiet_s=quiet_s)
        rig = ServeRig(ServeOptions(**options), Moderator(Scoring(1, SCORE_S), lambda _: ScriptedScorer()), kafka)
        self.served.append(rig)
        opening = asyncio.create_task(rig.process.open())
        if wait:
            await opening
        return rig

    async def moderations(self) -> list[Moderation]:
        """In the order of their ids, which grow with time."""
        async with aclosing(read_all(self.stack.kafka, "moderations")) as records:
            found = [Moderation.read(record.value) async for record in records]
        return sorted(found, key=lambda one: one.id)

    async def close(self) -> None:
        for rig in self.served:
            await rig.close()
        await self.log.stop()
        await self.publisher.stop()


@pytest.fixture
async def live(own_stack: Stack) -> AsyncIterator[LiveRig]:
    rig = LiveRig(own_stack)
    await rig.open()
    yield rig
    await rig.close()


def metric(rig: ServeRig, name: str, **labels: str) -> float:
    return rig.process.metrics.registry.get_sample_value(f"tidegate_{name}", labels) or 0


async def until(holds: Any, within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "did not come to hold"
        await asyncio.sleep(0.05)


# --- the records


async def test_each_text_answered_is_one_record(live: LiveRig) -> None:
    rig = await live.serve()
    status, _, _ = await rig.post("/v1/moderations", {"input": ["toxicity=0.95", "fine"]}, x_request_id="mine")
    assert status == 200
    given = {"completion": "toxicity=0.4", "tenant": "acme", "user": "ann", "model": "m", "conversation": "c"}
    status, decided, _ = await rig.post("/v1/decide", {"id": "caller-7", **given})
    assert status == 200
    first, second, third = await live.moderations()
    assert [one.action.value for one in (first, second, third)] == ["block", "allow", "flag"]
    assert [one.request_id for one in (first, second, third)] == ["mine", "mine", "caller-7"]
    assert third.id == decided["id"]
    assert (third.scopes.tenant, third.scopes.model) == ("acme", "m")
    assert (third.user, third.conversation) == (KEY.hash("acme", "ann"), KEY.hash("acme", "c"))
    assert {one.policies_next for one in (first, second, third)} == {1}
    assert metric(rig, "http_counted_total") == 3
    assert len({first.id, second.id, third.id}) == 3


async def test_no_record_holds_a_text_or_a_user(live: LiveRig) -> None:
    rig = await live.serve()
    canary = "xylophone-canary"
    body = {"id": "i", "completion": f"toxicity=0.95 {canary}", "prompt": f"{canary} p", "user": f"{canary}@example"}
    assert (await rig.post("/v1/decide", body))[0] == 200
    async with aclosing(read_all(live.stack.kafka, "moderations")) as records:
        raw = [(record.key or b"") + (record.value or b"") async for record in records]
    assert len(raw) == 1
    assert canary.encode() not in raw[0]


async def test_a_refused_request_is_no_record(live: LiveRig) -> None:
    rig = await live.serve()
    assert (await rig.post("/v1/moderations", {"input": 3}))[0] == 400
    assert (await rig.post("/v1/moderations", {"input": "RAISE"}))[0] == 503  # no form for a fault: not answered
    assert await live.moderations() == []


async def test_a_fault_that_is_answered_is_a_record(live: LiveRig) -> None:
    rig = await live.serve()
    status, body, _ = await rig.post("/v1/decide", {"id": "1", "completion": "RAISE"})
    assert (status, body["fault"]) == (200, "classifier_error")
    (found,) = await live.moderations()
    assert (found.fault, found.action.value) == ("classifier_error", "block")


async def test_a_blocked_prompt_is_a_record_of_its_own(live: LiveRig) -> None:
    """The prompt that passes is none: the answer's call carries it again."""
    rig = await live.serve()
    assert (await rig.post("/v1/guard", {"prompt": "threat=0.7"}))[1]["action"] == "allow"
    assert (await rig.post("/v1/guard", {"prompt": "threat=0.95", "tenant": "acme"}))[1]["action"] == "block"
    (found,) = await live.moderations()
    assert (found.status, found.action.value, found.scopes.tenant) == ("prompt_blocked", "block", "acme")
    assert (dict(found.scores), [reason.of for reason in found.reasons]) == ({}, ["prompt"])
    assert found.prompt_scores["threat"] == pytest.approx(0.95)


# --- the policy


async def test_it_follows_the_live_policy_and_shadow(live: LiveRig) -> None:
    rig = await live.serve()
    first = (await live.log.read()).live
    assert first is not None
    stricter = {**POLICY, "labels": {"toxicity": {"block": 0.2}}}
    beside = await live.write(ShadowChange(parent=None, policy=stricter, author="ann", reason="try", at_ms=2))
    assert beside.shadow is not None

    async def answered() -> dict[str, Any]:
        _, body, _ = await rig.post("/v1/decide", {"id": "1", "completion": "toxicity=0.25"})
        return dict(body)

    async def shadowed() -> bool:
        await answered()
        return (await live.moderations())[-1].would_be is not None

    deadline = time.monotonic() + 20
    while not await shadowed():
        assert time.monotonic() < deadline
    found = (await live.moderations())[-1]
    assert found.would_be is not None
    assert (found.action.value, found.would_be.action.value) == ("allow", "block")
    assert (found.policies_next, found.would_be.policy_version) == (2, beside.shadow.version)
    changed = await live.write(PolicyChange(parent=first.version, policy=stricter, author="ann", reason="now", at_ms=3))
    while (body := await answered())["policy_version"] != changed.version:
        assert time.monotonic() < deadline
    assert body["action"] == "block"
    assert (await live.moderations())[-1].policies_next == 3


async def test_it_waits_for_a_first_policy(own_stack: Stack) -> None:
    await ensure_topics(own_stack.kafka, 1, own_stack.replication)
    rig = LiveRig(own_stack)
    await rig.publisher.start()
    served = await rig.serve(wait=False)
    try:
        await until(lambda: "policies" in served.process.waiting_for)
        assert "holds no policy; expected a worker to write the first one" in served.process.waiting_for["policies"]
        status, text, _ = await served.get("/readyz", probes=True)
        assert (status, "policies" in text) == (503, True)
        await rig.write(PolicyChange(parent=None, policy=POLICY, author="ann", reason="first", at_ms=1))
        await until(lambda: not served.process.waiting_for)
        assert (await served.post("/v1/moderations", {"input": "fine"}))[0] == 200
    finally:
        await rig.close()


# --- what must be counted, and what may not be


async def test_required_answers_503_while_kafka_is_silent(live: LiveRig) -> None:
    rig = await live.serve("required", timeout_s=1)
    live.stack.freeze_broker()
    status, body, headers = await rig.post("/v1/moderations", {"input": "fine"})
    live.stack.thaw_broker()
    assert (status, body["error"]["type"]) == (503, "server_error")
    assert headers["retry-after-ms"]
    assert metric(rig, "http_uncounted_total", reason="failed") == 1
    assert (await rig.post("/v1/moderations", {"input": "fine"}))[0] == 200


async def test_best_effort_answers_and_counts_the_uncounted(live: LiveRig) -> None:
    rig = await live.serve("best_effort", drain_s=0.5)
    assert (await rig.post("/v1/moderations", {"input": "fine"}))[0] == 200
    await until(lambda: metric(rig, "http_counted_total") == 1)
    live.stack.freeze_broker()
    try:
        for _ in range(5):
            assert (await rig.post("/v1/moderations", {"input": "fine"}))[0] == 200
        assert await rig.process.close()
    finally:
        live.stack.thaw_broker()
    assert metric(rig, "http_uncounted_total", reason="stopped") == 5


async def test_a_full_buffer_is_answered_and_not_counted() -> None:
    """What Kafka does not take waits up to a bound; beyond it an answer is given all the same."""
    never, lost = asyncio.Event(), list[tuple[str, int]]()

    async def publish(_: Any) -> None:
        await never.wait()

    counting = Counting(
        "best_effort", publish, KEY, lambda _: 1, uncounted=lambda why, n: lost.append((why, n)), waiting=3
    )
    counting.start()
    scoring = Scoring(1, SCORE_S)
    policy = LivePolicy("0-0000000a", parse(POLICY, "p"))
    rows = await Moderator(scoring, lambda _: ScriptedScorer(), live=policy).moderate(["fine"])
    scoring.close()
    for _ in range(5):
        await counting.count(rows, None)
        await asyncio.sleep(0)
    assert lost == [("full", 1), ("full", 1)]
    await counting.stop(0.01)
    assert lost[2:] == [("stopped", 3)]


async def test_off_writes_nothing(live: LiveRig) -> None:
    rig = await live.serve("off")
    assert (await rig.post("/v1/moderations", {"input": "fine"}))[0] == 200
    assert await live.moderations() == []


async def test_stopping_writes_what_waits(live: LiveRig) -> None:
    rig = await live.serve("best_effort")
    answers = await asyncio.gather(*(rig.post("/v1/moderations", {"input": "fine"}) for _ in range(50)))
    assert {status for status, *_ in answers} == {200}
    assert await rig.process.close()
    assert len(await live.moderations()) == 50
    assert metric(rig, "http_counted_total") == 50


# --- feedback


async def test_a_suggestion_is_feedback_on_its_topic(live: LiveRig) -> None:
    rig = await live.serve()
    said = {"TOXICITY": {"summaryScore": {"value": 0.9}}, "INSULT": {"summaryScore": {"value": 0.1}}}
    body = {"comment": {"text": "a comment"}, "attributeScores": said}
    assert (await rig.post("/v1alpha1/comments:suggestscore", body))[0] == 200
    async with aclosing(read_all(live.stack.kafka, "feedback")) as records:
        found = [decode_feedback(record) async for record in records]
    assert {one.kind.value for one in found if isinstance(one, Feedback)} == {"complaint", "mistaken"}
    assert {one.completion_id for one in found if isinstance(one, Feedback)} == {KEY.text("", "a comment")}
