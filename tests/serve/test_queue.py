"""The queue before the moderator: bounds, batches of 2 ms, and every accepted request answered once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tidegate.streams.core.decide import Judged, judge
from tidegate.streams.core.events import Completion
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.moderation.moderator import Moderated
from tidegate.streams.serve.queue import BATCH_TEXTS, ModerationQueue, QueueBounds, QueueFull, RequestTooLong

LIVE = LivePolicy("p", parse({"labels": {"toxicity": {"flag": 0.5}}}, "here"))


class HeldModerator:
    """Answers a batch when it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def moderate(self, completions: Sequence[Completion]) -> list[Moderated]:
        self.batches.append([one.id for one in completions])
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return [Moderated(one, judged := Judged("m"), judge(judged, LIVE)) for one in completions]


def one(id: str, text: str = "abcd") -> list[Completion]:
    return [Completion(id=id, completion=text)]


def ids(rows: Sequence[Moderated]) -> list[str]:
    return [row.completion.id for row in rows]


async def tasks_begun(queue: ModerationQueue, *requests: Sequence[Completion]) -> list[asyncio.Task[list[Moderated]]]:
    tasks = [asyncio.create_task(queue.moderate(request)) for request in requests]
    await asyncio.sleep(0)
    return tasks


async def test_requests_within_2_ms_are_one_batch() -> None:
    """Each caller gets its own rows, in its order."""
    held = HeldModerator()
    held.go.set()
    queue = ModerationQueue(held.moderate, QueueBounds())
    found = await asyncio.gather(queue.moderate(one("a") + one("b")), queue.moderate(one("c")), queue.moderate([]))
    assert held.batches == [["a", "b", "c"]]
    assert [ids(rows) for rows in found] == [["a", "b"], ["c"], []]
    assert (queue.requests, queue.chars) == (0, 0)


async def test_what_waits_for_a_batch_is_the_next_batch() -> None:
    held = HeldModerator()
    queue = ModerationQueue(held.moderate, QueueBounds(batches=1))
    first = await tasks_begun(queue, one("a"))
    await asyncio.sleep(0.01)
    rest = await tasks_begun(queue, one("b"), one("c"))
    await asyncio.sleep(0.01)
    assert held.batches == [["a"]]
    held.go.set()
    await asyncio.gather(*first, *rest)
    assert held.batches == [["a"], ["b", "c"]]


async def test_a_batch_is_bounded_in_texts_and_characters() -> None:
    """But a request is never split: one that is larger is a batch alone."""
    held = HeldModerator()
    held.go.set()
    queue = ModerationQueue(held.moderate, QueueBounds(batches=1))
    large = [Completion(id=f"l{n}", completion="x") for n in range(BATCH_TEXTS + 1)]
    await asyncio.gather(queue.moderate(one("a")), queue.moderate(large), queue.moderate(one("b", "x" * 64_000)))
    assert [len(batch) for batch in held.batches] == [1, BATCH_TEXTS + 1, 1]


async def test_a_full_queue_refuses_and_then_takes_again() -> None:
    held = HeldModerator()
    queue = ModerationQueue(held.moderate, QueueBounds(requests=2, chars=10))
    tasks = await tasks_begun(queue, one("a"), one("b"))
    with pytest.raises(QueueFull):  # two requests
        await queue.moderate(one("c", "x"))
    held.go.set()
    await asyncio.gather(*tasks)
    tasks = await tasks_begun(queue, one("d", "x" * 7))
    with pytest.raises(QueueFull):  # 7 + 4 > 10 characters
        await queue.moderate(one("e"))
    await asyncio.gather(*tasks, queue.moderate(one("f", "xyz")))
    assert (queue.requests, queue.chars) == (0, 0)


async def test_a_request_that_never_fits_is_too_long() -> None:
    """Its prompt counts too."""
    queue = ModerationQueue(HeldModerator().moderate, QueueBounds(chars=10))
    with pytest.raises(RequestTooLong):
        await queue.moderate([Completion(id="a", completion="x" * 5, prompt="x" * 6)])


async def test_a_caller_who_gives_up_frees_the_queue() -> None:
    """Before its batch began it is left out of it; after, its place is free when the batch ends."""
    held = HeldModerator()
    queue = ModerationQueue(held.moderate, QueueBounds(batches=1))
    begun, waiting, stays = await tasks_begun(queue, one("a"), one("b"), one("c"))
    waiting.cancel()
    await asyncio.sleep(0.01)
    begun.cancel()
    await asyncio.sleep(0)
    assert (held.batches, queue.requests) == ([["a", "c"]], 2)
    held.go.set()
    assert ids(await stays) == ["c"]
    assert (queue.requests, queue.chars) == (0, 0)


async def test_a_bug_reaches_each_caller_and_the_queue_goes_on() -> None:
    held = HeldModerator()
    held.error = KeyError("text")
    held.go.set()
    queue = ModerationQueue(held.moderate, QueueBounds())
    for outcome in await asyncio.gather(queue.moderate(one("a")), queue.moderate(one("b")), return_exceptions=True):
        assert isinstance(outcome, KeyError)
    held.error = None
    assert ids(await queue.moderate(one("c"))) == ["c"]
    assert (queue.requests, queue.chars) == (0, 0)
