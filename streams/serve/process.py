"""The process behind `tidegate serve`: wired, started, drained. It runs with nothing but a model and a policy file."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidegate.streams.core.events import Completion
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.wording import Wording
from tidegate.streams.http.openapi import document_routes
from tidegate.streams.http.probes import ProbeServer, metrics_page
from tidegate.streams.http.server import HttpServer
from tidegate.streams.installed import describe_policy_file, python, release
from tidegate.streams.logs import set_up
from tidegate.streams.moderation.moderator import Moderated, Moderator
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.serve.access import Access
from tidegate.streams.serve.endpoints import OWN_ERRORS, routes
from tidegate.streams.serve.live import KafkaOptions, LiveServe
from tidegate.streams.serve.metrics import ServeMetrics
from tidegate.streams.serve.model import ServedModel
from tidegate.streams.serve.queue import Moderate, ModerationQueue, QueueBounds
from tidegate.streams.serve.siblings import Family, Listener
from tidegate.streams.serve.suggestions import FeedbackSink
from tidegate.streams.settings.settings import Settings

# A batch with a text that hangs takes this long, then each of its texts alone: two of these and what the batch's size
# adds (moderation/scoring.py) fit into a request's time, so that the neighbours of that text are answered.
FAULT_SHARE = 0.25
WRITE_S = 1.0  # at the least, to write what waits for Kafka, where the requests took the whole drain
GC_THRESHOLDS = (20_000, 20, 100)  # objects, then collections of each generation; a request leaves few cycles
STUCK_S = 1.0  # at the end, for scoring threads to return
ABOUT = (
    "Moderation by the policy and the classifier that the stream uses. Scores are not truth: a person must review "
    "what has consequences for a person."
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What one process is given. token: of its probes. timeout_s: a request's.

    keys_file: of the API keys; None, and everybody who reaches the address may call.
    drain_s: for the requests in flight when the process is told to stop, and what waits for Kafka. url: where clients
    reach it; "": its address.
    """

    host: str = "127.0.0.1"
    port: int = 0
    probe_host: str = "127.0.0.1"
    probe_port: int = 0
    token: str | None = None
    keys_file: Path | None = None
    url: str = ""
    timeout_s: float = 10.0
    drain_s: float = 20.0
    bounds: QueueBounds = field(default_factory=QueueBounds)


class ServeProcess:
    """One process: its probes first, then the model, then the address. `close` drains it.

    load: returns the moderator; called once, on a thread, since a model takes a second or two. feedback: where people's
    suggestions go; None without Kafka. family: of several processes on one port; their parent has the probes.
    model: what replaces the model that `load` returned; None: nothing does.
    """

    def __init__(
        self,
        options: ServeOptions,
        load: Callable[[], Moderator],
        kafka: KafkaOptions | None = None,
        feedback: FeedbackSink | None = None,
        family: Family | None = None,
        metrics: ServeMetrics | None = None,
        model: ServedModel | None = None,
    ) -> None:
        self._options, self._load, self._model = options, load, model
        self.metrics = metrics or ServeMetrics()
        self._family = family
        self._live = None if kafka is None else LiveServe(kafka, self.metrics, family)
        answers = {"state": self._state, **(self._live.answers if self._live else {})}
        self._listener = None if family is None else Listener(family.socket(family.number), answers)
        self._feedback = feedback or (self._live.feedback if self._live else None)
        # What it waits for, by name; empty where it answers.
        self.waiting_for = {"model": "loading it"}
        self._probes = ProbeServer(self.metrics.registry, lambda: self.waiting_for, self._refresh, options.token)
        self._moderator: Moderator | None = None
        self._queue: ModerationQueue | None = None
        self._server: HttpServer | None = None
        self._access: Access | None = None
        self.port = self.probe_port = 0

    async def open(self) -> None:
        """Listens. Raises SettingsError, PolicyError, MissingLabelError: what is wrong is not waited for."""
        o = self._options
        if self._listener is not None:
            await self._listener.start()
            where = "with the parent"
        else:
            self.probe_port = await self._probes.start(o.probe_host, o.probe_port, "TIDEGATE_SERVE_PROBE_PORT")
            where = f"on http://{o.probe_host}:{self.probe_port}/readyz"
        log.info("tidegate %s on Python %s: probes %s", release(), python(), where)
        self._access = Access(o.keys_file, o.host, self.metrics)
        self._moderator = await asyncio.to_thread(self._load)
        del self.waiting_for["model"]
        self.waiting_for["start"] = "not listening yet"
        moderate: Moderate = self._moderator.moderate
        if self._live is not None:
            await self._live.open(self._moderator, self.waiting_for)
            moderate = self._live.moderate
        first = Completion(id="0", completion=".")
        for row in await moderate([first]):  # the first call of a model takes longer: nobody waits for it
            self.metrics.set_policy(row.verdict.policy_version)
            self.metrics.set_model(row.verdict.model_version)
        if self._model is not None:
            self._model.follow(self._policy)
        self._queue = ModerationQueue(moderate, o.bounds, self.metrics.batch.observe)
        root_url = lambda: o.url or f"http://{o.host}:{self.port}"  # noqa: E731
        table = routes(self._queue, self.metrics, o.timeout_s, root_url, self._feedback, self._live, self._wording)
        table += document_routes("Tidegate", release(), ABOUT, table, OWN_ERRORS, keyed=self._access.keyed)
        self._server = HttpServer(
            table,
            self._access.authenticator,
            hosts=self._access.hosts,
            observe=self.metrics.count_request,
            errors=OWN_ERRORS,
        )
        self.port = await self._server.start(o.host, o.port, "TIDEGATE_SERVE_PORT", shared=self._family is not None)
        self.waiting_for.pop("start", None)
        log.info("serving http://%s:%d/v1/moderations and others: /docs has them all", o.host, self.port)
        self._access.start()

    async def close(self) -> bool:
        """Refuses new requests, answers those in flight, and stops. Returns False where some were not answered."""
        self.waiting_for["stop"] = "this process is stopping"
        drained, end = True, time.monotonic() + self._options.drain_s
        if self._server is not None:
            drained = await self._server.drain(self._options.drain_s)
            if not drained:
                log.error("not every request was answered within %g s; stopping", self._options.drain_s)
            await self._server.stop()
            log.info("%d requests answered since the start", self.metrics.answered)
        if self._listener is not None:
            await self._listener.stop()
        if self._access is not None:
            await self._access.stop()
        if self._model is not None:
            await self._model.stop()
        if self._live is not None:
            await self._live.close(max(end - time.monotonic(), WRITE_S))
        if self._moderator is not None:
            self._moderator.close()
        await self._probes.stop()
        return drained

    def _policy(self) -> LivePolicy:
        assert self._moderator is not None  # noqa: S101 - `open` sets it
        live = self._live.policy if self._live is not None else self._moderator.live
        assert live is not None  # noqa: S101 - without Kafka the moderator has a policy
        return live

    def _wording(self, row: Moderated) -> Wording:
        live = self._live.policy_of(row.verdict) if self._live is not None else self._policy()
        return live.wording(row.judged.scopes)

    async def _state(self, _: dict[str, Any]) -> dict[str, Any]:
        """What the parent asks for."""
        self._refresh()
        return {"waiting_for": self.waiting_for, "page": metrics_page(self.metrics.registry).decode()}

    def _refresh(self) -> None:
        self.metrics.ready.set(0 if self.waiting_for else 1)
        if self._live is not None:
            self.metrics.growing.set(self._live.growing)
        if self._queue is not None:
            self.metrics.waiting.set(self._queue.requests)
            self.metrics.chars.set(self._queue.chars)


def run(settings: Settings, family: Family | None = None) -> None:
    """Serves until SIGINT or SIGTERM, then drains. Raises as `ServeProcess.open`. family: of several processes."""
    set_up(settings.log_level, as_json=settings.log_json)
    if family is None:
        log.info("policy file %s", describe_policy_file(settings.policy_file))
    drained = asyncio.run(_run(process_of(settings, family)))
    log.info("stopped")
    _leave_stuck_threads(0 if drained else 1)


def process_of(settings: Settings, family: Family | None = None) -> ServeProcess:
    """Returns the process that the settings ask for."""
    metrics = ServeMetrics()
    model = ServedModel(settings, metrics, min(settings.score_timeout_s, settings.serve_timeout_s * FAULT_SHARE))
    return ServeProcess(_options(settings), model.load, _kafka(settings), family=family, metrics=metrics, model=model)


def _options(s: Settings) -> ServeOptions:
    bounds = QueueBounds(s.serve_inflight_requests, s.serve_inflight_chars, s.concurrency)
    return ServeOptions(
        *(s.serve_host, s.serve_port, s.http_host, s.serve_probe_port, s.token(), s.serve_keys_file, s.serve_url),
        *(s.serve_timeout_s, s.serve_drain_s, bounds),
    )


def _kafka(s: Settings) -> KafkaOptions | None:
    if not s.has_kafka:
        return None
    key = UserKey(s.user_key_bytes())
    name = f"{s.worker}-serve"
    return KafkaOptions(
        s.brokers, key, s.serve_count, s.idempotent, s.max_record_bytes, name, keep_text=s.serve_keep_text
    )


async def _run(process: ServeProcess) -> bool:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    opening = asyncio.create_task(process.open())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
        if opening.done():
            await opening
            _collect_less()
            await stopping
            log.info("stopping: answering what is in flight")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)  # a second one ends it at once
        for task in (opening, stopping):
            task.cancel()
        await asyncio.gather(opening, stopping, return_exceptions=True)
        drained = await process.close()
    return drained


def _collect_less() -> None:
    """Makes Python look for cycles less often, and never through the model: a quarter of a request's CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _leave_stuck_threads(code: int) -> None:
    """Ends the process where a scoring thread never returns: Python would wait for it."""
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("score")]
    for thread in threads:
        thread.join(STUCK_S)
    if code or any(thread.is_alive() for thread in threads):
        logging.shutdown()
        os._exit(code)
