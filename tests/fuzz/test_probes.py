"""Requests of any bytes to the probes: answered by HTTP or cut, never with a 500, and the server lives on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.hostile import any_words
from tests.fuzz.profile import fuzzed
from tidegate.streams.http.probes import ProbeServer
from tidegate.streams.metrics import Metrics

HOST = "127.0.0.1"
TOKEN = "a-token-of-twenty-four-chars"  # noqa: S105
ANSWER_S = 20.0  # of a machine that is busy
IDLE_S = 0.05  # most requests are incomplete and get no answer
PAGES = ("/metrics", "/healthz", "/readyz")
T = TypeVar("T")


class RunningProbes:
    """A probe server on its own event loop, and the warnings and errors that it logged."""

    def __init__(self, token: str | None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.warnings: list[logging.LogRecord] = []
        self.token = token
        metrics = Metrics()
        waiting_for = {"redis": "redis secret-host:6379: unavailable"} if token else {}
        self._probes = ProbeServer(metrics.registry, lambda: waiting_for, lambda: None, token)
        self.port = self.call(self._probes.start(HOST, 0))

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def stop(self) -> None:
        self.call(self._stop_server())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop_server(self) -> None:
        await self._probes.stop()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.1)

    async def exchange(self, pieces: list[bytes], idle_s: float = ANSWER_S) -> bytes:
        """Sends the pieces one after another. Returns the answer until the server closes, or is silent for idle_s."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        answer = b""
        with contextlib.suppress(ConnectionError, TimeoutError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            while got := await asyncio.wait_for(reader.read(1 << 16), idle_s):
                answer += got
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        return answer


@pytest.fixture(scope="module", params=[None, TOKEN], ids=["open", "with a token"])
def running(request: pytest.FixtureRequest) -> Iterator[RunningProbes]:
    found = RunningProbes(request.param)

    class WarningHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.warnings.append(record)

    handler = WarningHandler(logging.WARNING)
    logging.getLogger().addHandler(handler)
    yield found
    logging.getLogger().removeHandler(handler)
    found.stop()


paths = st.one_of(
    st.sampled_from([*PAGES, "/", "*", "//healthz", "/metrics/..", "/%ff%00", "http://x/healthz"]), any_words
)
methods = st.one_of(
    st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS", "CONNECT", "TRACE", "get", "G\x00T"]), any_words
)
names = st.one_of(
    st.sampled_from(["Authorization", "Host", "Content-Length", "Transfer-Encoding", "Expect", "Upgrade", "Connection",
                     "Content-Encoding", "Range", "Cookie", "Accept-Encoding"]),
    any_words,
)  # fmt: skip
contents = st.one_of(
    any_words,
    st.sampled_from(["Bearer", "Bearer ", f"bearer  {TOKEN[:-1]}", f"Basic {TOKEN}", "-1", "9" * 30, "chunked", "gzip",
                     "100-continue", "websocket", "Upgrade", "a=b; c", "chunked, chunked", "é" * 400, "x" * 20_000]),
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> list[bytes]:
    """One to three requests in a connection, close to HTTP, cut at any byte."""
    sent = b""
    for _ in range(draw(st.integers(1, 3))):
        version = draw(st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.1 ", "", "HTTP/9", "PRI"]))
        lines = [f"{draw(methods)} {draw(paths)} {version}", "Host: x"][: draw(st.integers(1, 2))]
        for name, content in draw(st.lists(st.tuples(names, contents), max_size=6)):
            lines.append(f"{name}:{content}")
        end = draw(st.sampled_from(["\r\n", "\r\n", "\r\n", "\n", "\r"]))
        sent += (end.join(lines) + end + end).encode("utf-8", "surrogatepass")
        sent += draw(
            st.one_of(
                st.just(b""), st.binary(max_size=40), st.sampled_from([b"0\r\n\r\n", b"fffffffff\r\n", b"5\r\nab"])
            )
        )
    at = draw(st.integers(0, len(sent)))
    return [sent[:at], sent[at:]]


def status(answer: bytes) -> int | None:
    found = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
    return int(found[1]) if found else None


def lives(running: RunningProbes) -> None:
    answer = running.call(running.exchange([b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"]))
    assert status(answer) == 200, answer
    assert answer.endswith(b'{"alive": true}')


def assert_survives(running: RunningProbes, pieces: list[bytes]) -> None:
    running.warnings.clear()
    answer = running.call(running.exchange(pieces, IDLE_S))
    for code in map(int, re.findall(rb"(?:^|\n|\})HTTP/1\.[01] (\d{3}) ", answer)):
        assert code < 500 or (code == 503 and running.token), answer  # /readyz, of a worker that waits
    assert b"Traceback" not in answer
    assert not running.warnings, [record.getMessage() for record in running.warnings]
    if running.token and TOKEN.encode() not in b"".join(pieces):
        assert b"secret-host" not in answer
        assert b"tidegate_" not in answer
    lives(running)


@fuzzed(80)
@given(st.one_of(requests(), st.lists(st.binary(max_size=200), min_size=1, max_size=3)))
def test_any_bytes_are_answered_or_cut_and_the_server_lives(running: RunningProbes, pieces: list[bytes]) -> None:
    assert_survives(running, pieces)


@fuzzed(30)
@given(contents, st.sampled_from(PAGES))
def test_nothing_but_the_token_opens_the_probes(running: RunningProbes, credentials: str, page: str) -> None:
    line = f"GET {page} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {credentials}\r\n\r\n"
    assert_survives(running, [line.encode("utf-8", "surrogatepass")])


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
        [b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 1_000_000 + b"\r\n\r\n"],
        [b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: x\r\n" * 50_000 + b"\r\n"],
        [b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n" + b"x" * 500_000],
        [b"POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 50_000],
    ],
    ids=["path", "header", "headers", "body", "chunks"],
)
def test_what_is_too_large_is_refused_and_the_server_lives(running: RunningProbes, pieces: list[bytes]) -> None:
    assert_survives(running, pieces)


async def test_slow_ones_keep_nobody_else_waiting(running: RunningProbes) -> None:
    slow = [await asyncio.open_connection(HOST, running.port) for _ in range(100)]
    for _, writer in slow:
        writer.write(b"GET /healthz HT")
    await asyncio.to_thread(lives, running)
    for _, writer in slow:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
