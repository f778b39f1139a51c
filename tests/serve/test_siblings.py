"""What processes of one parent say to each other, and what they do where the other does not answer."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tidegate.streams.kafka.producer import Message
from tidegate.streams.serve import siblings
from tidegate.streams.serve.growing import Call, owner_of, stream_name
from tidegate.streams.serve.siblings import Family, Listener, NoAnswer, ask
from tidegate.streams.serve.stream_counting import COUNT, StreamCounting


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short one: the name of a Unix socket has 107 bytes at the most."""
    with tempfile.TemporaryDirectory(prefix="t-") as made:
        yield Path(made)


async def echo(asked: dict[str, Any]) -> dict[str, Any]:
    return {"said": asked["text"]}


async def test_a_question_is_answered_until_the_end(folder: Path) -> None:
    listener = Listener(folder / "0.sock", {"echo": echo})
    await listener.start()
    assert await ask(folder / "0.sock", "echo", 5, text="a \U0001f600 text") == {"said": "a \U0001f600 text"}
    with pytest.raises(NoAnswer):
        await ask(folder / "0.sock", "other", 5)
    await listener.stop()
    with pytest.raises(NoAnswer):
        await ask(folder / "0.sock", "echo", 5, text="")


async def test_a_frame_that_is_too_long_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener(folder / "0.sock", {"echo": echo})
    await listener.start()
    monkeypatch.setattr(siblings, "FRAME_BYTES", 1000)
    with pytest.raises(NoAnswer):
        await ask(folder / "0.sock", "echo", 5, text="x" * 1000)
    assert await ask(folder / "0.sock", "echo", 5, text="x") == {"said": "x"}
    await listener.stop()


async def test_what_its_owner_does_not_take_is_counted_here(folder: Path) -> None:
    name = next(name for n in range(99) if owner_of(name := stream_name("", f"{n}", 0), 2) == 1)
    written: list[Message] = []
    merged: list[None] = []
    counts = [
        StreamCounting(written.extend, lambda: merged.append(None), Family(number, 2, folder)) for number in range(2)
    ]
    first, second = (Call(name, text, 0, Message("moderations", b"k", text.encode())) for text in ("a", "ab"))
    owner = Listener(folder / "1.sock", {COUNT: counts[1].answer})
    await owner.start()
    await counts[0].count(first)
    assert [one.growing for one in counts] == [0, 1]
    await owner.stop()
    await counts[0].count(second)
    assert [one.growing for one in counts] == [1, 1]
    for one in counts:
        await one.stop()
    assert sorted(message.value or b"" for message in written) == [b"a", b"ab"]
    await counts[1].count(first)  # a call that comes after the end is a record of its own
    assert (len(written), merged) == (3, [])


async def test_a_question_that_takes_too_long_has_no_answer(folder: Path) -> None:
    never = asyncio.Event()

    async def wait(_: dict[str, Any]) -> dict[str, Any]:
        await never.wait()
        return {}

    listener = Listener(folder / "0.sock", {"wait": wait})
    await listener.start()
    with pytest.raises(NoAnswer):
        await ask(folder / "0.sock", "wait", 0.05)
    never.set()
    await listener.stop()
