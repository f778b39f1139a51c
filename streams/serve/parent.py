"""`tidegate serve` as several processes on one port: started, watched, started again, drained. Answers nothing itself.

Each child binds the port itself (SO_REUSEPORT), and the kernel divides the connections among them. A child reads its
standard input, of which we hold the other end: when we are gone, `kill -9` among the reasons, it drains and ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tidegate.streams.errors import SettingsError
from tidegate.streams.http.probes import ProbeServer
from tidegate.streams.installed import describe_policy_file
from tidegate.streams.logs import set_up
from tidegate.streams.serve import process
from tidegate.streams.serve.merged import ParentMetrics
from tidegate.streams.serve.siblings import Family, NoAnswer, ask
from tidegate.streams.settings.settings import PREFIX, Settings
from tidegate.streams.tasks import EXIT_WRONG, Tasks, waiting_for

POLL_S = 1.0  # between two looks at each process: as old as /metrics and /readyz mostly are
ANSWER_S = 5.0  # for a process to say how it is: one that is overloaded takes a while
SOCKET_BYTES = 107  # of a Unix socket's path
BACKOFF_S = (0.5, 30.0)  # before a process that ended is started again
STEADY_S = 60.0  # one that ran for so long starts again after the shortest wait
END_S = 10.0  # beyond TIDEGATE_SERVE_DRAIN_S, for a process to close; then it is killed

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Serves until SIGINT or SIGTERM, in as many processes as the settings say. Raises as `ServeProcess.open`."""
    if settings.serve_processes == 1:
        process.run(settings)
        return
    set_up(settings.log_level, as_json=settings.log_json)
    log.info("policy file %s", describe_policy_file(settings.policy_file))
    code = asyncio.run(Parent(settings).run())
    log.info("stopped")
    if code:
        sys.exit(code)


class Child:
    """What the parent knows of one process. page: its metrics; None while it does not run.

    answers: whether it did when it was last asked. was_ready: since it was started.
    """

    def __init__(self) -> None:
        self.process: asyncio.subprocess.Process | None = None
        self.waiting_for: dict[str, str] = {"start": "not started yet"}
        self.page: str | None = None
        self.answers = False
        self.was_ready = False

    @property
    def ready(self) -> bool:
        return self.process is not None and not self.waiting_for


class Parent:
    """The processes of one `tidegate serve`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._children = [Child() for _ in range(settings.serve_processes)]
        self._metrics = ParentMetrics(
            lambda: {n: child.page for n, child in enumerate(self._children) if child.page is not None},
            settings.serve_processes,
        )
        self._stop = asyncio.Event()
        self._keeping, self._polling = Tasks(), Tasks()
        self._code = 0
        self._folder = Path()

    async def run(self) -> int:
        """Returns the exit code: 0, 1 where a request was not answered, 2 where no process could start."""
        s = self._settings
        reserved = reserve(s.serve_host, s.serve_port)
        probes = ProbeServer(self._metrics.registry, self._waiting_for, self._refresh, s.token(), self._ready)
        loop = asyncio.get_running_loop()
        self._folder = Path(tempfile.mkdtemp(prefix="tidegate-serve-"))  # only its owner may enter
        try:
            require_short(self._folder)
            port = await probes.start(s.http_host, s.serve_probe_port, f"{PREFIX}SERVE_PROBE_PORT")
            log.info("%d processes: probes on http://%s:%d/readyz", len(self._children), s.http_host, port)
            for stop in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(stop, self._stop.set)
            env = child_environment(s, reserved.getsockname()[1], os.environ)
            for number, child in enumerate(self._children):
                self._keeping.spawn(self._keep(number, child, env))
                self._polling.spawn(self._poll(number, child))
            await self._stop.wait()
            log.info("stopping %d processes", len(self._children))
            await asyncio.gather(*(self._end(number, child) for number, child in enumerate(self._children)))
            await self._keeping.finish(END_S)
        finally:
            await self._polling.finish(0)
            await probes.stop()
            reserved.close()
            shutil.rmtree(self._folder, ignore_errors=True)
        return self._code

    async def _keep(self, number: int, child: Child, env: Mapping[str, str]) -> None:
        """Keeps one process running until we stop."""
        family = Family(number, len(self._children), self._folder)
        wait, delay_s = waiting_for(self._stop), BACKOFF_S[0]
        while not self._stop.is_set():
            began = time.monotonic()
            code, was_ready = await self._run(child, family, env)
            child.waiting_for = {"start": f"it ended with code {code}; it is started again"}
            if self._stop.is_set():
                stopped_while_starting = code == -signal.SIGTERM and not was_ready
                if code and not stopped_while_starting and self._code != EXIT_WRONG:
                    log.error("process %d ended with code %d", number, code)
                    self._code = 1
                return
            if code == EXIT_WRONG and not any(other.was_ready for other in self._children):
                log.error("process %d could not start; its log has why. Stopping", number)
                self._code = EXIT_WRONG
                self._stop.set()
                return
            if time.monotonic() - began >= STEADY_S:
                delay_s = BACKOFF_S[0]
            log.error("process %d ended with code %d; starting it again in %g s", number, code, delay_s)
            self._metrics.restarts.labels(str(number)).inc()
            await wait(delay_s)
            delay_s = min(delay_s * 2, BACKOFF_S[1])

    async def _run(self, child: Child, family: Family, env: Mapping[str, str]) -> tuple[int, bool]:
        """Returns the exit code of one run, and whether it was ready at some time."""
        try:
            child.process = await asyncio.create_subprocess_exec(
                # -P: not what happens to lie in this folder under one of our names.
                *(sys.executable, "-P", "-m", "tidegate.streams.serve.child"),
                *(str(family.number), str(family.processes), str(family.folder)),
                stdin=asyncio.subprocess.PIPE,
                env=env,
                start_new_session=True,  # Ctrl-C is for us; we then stop each in order
            )
        except OSError as error:
            log.error("process %d could not be started: %s", family.number, error.strerror)
            return os.EX_OSERR, False
        log.info("process %d is pid %d", family.number, child.process.pid)
        if self._stop.is_set():
            child.process.terminate()  # told to stop while it was being started
        code, was_ready = await child.process.wait(), child.was_ready
        child.process, child.page, child.answers, child.was_ready = None, None, False, False
        return code, was_ready

    async def _end(self, number: int, child: Child) -> None:
        running = child.process
        if running is None:
            return
        with suppress(ProcessLookupError):
            running.terminate()
        try:
            await asyncio.wait_for(running.wait(), self._settings.serve_drain_s + END_S)
        except TimeoutError:
            log.error("process %d did not end; killing it", number)
            with suppress(ProcessLookupError):
                running.kill()

    async def _poll(self, number: int, child: Child) -> None:
        """Asks one process how it is, until we stop; afterwards what it said last stands."""
        family, wait = Family(number, len(self._children), self._folder), waiting_for(self._stop)
        while not self._stop.is_set():
            asked = child.process
            try:
                said = await ask(family.socket(number), "state", ANSWER_S)
                answers = True
            except NoAnswer as error:
                said, answers = {"waiting_for": {"answer": f"none ({error})"}, "page": child.page}, False
            if child.process is asked is not None:
                child.waiting_for, child.page, child.answers = said["waiting_for"], said["page"], answers
                child.was_ready |= child.ready
            await wait(POLL_S)

    def _refresh(self) -> None:
        for number, child in enumerate(self._children):
            self._metrics.up.labels(str(number)).set(child.answers)

    def _waiting_for(self) -> dict[str, str]:
        """Empty where one process is ready: the kernel sends connections to those that listen."""
        if self._stop.is_set():
            return {"stop": "this process is stopping"}
        if any(child.ready for child in self._children):
            return {}
        return {
            f"process {n}: {what}": why
            for n, child in enumerate(self._children)
            for what, why in child.waiting_for.items()
        }

    def _ready(self) -> dict[str, object]:
        return {"processes": len(self._children), "processes_ready": sum(child.ready for child in self._children)}


def reserve(host: str, port: int) -> socket.socket:
    """Returns a socket that holds the port (0: a free one) for our processes, and takes no connection itself.

    Raises SettingsError: another program listens there, or this system does not divide a port among processes.
    """
    if sys.platform != "linux":
        raise SettingsError(
            f"{PREFIX}SERVE_PROCESSES: this system does not divide the connections of one port among processes, "
            "as Linux does; expected 1"
        )
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    try:
        with socket.socket(family, kind) as free:  # without SO_REUSEPORT: it fails where another `serve` listens
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(address)
        reserved = socket.socket(family, kind)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(address)
    except OSError as error:
        raise SettingsError(
            f"{PREFIX}SERVE_PORT: {host}:{port}: {error.strerror}; expected a free port, or 0 for any"
        ) from error
    return reserved


def require_short(folder: Path) -> None:
    """Raises SettingsError where a Unix socket in the folder would have too long a path."""
    longest = len(os.fsencode(Family(63, 64, folder).socket(63)))
    if longest > SOCKET_BYTES:
        raise SettingsError(
            f"TMPDIR: {folder.parent}: a Unix socket in it has a path of {longest} bytes; expected {SOCKET_BYTES} at "
            "most: set a shorter one"
        )


def child_environment(settings: Settings, port: int, given: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment of each process: ours, with what the command's flags said, and its share of the CPUs."""
    threads = settings.score_threads
    if "score_threads" not in settings.model_fields_set:
        threads = max(1, threads // settings.serve_processes)
    return {
        **given,
        f"{PREFIX}SERVE_HOST": settings.serve_host,
        f"{PREFIX}SERVE_PORT": str(port),
        f"{PREFIX}POLICY_FILE": str(settings.policy_file),
        f"{PREFIX}SCORE_THREADS": str(threads),
    }
