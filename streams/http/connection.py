"""Connections of a server: bounded in number, and cut where a client sends or reads too slowly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from logging import Logger
from typing import Any

from aiohttp import web

CONNECTIONS = 1024  # open at once; one more is closed. Clients keep a few each; each holds some KB
IDLE_S = 30.0  # a connection without a whole request head for so long is closed: slow headers, and idle clients
WRITE_S = 30.0  # for a client to read its reply
LINGER_S = 2.0  # after a refusal, to read what the client still sends: without that it sees a reset, and no reply
HEADERS_AT_MOST = 64  # clients send 10 to 20, proxies add some
LINE_BYTES = 8190  # of the request line and of one header; what web servers take by default


class Connection(web.RequestHandler):
    """aiohttp's connection, with a time limit on the writing of a reply."""

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        try:
            async with asyncio.timeout(WRITE_S):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:
            if self.transport is not None:
                self.transport.abort()  # what is not sent yet is dropped
            self.force_close()
            return resp, True


class Connections(web.Server):
    """aiohttp's server, with a bound on connections."""

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self._connections) > CONNECTIONS:
            transport.abort()

    def __call__(self) -> web.RequestHandler:
        handler: Any = Connection
        made: web.RequestHandler = handler(self, loop=self._loop, **self._kwargs)
        return made


def connections(handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], logger: Logger) -> Connections:
    """Returns aiohttp's server of one handler, with every limit of this file. Needs a running event loop."""
    return Connections(
        handler,
        access_log=None,
        logger=logger,
        keepalive_timeout=IDLE_S,
        lingering_time=LINGER_S,
        max_headers=HEADERS_AT_MOST,
        max_line_size=LINE_BYTES,
        max_field_size=LINE_BYTES,
    )
