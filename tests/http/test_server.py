"""The server of a route table: what it lets through, and what each refusal says. Real sockets, no sleep but one."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from tidegate.streams.http import connection
from tidegate.streams.http.authenticators import OpenAccess, access_by
from tidegate.streams.http.routes import HttpRequest, Refusal, Reply, Route, RouteLimits
from tidegate.streams.http.server import HttpServer, host_name, uuid7

HOST = "127.0.0.1"
LIMITS = RouteLimits(body_bytes=1000, depth=4, read_s=0.3, answer_s=0.3)
JSON = {"Content-Type": "application/json"}
Handler = Callable[[HttpRequest], Awaitable[Reply]]


class ServerRig:
    """A server with an echo, and what it counted."""

    def __init__(self, **options: Any) -> None:
        self.seen: list[tuple[str, int]] = []
        self.release = asyncio.Event()
        self.begun = asyncio.Event()
        table = [
            Route("POST", "/echo", self.echo, "echo", request="Anything", limits=LIMITS),
            Route("POST", "/wait", self.wait, "wait", request="Anything", limits=LIMITS),
            Route("POST", "/later", self.wait, "wait longer", request="Anything"),
            Route("POST", "/bug", self.bug, "raise", request="Anything", limits=LIMITS),
            Route("GET", "/page", self.page, "a page"),
            Route("GET", "/open", self.page, "a page for all", open_to_all=True, during_drain=True),
        ]
        self.server = HttpServer(
            table,
            options.pop("access", OpenAccess()),
            observe=lambda path, status, _: self.seen.append((path, status)),
            **options,
        )
        self.port = 0

    async def echo(self, request: HttpRequest) -> Reply:
        return Reply(json.dumps({"json": request.json, "id": request.id, "given": request.given_id}).encode())

    async def wait(self, _: HttpRequest) -> Reply:
        self.begun.set()
        await self.release.wait()
        return Reply(b"{}")

    async def bug(self, _: HttpRequest) -> Reply:
        text = "hunter" + "2"
        raise KeyError(text)

    async def page(self, request: HttpRequest) -> Reply:
        return Reply(
            b"a page for " + (request.caller.name if request.caller else "nobody").encode(), content_type="text/plain"
        )

    async def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str, Any]:
        """Status, body and headers; the headers' names with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://{HOST}:{self.port}{path}"
        async with (
            aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as client,
            client.request(method, url, data=body, headers=named) as answer,
        ):
            return answer.status, await answer.text(), answer.headers

    async def post(self, path: str, body: bytes = b"{}", **headers: str) -> tuple[int, str, Any]:
        return await self.call("POST", path, body, **({"Content_Type": "application/json"} | headers))

    async def raw(self, sent: bytes) -> bytes:
        """Everything that the server answers until it closes."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        writer.write(sent)
        async with asyncio.timeout(20):
            answer = await reader.read()
        writer.close()
        return answer


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Awaitable[ServerRig]]]:
    """Starts servers that end with the test."""
    started: list[ServerRig] = []

    async def start(**options: Any) -> ServerRig:
        rig = ServerRig(**options)
        rig.port = await rig.server.start(HOST, 0, "TIDEGATE_SERVE_PORT")
        started.append(rig)
        return rig

    yield start
    for rig in started:
        rig.release.set()
        await rig.server.stop()


Start = Callable[..., Awaitable[ServerRig]]


async def test_a_body_reaches_its_handler(start: Start) -> None:
    rig = await start()
    status, body, headers = await rig.post("/echo", b'{"a": [1, 2]}')
    assert (status, json.loads(body)["json"]) == (200, {"a": [1, 2]})
    assert headers["x-request-id"] == json.loads(body)["id"]
    assert headers["Server"] == "tidegate"  # no version for those who look for one
    assert rig.seen == [("/echo", 200)]


@pytest.mark.parametrize(("given", "kept"), [("abc-1.2_Z", True), ("a b", False), ("é", False), ("x" * 129, False)])
async def test_a_callers_request_id_is_returned(start: Start, given: str, kept: bool) -> None:
    """Where it is short and plain; else ours, so that no log or header carries what somebody made up."""
    rig = await start()
    status, body, headers = await rig.post("/echo", x_request_id=given)
    assert status == 200
    assert (headers["x-request-id"] == given) is kept
    assert json.loads(body)["given"] == (given if kept else "")
    assert json.loads(body)["id"] != given


def test_a_request_shows_neither_its_key_nor_its_text() -> None:
    request = HttpRequest("1", None, {"x-api-key": "hunter2"}, "", b"hunter2", {"a": "hunter2"})
    assert "hunter2" not in repr(request)


# --- what is refused


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/no", 404, None),
        ("GET", "/echo", 405, "POST"),
        ("POST", "/page", 405, "GET, HEAD"),
        ("OPTIONS", "/echo", 405, "POST"),
    ],
)
async def test_a_path_or_method_that_is_not_there(
    start: Start, method: str, path: str, status: int, allow: str | None
) -> None:
    rig = await start()
    found, _, headers = await rig.call(method, path)
    assert (found, headers.get("Allow")) == (status, allow)


async def test_head_is_answered_as_get_without_a_body(start: Start) -> None:
    rig = await start()
    assert (await rig.call("HEAD", "/page"))[:2] == (200, "")


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
    ],
)
async def test_a_body_that_is_not_called_json_is_refused(start: Start, kind: str | None) -> None:
    """What a form on a web page can send without asking first."""
    rig = await start()
    headers = {} if kind is None else {"Content_Type": kind}
    assert (await rig.call("POST", "/echo", b"{}", **headers))[0] == 415


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/cloudevents+json",
        'application/json;charset="UTF-8"',
    ],
)
async def test_json_has_many_names(start: Start, kind: str) -> None:
    rig = await start()
    assert (await rig.post("/echo", Content_Type=kind))[0] == 200


async def test_a_compressed_body_is_refused(start: Start) -> None:
    """A few KB could hold a gigabyte."""
    rig = await start()
    assert b" 415 " in await rig.raw(
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
        b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"
    )


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not_json at byte 0"),
        (b"{", "not_json at byte 1"),
        (b"[]", "not_an_object"),
        (b"\xff{}", "not_utf8"),
        (b'{"a":[[[[1]]]]}', "at most 4 levels"),
        (b"[" * 900, "too_deep"),
        (b'{"a":"hunter2"', "not_json"),
    ],
)
async def test_a_body_that_is_no_object_is_refused(start: Start, body: bytes, says: str) -> None:
    rig = await start()
    status, text, _ = await rig.post("/echo", body)
    assert status == 400
    assert says in text
    assert "hunter2" not in text


async def test_brackets_in_a_text_are_no_levels(start: Start) -> None:
    rig = await start()
    assert (await rig.post("/echo", b'{"a":"' + b"[{" * 100 + b'"}'))[0] == 200


async def test_a_large_body_is_refused_before_it_is_read(start: Start) -> None:
    rig = await start()
    answer = await rig.raw(
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1001\r\n\r\n{"
    )
    assert b" 413 " in answer.partition(b"\r\n")[0]


async def test_a_large_body_of_unknown_length_is_cut_off(start: Start) -> None:
    rig = await start()
    answer = await rig.raw(
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3e9\r\n" + b" " * 1001 + b"\r\n"
    )
    assert b" 413 " in answer.partition(b"\r\n")[0]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8080"])
async def test_a_request_of_a_web_page_is_refused(start: Start, origin: str) -> None:
    rig = await start()
    assert (await rig.post("/echo", Origin=origin))[0] == 403


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:1", 200),
        ("LOCALHOST", 200),
        ("[::1]:80", 200),
        ("evil.example:80", 403),
        ("", 403),
        ("127.0.0.1.evil.example", 403),
    ],
)
async def test_a_host_that_is_not_ours_is_refused(start: Start, host: str, status: int) -> None:
    """A page's own name may be made to lead to 127.0.0.1 (DNS rebinding); then Host has that name."""
    rig = await start(hosts=frozenset({"localhost", "::1"}))
    assert (await rig.call("GET", "/page", Host=host))[0] == status


def test_the_name_of_a_host_has_no_port() -> None:
    assert [host_name(host) for host in ("A.b:1", "[::1]:80", "[::1]", "a", ":1", "")] == [
        "a.b",
        "::1",
        "::1",
        "a",
        "",
        "",
    ]


async def test_without_the_token_only_open_routes_answer(start: Start) -> None:
    rig = await start(access=access_by("0123456789abcdef", "TIDEGATE_HTTP_TOKEN"))
    status, body, headers = await rig.call("GET", "/page")
    assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "TIDEGATE_HTTP_TOKEN" in body
    assert (await rig.call("GET", "/page", Authorization="bearer 0123456789abcdef"))[:2] == (200, "a page for token")
    assert (await rig.call("GET", "/open"))[:2] == (200, "a page for nobody")


# --- time


async def test_a_slow_body_is_cut(start: Start) -> None:
    rig = await start()
    answer = await rig.raw(
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    )
    assert b" 408 " in answer.partition(b"\r\n")[0]


async def test_slow_headers_are_cut(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection ends without an answer: there is no request yet."""
    monkeypatch.setattr(connection, "IDLE_S", 0.3)
    rig = await start()
    assert await rig.raw(b"POST /echo HTTP/1.1\r\nHost: x\r\n") == b""
    assert await rig.raw(b"") == b""


async def test_a_client_that_does_not_read_is_cut(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WRITE_S", 0.3)
    rig = await start()

    async def large(_: HttpRequest) -> Reply:
        return Reply(b"x" * 64 * 2**20)  # more than the buffers of both ends

    rig.server._routes["/page"]["GET"] = Route("GET", "/page", large, "large")
    reader, writer = await asyncio.open_connection(HOST, rig.port, limit=1)
    writer.write(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")
    await until(lambda: rig.seen == [("/page", 200)])
    assert rig.server._runner is not None
    assert rig.server._runner.server is not None
    server = rig.server._runner.server
    await until(lambda: server.connections == [])
    writer.close()
    del reader


async def test_a_handler_that_takes_too_long_is_503(start: Start) -> None:
    rig = await start()
    status, body, headers = await rig.post("/wait")
    assert (status, body) == (503, "no answer within 0.3 s; expected a retry\n")
    assert headers["retry-after-ms"] == "500"


async def test_expect_100_continue_is_answered(start: Start) -> None:
    """curl waits for it before a large body."""
    rig = await start()
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    answer = await rig.raw(head + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
    answer = await rig.raw(head + b"Expect: miracles\r\nContent-Length: 2\r\n\r\n{}")
    assert answer.startswith(b"HTTP/1.1 417 ")


async def test_one_connection_too_many_is_closed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS", 1)
    rig = await start()
    _, first = await asyncio.open_connection(HOST, rig.port)
    reader, second = await asyncio.open_connection(HOST, rig.port)
    second.write(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    first.close()
    second.close()


# --- faults, and the end


async def test_a_bug_is_500_and_its_message_is_not_logged(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    rig = await start()
    status, body, _ = await rig.post("/bug")
    assert (status, rig.seen) == (500, [("/bug", 500)])
    assert "bug: KeyError in /bug" in caplog.text
    assert "hunter2" not in caplog.text + body


async def test_a_refusal_of_a_handler_is_its_answer(start: Start) -> None:
    rig = await start()

    async def refuse(_: HttpRequest) -> Reply:
        raise Refusal(404, "gone", "it is gone")

    rig.server._routes["/page"]["GET"] = Route("GET", "/page", refuse, "refuse")
    assert (await rig.call("GET", "/page"))[:2] == (404, "it is gone\n")


async def test_a_drain_answers_what_is_in_flight(start: Start) -> None:
    rig = await start()
    waiting = asyncio.create_task(rig.post("/later"))
    await rig.begun.wait()
    draining = asyncio.create_task(rig.server.drain(10))
    await asyncio.sleep(0)
    status, body, headers = await rig.post("/echo")
    assert (status, headers["Connection"]) == (503, "close")
    assert "stopping" in body
    assert (await rig.call("GET", "/open"))[0] == 200
    assert not draining.done()
    rig.release.set()
    assert (await waiting)[0] == 200
    assert await draining is True


async def test_a_drain_ends_in_time(start: Start) -> None:
    rig = await start()
    waiting = asyncio.create_task(rig.post("/later"))
    await rig.begun.wait()
    assert await rig.server.drain(0.05) is False
    rig.release.set()
    assert (await waiting)[0] == 200


def test_ids_grow_with_time_and_are_uuids_of_version_7() -> None:
    ids = [uuid7() for _ in range(3)]
    assert len(set(ids)) == 3
    assert all(len(id) == 36 and id[14] == "7" and id[19] in "89ab" for id in ids)
    assert ids[0][:8] <= ids[2][:8]
