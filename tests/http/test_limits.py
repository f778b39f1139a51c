"""What slow and greedy clients meet: heads, bodies and connections are bounded, and nobody else waits for them."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from tests.http.test_server import HOST, ServerRig, Start, until
from tests.http.test_server import start as start
from tidegate.streams.http import connection
from tidegate.streams.http.connection import HEADERS_AT_MOST, LINE_BYTES

POST = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


async def begin(rig: ServerRig, sent: bytes) -> asyncio.StreamWriter:
    """A connection on which these bytes were sent, and nothing is read."""
    _, writer = await asyncio.open_connection(HOST, rig.port)
    writer.write(sent)
    await writer.drain()
    return writer


async def trickle(writer: asyncio.StreamWriter) -> None:
    """Sends a byte now and then, and returns once the server has closed."""
    with contextlib.suppress(ConnectionError):
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)
    writer.close()


async def test_bodies_being_read_are_bounded_together(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.streams.http.server.BODIES_BYTES", 1500)
    rig = await start()
    writer = await begin(rig, POST + b"Content-Length: 950\r\n\r\n" + b" " * 900)
    await until(lambda: rig.server._reading_bytes == 900)
    status, _, headers = await rig.post("/echo", b"{" + b" " * 700 + b"}")
    assert (status, headers["retry-after-ms"], headers["retry-after"]) == (429, "500", "1")
    writer.close()
    await until(lambda: rig.server._reading_bytes == 0)
    assert (await rig.post("/echo"))[0] == 200


async def test_a_body_of_unknown_length_is_bounded_with_the_others(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.streams.http.server.BODIES_BYTES", 500)
    rig = await start()
    answer = await rig.raw(POST + b"Transfer-Encoding: chunked\r\n\r\n258\r\n" + b" " * 600 + b"\r\n")
    assert b" 429 " in answer.partition(b"\r\n")[0]
    assert rig.server._reading_bytes == 0


async def test_a_body_that_does_not_come_holds_no_room(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a few clients that announce large bodies, and send none, would keep everybody else out."""
    monkeypatch.setattr("tidegate.streams.http.server.BODIES_BYTES", 1500)
    rig = await start()
    slow = [await begin(rig, POST + b"Content-Length: 1000\r\n\r\n") for _ in range(20)]
    assert (await rig.post("/echo", b"{" + b" " * 700 + b"}"))[0] == 200
    for writer in slow:
        writer.close()


@pytest.mark.parametrize("first", [b"", b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n"], ids=["new", "kept alive"])
async def test_a_head_that_trickles_is_cut(start: Start, monkeypatch: pytest.MonkeyPatch, first: bytes) -> None:
    """The limit is of the whole head, not of the pause between two bytes."""
    monkeypatch.setattr(connection, "IDLE_S", 0.3)
    rig = await start()
    reader, writer = await asyncio.open_connection(HOST, rig.port)
    writer.write(first)
    if first:
        await reader.readuntil(b"local")
    writer.write(b"GET /page HTTP/1.1\r\nHost: x\r\nA: ")
    async with asyncio.timeout(20):
        await trickle(writer)
    assert rig.seen == ([("/page", 200)] if first else [])


@pytest.mark.parametrize(
    "head",
    [
        b"GET /page HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * HEADERS_AT_MOST + b"\r\n",
        b"GET /page HTTP/1.1\r\nHost: x\r\nA: " + b"b" * (LINE_BYTES + 1) + b"\r\n\r\n",
        b"GET /page?" + b"b" * (LINE_BYTES + 1) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["lines", "a long line", "a long path"],
)
async def test_a_head_that_is_too_large_is_refused(start: Start, head: bytes) -> None:
    rig = await start()
    assert (await rig.raw(head)).startswith(b"HTTP/1.0 400 ")
    assert rig.seen == []
    assert (await rig.call("GET", "/page"))[0] == 200


async def test_no_answer_lets_a_web_page_read_it(start: Start) -> None:
    """CORS is off: no header of it, whatever is asked for."""
    rig = await start()
    asked = {"Origin": "https://evil.example", "Access_Control_Request_Method": "POST"}
    for method in ("OPTIONS", "POST", "GET"):
        _, _, headers = await rig.call(method, "/echo", b"{}", Content_Type="application/json", **asked)
        assert not [name for name in headers if name.lower().startswith("access-control")]
