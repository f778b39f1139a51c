"""Three pages for probes and Prometheus, on loopback unless a setting says otherwise: /metrics /healthz /readyz.

Wherever others can reach them there is a token. /metrics then requires it; /readyz without it returns only whether
the process is ready, so that probes need no secret and learn no address.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from tidegate.streams.http.authenticators import access_by
from tidegate.streams.http.routes import HttpRequest, Reply, Route
from tidegate.streams.http.server import HttpServer
from tidegate.streams.installed import release


def metrics_page(registry: CollectorRegistry) -> bytes:
    """Returns the metrics as Prometheus reads them."""
    return generate_latest(registry)


class ProbeServer:
    """waiting_for: returns what the process waits for, by name; empty where it is ready. token: None requires none.

    details: what /readyz says besides, to who may read it.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        waiting_for: Callable[[], dict[str, str]],
        refresh: Callable[[], None],
        token: str | None = None,
        details: Callable[[], Mapping[str, object]] = dict,
    ):
        self._registry, self._waiting_for, self._refresh = registry, waiting_for, refresh
        self._details = details
        routes = [
            Route("GET", "/metrics", self._metrics, "Prometheus"),
            Route("GET", "/healthz", self._healthz, "alive", open_to_all=True),
            Route("GET", "/readyz", self._readyz, "ready", open_to_all=True),
        ]
        access = access_by(token, "TIDEGATE_HTTP_TOKEN")
        self._server = HttpServer(routes, access, refuse_origin=False)

    async def start(self, host: str, port: int, setting: str = "TIDEGATE_HTTP_PORT") -> int:
        """Listens; port 0 takes a free one. Returns the port. setting: of the port, for the message of an error."""
        return await self._server.start(host, port, setting)

    async def stop(self) -> None:
        await self._server.stop()

    async def _metrics(self, _: HttpRequest) -> Reply:
        self._refresh()
        return Reply(metrics_page(self._registry), content_type=CONTENT_TYPE_LATEST)

    async def _healthz(self, _: HttpRequest) -> Reply:
        return Reply(json.dumps({"alive": True}).encode())

    async def _readyz(self, request: HttpRequest) -> Reply:
        waiting_for = self._waiting_for()
        body: dict[str, object] = {"ready": not waiting_for}
        if request.caller is not None:
            body |= {"waiting_for": waiting_for, "version": release(), **self._details()}
        return Reply(json.dumps(body).encode(), 503 if waiting_for else 200)
