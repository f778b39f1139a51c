"""Three pages for probes and Prometheus, on loopback unless a setting says otherwise: /metrics /healthz /readyz.

Wherever others can reach them there is a token. /metrics then requires it; /readyz without it returns only whether
the worker is ready, so that probes need no secret and learn no address.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable

from aiohttp import web
from aiohttp.http import HttpProcessingError
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from tidegate.streams.errors import SettingsError
from tidegate.streams.installed import release

SCHEME = "Bearer"
http = logging.getLogger(f"{__name__}.http")


def _is_no_protocol_error(line: logging.LogRecord) -> bool:
    """Returns False for aiohttp's traceback of bytes that are no HTTP: it quotes some of them. They are answered 400.

    Anybody may send such bytes, as often as they like, and a token may be among them.
    """
    return not (line.exc_info and isinstance(line.exc_info[1], HttpProcessingError))


class ProbeServer:
    """waiting_for: returns what the worker waits for, by name; empty where it is ready. token: None requires none."""

    def __init__(
        self,
        registry: CollectorRegistry,
        waiting_for: Callable[[], dict[str, str]],
        refresh: Callable[[], None],
        token: str | None = None,
    ):
        self._registry, self._waiting_for, self._refresh = registry, waiting_for, refresh
        self._token = None if token is None else token.encode()
        app = web.Application()
        app.add_routes(
            [
                web.get("/metrics", self._metrics),
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
            ]
        )
        http.addFilter(_is_no_protocol_error)
        self._runner = web.AppRunner(app, access_log=None, logger=http)

    async def start(self, host: str, port: int) -> int:
        """Listens; port 0 takes a free one. Returns the port."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            raise SettingsError(
                f"TIDEGATE_HTTP_PORT: {host}:{port}: {error.strerror}; expected a free port, or 0 for any"
            ) from error
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        await self._runner.cleanup()

    def _authorized(self, request: web.Request) -> bool:
        """Whether the request has the token, or none is required."""
        if self._token is None:
            return True
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        # In constant time: it does not show how much of it was right.
        matches = hmac.compare_digest(given.strip().encode("utf-8", "surrogatepass"), self._token)
        return scheme.lower() == SCHEME.lower() and matches

    async def _metrics(self, request: web.Request) -> web.Response:
        if not self._authorized(request):
            expected = "expected Authorization: Bearer and the token of TIDEGATE_HTTP_TOKEN\n"
            return web.Response(status=401, text=expected, headers={"WWW-Authenticate": SCHEME})
        self._refresh()
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _readyz(self, request: web.Request) -> web.Response:
        waiting_for = self._waiting_for()
        body: dict[str, object] = {"ready": not waiting_for}
        if self._authorized(request):
            body |= {"waiting_for": waiting_for, "version": release()}
        return web.json_response(body, status=503 if waiting_for else 200)
