"""Three pages for probes and Prometheus, on loopback unless a setting says otherwise: /metrics /healthz /readyz.

With a token, which there is wherever others can reach them, /metrics asks for it, and /readyz says without it only
whether; probes need no secret then, and learn no address.
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


def _of_ours(line: logging.LogRecord) -> bool:
    """False for what aiohttp says of bytes that are no HTTP: a traceback, with some of them. They are answered 400.

    Anybody may send such bytes, as often as they like, and a token may be among them.
    """
    return not (line.exc_info and isinstance(line.exc_info[1], HttpProcessingError))


class ProbeServer:
    """waits: what the worker waits for just now, by name; empty where it can do its job. token: None asks for none."""

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
        http.addFilter(_of_ours)
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

    def _known(self, request: web.Request) -> bool:
        """Whether whoever asks has the token, or none is asked for."""
        if self._token is None:
            return True
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        # In a time that does not tell how much of it was right.
        right = hmac.compare_digest(given.strip().encode("utf-8", "surrogatepass"), self._token)
        return scheme.lower() == SCHEME.lower() and right

    async def _metrics(self, request: web.Request) -> web.Response:
        if not self._known(request):
            said = "expected Authorization: Bearer and the token of TIDEGATE_HTTP_TOKEN\n"
            return web.Response(status=401, text=said, headers={"WWW-Authenticate": SCHEME})
        self._refresh()
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _readyz(self, request: web.Request) -> web.Response:
        waiting_for = self._waiting_for()
        said: dict[str, object] = {"ready": not waiting_for}
        if self._known(request):
            said |= {"waiting_for": waiting_for, "version": release()}
        return web.json_response(said, status=503 if waiting_for else 200)
