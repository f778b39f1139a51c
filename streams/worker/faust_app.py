"""The only file that knows Faust: the app, the channels, the service, the agents.

`completions`, `feedback` and `moderations` are channels of ours that agents read like any other, except that each item
is a batch whose offsets we commit (docs/design.md says why stock topic agents will not do).
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from typing import Any, NoReturn

import faust
from faust.auth import Credentials, SASLCredentials, SSLCredentials
from mode.utils.queues import FlowControlEvent, ThrowableQueue

from tidegate.streams.ingest.batches import Batch
from tidegate.streams.kafka.authorization import require_group_access
from tidegate.streams.kafka.client import Kafka
from tidegate.streams.logs import set_up
from tidegate.streams.settings.settings import Settings
from tidegate.streams.worker.worker import Worker

log = logging.getLogger(__name__)

STOP_S = 35.0  # an operator allows 40 s before SIGKILL (docs/how-to/deploy.md)
FAUST_S = 5.0


class BatchChannel(faust.Channel):  # type: ignore[misc]  # Faust has no types
    """An in-memory channel whose queue is not cleared when Faust rebalances its own topic.

    Plain objects travel on it, so Faust makes no events, counts no references and acknowledges nothing: the ingest
    bounds what is in flight, and commits.
    """

    @property
    def queue(self) -> Any:
        self._queue: Any
        if self._queue is None:
            self._queue = ThrowableQueue(maxsize=0, flow_control=FlowControlEvent(initially_suspended=False))
        return self._queue


def build(settings: Settings, worker: Worker) -> faust.App:
    """The Faust app around one worker. Nothing connects before it starts."""
    app = faust.App(
        # A group of its own for each process: nothing is shared on the control topic, so that no worker waits for
        # another's rebalance there.
        _group(settings, worker),
        broker=[f"kafka://{address}" for address in settings.kafka.split(",")],
        broker_credentials=_credentials(settings.brokers),
        store="memory://",
        datadir=tempfile.gettempdir(),  # nothing is kept, but Faust wants a place
        topic_disable_leader=True,  # no leader topic: nothing here elects one
        topic_allow_declare=False,
        table_standby_replicas=0,  # no tables: keeps the round-robin assignor
        stream_wait_empty=True,
        web_enabled=False,  # our own probes are in streams/http/probes.py
        worker_redirect_stdouts=False,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=3.0,
    )
    completions, feedback, moderations = BatchChannel(app), BatchChannel(app), BatchChannel(app)
    control = app.topic("tidegate-control", value_type=bytes, value_serializer="raw")

    @app.agent(completions, concurrency=settings.concurrency)  # type: ignore[untyped-decorator]
    async def moderate(batches: Any) -> None:
        async for batch in batches:
            await worker.completions.process(batch)

    @app.agent(feedback)  # type: ignore[untyped-decorator]
    async def count_feedback(batches: Any) -> None:
        async for batch in batches:
            await worker.feedback.process(batch)

    @app.agent(moderations)  # type: ignore[untyped-decorator]
    async def count_moderations(batches: Any) -> None:
        async for batch in batches:
            await worker.moderations.process(batch)

    @app.agent(control)  # type: ignore[untyped-decorator]
    async def ignore_control(notes: Any) -> None:
        """Faust does not start without a topic. Nothing is written to this one."""
        async for _ in notes:
            pass

    @app.service
    class WorkerService(faust.Service):  # type: ignore[misc]
        """Starts and stops the worker with the app."""

        async def on_start(self) -> None:
            await worker.start(
                completions=_putter(completions), feedback=_putter(feedback), moderations=_putter(moderations)
            )

        async def on_stop(self) -> None:
            # While Kafka is unavailable, every client waits in its own way, and for longer than STOP_S.
            loop = asyncio.get_running_loop()
            loop.call_later(STOP_S, _exit)
            await worker.stop()
            loop.call_later(FAUST_S, _exit)  # our own work is done

    return app


def _exit() -> None:
    log.warning("some connections did not close in time; left without; what was in flight, the next owner reads again")
    logging.shutdown()
    os._exit(0)


def _group(settings: Settings, worker: Worker) -> str:
    return f"{settings.namespace}-control-{worker.id}"


def _credentials(kafka: Kafka) -> Credentials | None:
    """Returns the credentials of Faust's own clients: the same as ours."""
    options = kafka.security
    match options.get("security_protocol"):
        case None:
            return None
        case "SSL":
            return SSLCredentials(options["ssl_context"])
        case _:
            return SASLCredentials(
                username=options["sasl_plain_username"],
                password=options["sasl_plain_password"],
                mechanism=options["sasl_mechanism"],
                ssl_context=options.get("ssl_context"),
            )


def _putter(channel: BatchChannel) -> Any:
    async def put(batch: Batch) -> None:
        # Agents read a clone of the channel each, or the channel itself: the subscriber gets the batch.
        (reader,) = list(channel._subscribers) or [channel]
        await reader.queue.put(batch)

    return put


async def _open(settings: Settings, worker: Worker) -> None:
    """Waits for what Faust does not start without and would not name: Kafka, and the right to its group."""
    await worker.open()
    await worker.retry_while_unavailable(
        "kafka", lambda: require_group_access(settings.brokers, _group(settings, worker))
    )


def run(settings: Settings) -> NoReturn:
    """Runs a worker in the foreground until a signal stops it; ends the process.

    Raises SettingsError, PolicyError and StoreRefused before Faust starts.
    """
    set_up(settings.log_level, as_json=settings.log_json)
    worker = Worker(settings)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(_open(settings, worker))
    code: int | str | None = 1
    try:
        faust.Worker(
            build(settings, worker),
            loop=loop,
            loglevel=None,  # set up above
            override_logging=False,
            redirect_stdouts=False,
            quiet=True,
        ).execute_from_commandline()
    except SystemExit as ended:
        code = ended.code
    finally:
        logging.shutdown()
        # Not sys.exit: a scoring thread that never came back would keep the process for ever.
        os._exit(code if isinstance(code, int) else 1 if code else 0)
