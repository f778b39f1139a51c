"""`tidegate serve` under load while something fails: each request has the answer that the docs promise."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from tests.serve.conftest import ServeRig, Start
from tests.serve.test_live import POLICY, LiveRig, live
from tidegate.streams.core.policy.records import PolicyChange

__all__ = ["live"]  # a fixture

CLIENTS, EACH = 8, 12


async def decided(rig: ServeRig, text: str) -> tuple[int, dict[str, Any]]:
    status, body, _ = await rig.post("/v1/decide", {"id": text, "completion": text})
    return status, dict(body)


# --- the classifier


async def test_texts_that_raise_are_faults_under_load(start: Start) -> None:
    """Each is scored again alone, so that its neighbours of the batch have their scores."""
    rig = await start()
    texts = [f"RAISE {n}" if n % 10 == 3 else f"toxicity=0.95 {n}" for n in range(CLIENTS * EACH)]
    answers = await asyncio.gather(*(decided(rig, text) for text in texts))
    assert {status for status, _ in answers} == {200}
    for text, (_, body) in zip(texts, answers, strict=True):
        raised = text.startswith("RAISE")
        assert (body["fault"], body["action"]) == ("classifier_error" if raised else None, "block")
        assert bool(body["scores"]) is not raised


async def test_texts_that_hang_do_not_hold_their_neighbours(start: Start) -> None:
    rig = await start()
    texts = ["HANG 1", *(f"toxicity=0.4 {n}" for n in range(CLIENTS * EACH)), "HANG 2"]
    answers = await asyncio.gather(*(decided(rig, text) for text in texts))
    assert {status for status, _ in answers} == {200}
    found = Counter((body["fault"], body["action"]) for _, body in answers)
    assert found == {("classifier_timeout", "block"): 2, (None, "flag"): CLIENTS * EACH}


# --- what is behind


async def test_serve_needs_no_redis(live: LiveRig) -> None:
    live.stack.freeze_store()
    try:
        rig = await live.serve("required")
        assert [(await decided(rig, f"{n}"))[0] for n in range(5)] == [200] * 5
        assert len(await live.moderations()) == 5
        assert (await rig.get("/readyz", probes=True))[0] == 200
    finally:
        live.stack.thaw_store()


# --- the policy


async def test_a_policy_change_under_load_breaks_no_answer(live: LiveRig) -> None:
    """Each answer is by one version, whole; no client sees an older one after a newer; its record names the same."""
    rig = await live.serve("required")
    parent = (await live.log.read()).live
    assert parent is not None
    blocks = {parent.version: 0.9}
    seen: dict[int, list[dict[str, Any]]] = {n: [] for n in range(CLIENTS)}
    done = asyncio.Event()

    async def client(number: int) -> None:
        while not done.is_set():
            status, body = await decided(rig, "toxicity=0.6")
            assert status == 200
            seen[number].append(body)

    clients = [asyncio.create_task(client(number)) for number in seen]
    for threshold in (0.5, 0.8, 0.4):
        policy = {**POLICY, "labels": {"toxicity": {"flag": 0.3, "block": threshold}}}
        record = PolicyChange(parent=parent.version, policy=policy, author="ann", reason="drill", at_ms=2)
        parent = await live.write(record)
        blocks[parent.version] = threshold
        async with asyncio.timeout(20):
            while any(not bodies or bodies[-1]["policy_version"] != parent.version for bodies in seen.values()):
                await asyncio.sleep(0.01)
    done.set()
    await asyncio.gather(*clients)

    order = list(blocks)
    for bodies in seen.values():
        versions = [order.index(body["policy_version"]) for body in bodies]
        assert versions == sorted(versions)
    answers = {body["id"]: body for bodies in seen.values() for body in bodies}
    for body in answers.values():
        assert body["action"] == ("block" if blocks[body["policy_version"]] <= 0.6 else "flag")
    records = await live.moderations()
    assert len(records) == len(answers)
    for record in records:
        assert record.policy_version == answers[record.id]["policy_version"]
        assert record.policies_next == 1 + order.index(record.policy_version)
