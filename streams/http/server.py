"""A server made from a route table: the only place that turns aiohttp's requests into ours, and replies into its.

Every limit is here: bytes, depth, headers, time, connections, and who may call. Each refusal is answered in the error
form of its route. Nothing of a request is logged, for it may hold a text or a key.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError

from tidegate.streams.errors import SettingsError
from tidegate.streams.http.authenticators import QUERY_KEY, SCHEME, Authenticator, credentials
from tidegate.streams.http.connection import CONNECTIONS, connections
from tidegate.streams.http.json_body import read_object
from tidegate.streams.http.routes import (
    BAD_KEY,
    JSON,
    TEXT_ERRORS,
    Caller,
    ErrorForm,
    HttpRequest,
    Refusal,
    Reply,
    Route,
    RouteLimits,
    over_rate,
    retry_later,
)

CLOSE_S = 5.0  # to write the last replies when the server stops
BODIES_BYTES = 64 * 2**20  # of bodies that are being read, over all connections; beyond it a request is answered 429
RETRY_MS = 500  # some batches long; a client that waits less meets the same full queue
STATUS_OF_BUG, SLOW_BODY = 500, 408
_LOW_62 = (1 << 62) - 1

_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_JSON_TYPE = re.compile(r'application/(?:[\w.-]+\+)?json\s*(?:;\s*charset="?utf-?8"?\s*)?', re.IGNORECASE)
_ID_HEADER = "x-request-id"

log = logging.getLogger(__name__)
http = logging.getLogger(f"{__name__}.http")

Observer = Callable[[str, int, float], None]


def _is_no_protocol_error(line: logging.LogRecord) -> bool:
    """Returns False for aiohttp's traceback of bytes that are no HTTP: it quotes some of them. They are answered 400.

    Anybody may send such bytes, as often as they like, and a token may be among them.
    """
    return not (line.exc_info and isinstance(line.exc_info[1], HttpProcessingError))


class HttpServer:
    """Serves the routes of one table on one address.

    hosts: names that the Host header may have, without a port; None allows any. Where anybody on this machine may
    call, this keeps out a web page whose own name was made to lead here.
    refuse_origin: a request that a web page makes from a browser is answered 403.
    observe: called after each request with its route's path ("other" for none), the status, and the seconds it took.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        access: Authenticator,
        *,
        hosts: frozenset[str] | None = None,
        observe: Observer | None = None,
        errors: ErrorForm = TEXT_ERRORS,
        refuse_origin: bool = True,
    ) -> None:
        self._refuse_origin = refuse_origin
        self._routes: dict[str, dict[str, Route]] = {}
        for route in routes:
            self._routes.setdefault(route.path, {})[route.method] = route
        self._access, self._hosts, self._errors = access, hosts, errors
        self._observe = observe or (lambda *_: None)
        self._reading_bytes = 0
        self._in_flight = 0
        self._draining = False
        self._idle = asyncio.Event()
        self._runner: web.ServerRunner | None = None

    async def start(self, host: str, port: int, setting: str, *, shared: bool = False) -> int:
        """Listens; port 0 takes a free one. Returns the port. Raises SettingsError, which names the setting.

        shared: other processes listen on the same port too (SO_REUSEPORT).
        """
        http.addFilter(_is_no_protocol_error)
        self._runner = web.ServerRunner(connections(self._serve, http), shutdown_timeout=CLOSE_S)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port, backlog=CONNECTIONS, reuse_port=shared or None).start()
        except OSError as error:
            raise SettingsError(
                f"{setting}: {host}:{port}: {error.strerror}; expected a free port, or 0 for any"
            ) from error
        return int(self._runner.addresses[0][1])

    async def drain(self, within_s: float) -> bool:
        """Refuses new requests with 503, and returns when those in flight have their replies; False: not in time."""
        self._draining = True
        if self._in_flight:
            self._idle.clear()
            try:
                await asyncio.wait_for(self._idle.wait(), within_s)
            except TimeoutError:
                return False
        return True

    async def stop(self) -> None:
        """Closes the address and every connection, after the replies that are being written."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        started = time.perf_counter()
        given = request.headers.get(_ID_HEADER, "")
        ids = uuid7(), given if _ID.fullmatch(given) else ""
        shown_id = ids[1] or ids[0]
        path = request.path
        methods = self._routes.get(path)
        route = methods.get("GET" if request.method == "HEAD" else request.method) if methods else None
        form = route.errors if route else next(iter(methods.values())).errors if methods else self._errors
        self._in_flight += 1
        try:
            reply = await self._reply(request, route, methods, ids)
        except Refusal as refusal:
            reply = form.render(refusal, shown_id)
        except ConnectionError:
            raise  # the client has gone: nobody reads a reply
        except Exception as error:  # noqa: BLE001 - the edge: a bug is one request's, and its message may quote a text
            frames = "".join(traceback.format_tb(error.__traceback__))
            log.critical("bug: %s in %s; answered 500\n%s", type(error).__name__, path if route else "?", frames)
            bug = Refusal(STATUS_OF_BUG, "internal_error", "a bug in Tidegate; its log has the place")
            reply = form.render(bug, shown_id)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()
        self._observe(path if methods else "other", reply.status, time.perf_counter() - started)
        headers = {"Content-Type": reply.content_type, "Server": "tidegate", _ID_HEADER: shown_id, **reply.headers}
        response = web.Response(body=reply.body, status=reply.status, headers=headers)
        if self._draining or reply.status == SLOW_BODY:
            response.force_close()
        return response

    async def _reply(
        self, request: web.BaseRequest, route: Route | None, methods: Mapping[str, Route] | None, ids: tuple[str, str]
    ) -> Reply:
        headers = request.headers
        self._require_no_web_page(headers)
        if route is None:
            raise _no_route(methods)
        caller = self._caller(request, route)
        if self._draining and not route.during_drain:
            raise retry_later(503, "draining", "this process is stopping; expected a retry, at another one", RETRY_MS)
        if (full := route.busy()) is not None:
            raise full
        body, parsed = b"", dict[str, Any]()
        if route.request:
            body = await self._body(request, route.limits)
            parsed = read_object(body, route.limits.depth)
        try:
            async with asyncio.timeout(route.limits.answer_s):
                return await route.handler(HttpRequest(ids[0], caller, headers, ids[1], body, parsed))
        except TimeoutError:
            message = f"no answer within {route.limits.answer_s:g} s; expected a retry"
            raise retry_later(503, "timeout", message, RETRY_MS) from None

    def _caller(self, request: web.BaseRequest, route: Route) -> Caller | None:
        """Returns who sent it. Raises Refusal: nobody we know, a right is missing, or more than they may send."""
        query_key = request.query.get(QUERY_KEY, "") if route.key_in_query else ""
        caller = self._access.authenticate(request.headers, query_key)
        if caller is None:
            if route.open_to_all:
                return None
            sent = any(credentials(request.headers, query_key))
            message = f"{'the credential is not valid' if sent else 'no credential'}; expected {self._access.expected}"
            raise Refusal(401, BAD_KEY if sent else "unauthorized", message, headers={"WWW-Authenticate": SCHEME})
        if route.right is not None and route.right not in caller.rights:
            message = f"this key has no right to do this; expected one with the right {route.right.value}"
            raise Refusal(403, "forbidden", message)
        if caller.rate is not None and (wait_ms := caller.rate.take_request()):
            raise over_rate("requests", wait_ms)
        return caller

    def _require_no_web_page(self, headers: Mapping[str, str]) -> None:
        """Raises Refusal for what only a browser sends: a page's Origin, or a Host that is none of ours."""
        if self._refuse_origin and "Origin" in headers:
            raise Refusal(403, "origin", "the header Origin is set; expected none: no web page may call this")
        if self._hosts is not None and host_name(headers.get("Host", "")) not in self._hosts:
            expected = ", ".join(sorted(self._hosts))
            raise Refusal(403, "host", f"the header Host names another server; expected one of {expected}")

    async def _body(self, request: web.BaseRequest, limits: RouteLimits) -> bytes:
        headers = request.headers
        if not _JSON_TYPE.fullmatch(headers.get("Content-Type", "")):
            raise Refusal(415, "content_type", f"Content-Type is not JSON; expected {JSON}, in UTF-8")
        if headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Refusal(415, "content_encoding", "the body is compressed; expected it as it is")
        length = request.content_length
        too_large = Refusal(413, "too_large", f"the body is too large; expected {limits.body_bytes} bytes at most")
        if length is not None and length > limits.body_bytes:
            raise too_large
        full = retry_later(429, "queue_full", "too many requests are being read; expected a retry", RETRY_MS)
        if self._reading_bytes + (length or 0) > BODIES_BYTES:
            raise full
        await _continue(request)
        if request.content.is_eof() and request.content.exception() is None:  # it came with the head, as most do
            whole = request.content.read_nowait()
            if len(whole) > limits.body_bytes:
                raise too_large
            return whole
        body = bytearray()
        try:
            async with asyncio.timeout(limits.read_s):
                async for chunk in request.content.iter_any():
                    body += chunk
                    self._reading_bytes += len(chunk)  # what came, not what was announced: a slow client holds no room
                    if len(body) > limits.body_bytes:
                        raise too_large
                    if self._reading_bytes > BODIES_BYTES:
                        raise full
        except TimeoutError:
            message = f"the body did not come within {limits.read_s:g} s"
            raise Refusal(SLOW_BODY, "slow_body", message) from None
        except (web.RequestPayloadError, HttpProcessingError):
            raise Refusal(400, "bad_body", "the body ended early, or is not as its headers say") from None
        finally:
            self._reading_bytes -= len(body)
        return bytes(body)


def _no_route(methods: Mapping[str, Route] | None) -> Refusal:
    if methods is None:
        return Refusal(404, "not_found", "no such path")
    allowed = ", ".join(sorted({*methods, *(["HEAD"] if "GET" in methods else [])}))
    return Refusal(405, "method", f"this path has another method; expected {allowed}", headers={"Allow": allowed})


async def _continue(request: web.BaseRequest) -> None:
    """Asks a client that waits for leave (`Expect: 100-continue`) for its body."""
    expected = request.headers.get("Expect", "")
    if expected.lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # else the status line of the reply counts as sent already
    elif expected:
        raise Refusal(417, "expect", "the header Expect has another value; expected 100-continue, or none")


def uuid7() -> str:
    """Returns a UUID of version 7: 48 bits of Unix time in ms, then random ones. Later ones sort behind."""
    ms = time.time_ns() // 1_000_000
    drawn = int.from_bytes(os.urandom(10))
    value = f"{ms << 80 | 7 << 76 | drawn >> 68 << 64 | 2 << 62 | drawn & _LOW_62:032x}"
    return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"


def host_name(host: str) -> str:
    """Returns the name in a Host header, in lower case, without port and brackets."""
    name = host.lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.rpartition(":")[0] if ":" in name else name
