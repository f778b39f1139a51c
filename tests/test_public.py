"""The public API: what `import tidegate` gives works in a script, in a running event loop, and on Kafka."""

from __future__ import annotations

import asyncio
import doctest
import importlib
import inspect
import json
import subprocess
import sys

import pytest
from aiokafka import AIOKafkaConsumer
from pydantic import ValidationError

import tidegate
from tests.support.stacks import Stack
from tidegate.streams.core.events import Action
from tidegate.streams.errors import BrokerUnavailable
from tidegate.streams.kafka.admin import ensure_topics

BAD = "You are a worthless idiot."


def test_every_public_name_is_there_and_documented() -> None:
    """Shapes, units, errors: a public name without a docstring is not public yet."""
    for name in tidegate.__all__:
        assert inspect.getdoc(getattr(tidegate, name)), name
    assert set(dir(tidegate)) == set(tidegate.__all__)


@pytest.mark.parametrize("module", ["tidegate.streams.local"])
def test_examples_in_docstrings_run(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert (result.failed, result.attempted > 0) == (0, True)


def test_a_script_moderates_without_awaiting() -> None:
    with tidegate.load_moderator() as moderator:
        fine, bad = moderator.moderate_now(["Have a nice day.", BAD])
    assert (fine.verdict.action, fine.verdict.reasons) == (Action.ALLOW, ())
    assert bad.verdict.action is Action.REVIEW
    assert bad.judged.scores["toxicity"] > 0.9
    assert bad.completion == tidegate.Completion(id="1", completion=BAD)


async def test_a_running_loop_moderates_both_ways() -> None:
    """A notebook has a running event loop: there `asyncio.run` fails, and awaiting works."""
    with tidegate.load_moderator() as moderator:
        (awaited,) = await moderator.moderate([BAD])
        (waited,) = moderator.moderate_now([BAD])
    assert awaited.verdict == waited.verdict


def test_another_policy_may_be_given_for_a_call() -> None:
    lenient = tidegate.parse_policy({"labels": {"toxicity": {"flag": 1.0}}}, "here")
    with tidegate.load_moderator() as moderator:
        (found,) = moderator.moderate_now([BAD], tidegate.LivePolicy("mine", lenient))
    assert (found.verdict.action, found.verdict.policy_version) == (Action.ALLOW, "mine")


def test_scopes_of_a_completion_choose_its_thresholds() -> None:
    rules = {
        "labels": {"toxicity": {"block": 0.9}},
        "scopes": [{"tenant": "lab", "labels": {"toxicity": {"block": "off"}}}],
    }
    with tidegate.load_moderator(tidegate.parse_policy(rules, "here")) as moderator:
        found = moderator.moderate_now(
            [tidegate.Completion(id=tenant, completion=BAD, tenant=tenant) for tenant in ("acme", "lab")]
        )
    assert [each.verdict.action for each in found] == [Action.BLOCK, Action.ALLOW]


def test_a_verdict_can_be_had_from_scores_alone() -> None:
    live = tidegate.LivePolicy("p", tidegate.parse_policy({"labels": {"toxicity": {"review": 0.5}}}, "here"))
    verdict = tidegate.judge(tidegate.Judged("some-model", scores={"toxicity": 0.5}), live)
    assert (verdict.action, verdict.reasons[0].threshold, verdict.model_version) == (Action.REVIEW, 0.5, "some-model")


def test_what_loading_costs_is_paid_once_asked() -> None:
    """`import tidegate` alone loads no model, no Kafka client and no web server."""
    code = (
        "import sys, tidegate; print([m for m in ('onnxruntime', 'aiokafka', 'aiohttp', 'faust') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_completion_without_an_id_is_refused() -> None:
    with pytest.raises(ValidationError):
        tidegate.Completion(completion="x")  # type: ignore[call-arg]


@pytest.mark.integration
async def test_a_producer_sends_what_a_worker_reads(own_stack: Stack) -> None:
    await ensure_topics(own_stack.kafka, 2, own_stack.replication)
    sent = tidegate.Completion(id="c-1", completion="Paris.", tenant="acme", user="u-17", at_ms=1_767_268_800_000)
    async with tidegate.Producer(own_stack.kafka, idempotent=False) as producer:
        source = await producer.send(sent, [("traceparent", b"00-1-2-01")])
        await producer.send_feedback(tidegate.Feedback(id="f-1", completion_id="c-1", kind="complaint", tenant="acme"))
    consumer = AIOKafkaConsumer(
        "completions", "feedback", bootstrap_servers=own_stack.kafka, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async with asyncio.timeout(20):
            records = {(r := await consumer.getone()).topic: r for _ in range(2)}
    finally:
        await consumer.stop()
    record = records["completions"]
    assert (record.topic, record.partition, record.offset) == (source.topic, source.partition, source.offset)
    assert (record.key, record.headers) == (b"acme:u-17", (("traceparent", b"00-1-2-01"),))
    assert json.loads(record.value) == {
        "id": "c-1", "completion": "Paris.", "tenant": "acme", "user": "u-17", "at_ms": 1_767_268_800_000,
    }  # fmt: skip
    assert records["feedback"].key == b"c-1"


async def test_a_broker_that_is_not_there_is_named() -> None:
    with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1:1"):
        async with tidegate.Producer("127.0.0.1:1"):
            pass
