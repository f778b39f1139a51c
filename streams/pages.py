"""Three pages for probes and Prometheus, on loopback unless a setting says otherwise: /metrics /healthz /readyz."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from streams.errors import SettingsError


class Pages:
    """waits: what the worker waits for just now, by name; empty where it can do its job."""

    def __init__(self, registry: CollectorRegistry, waits: Callable[[], dict[str, str]], refresh: Callable[[], None]):
        self._registry, self._waits, self._refresh = registry, waits, refresh
        app = web.Application()
        app.add_routes(
            [
                web.get("/metrics", self._metrics),
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)

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

    async def _metrics(self, _: web.Request) -> web.Response:
        self._refresh()
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _readyz(self, _: web.Request) -> web.Response:
        waits = self._waits()
        return web.json_response({"ready": not waits, "waiting_for": waits}, status=503 if waits else 200)
