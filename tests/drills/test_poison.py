"""Guarantee 6: a text that makes the classifier raise, hang or abort is one fault each; its neighbours are decided."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.drills.fleet import account, assert_account_closes, event, fleet, make_topics, send, wait_until_counted
from tests.support.stacks import Stack

pytestmark = pytest.mark.drill
EVENTS = 600
BAD = {
    100: ("RAISE", "classifier_error"),
    250: ("HANG", "classifier_timeout"),
    300: ("NAN", "bad_scores"),
    400: ("ABORT", "killed_worker"),
}


async def test_each_bad_text_is_one_fault(own_stack: Stack, tmp_path: Path) -> None:
    """Its neighbours are decided."""
    await make_topics(own_stack.kafka, 3)
    events = [event(n, f"{BAD.get(n, ('said',))[0]} toxicity=0.95") for n in range(EVENTS)]
    sent = set(await send(own_stack.kafka, events))
    with fleet(tmp_path, own_stack.env()) as workers:
        deaths = 0
        workers.start()
        async with asyncio.timeout(150):
            while sum((redis := await wait_until_counted(own_stack.redis, EVENTS, 0)).totals.values()) < EVENTS:
                for name in workers.ended():
                    workers.workers.pop(name)
                    deaths += 1
                    workers.start()
                await asyncio.sleep(0.3)
        seen = await account(own_stack.kafka, EVENTS, 30)
        assert_account_closes(sent, seen, redis)
        faults = {d["id"]: d["fault"] for d in seen.counted() if d["fault"]}
        assert faults == {f"c{n}": fault for n, (_, fault) in BAD.items()}
        # Three until it is noticed, one to find the record; more where the checkpoint moved between two of the first.
        assert 4 <= deaths <= 6
        fault = next(d for d in seen.counted() if d["fault"] == "killed_worker")
        assert fault["action"] == "allow"  # the policy's default: fail open
        assert fault["scores"] == {}
        logs = workers.logs()
        assert "one record at a time" in logs
        assert "toxicity=0.95" not in logs  # a log never quotes a text
