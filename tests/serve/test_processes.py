"""`tidegate serve` as several processes on one port: real ones, killed, aborted and stopped under load."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import psutil  # type: ignore[import-untyped]  # its stubs are not installed
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tidegate.streams.errors import SettingsError
from tidegate.streams.serve.parent import require_short

WAIT_S = 60.0


class Several:
    """A parent, its log in a file, and what its processes answer."""

    def __init__(self, root: Path, log: Path, processes: int, **settings: str) -> None:
        env = {
            **os.environ,
            "TIDEGATE_SERVE_PORT": "0",
            "TIDEGATE_SERVE_PROBE_PORT": "0",
            "TIDEGATE_SERVE_PROCESSES": str(processes),
            "TIDEGATE_CLASSIFIER": "tests.serve.slow:scorer",
            "PYTHONPATH": str(root),  # the children do not look into the folder where they start
            **settings,
        }
        self._log = log
        with log.open("wb") as out:
            command = [sys.executable, "-m", "tidegate", "serve"]
            self.parent = psutil.Popen(command, cwd=root, env=env, stdout=out, stderr=subprocess.STDOUT)
        self.processes = processes

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def url(self) -> str:
        found = re.search(r"serving (http://\S+?)/v1/", self.log)
        assert found, self.log
        return found[1]

    @property
    def probes(self) -> str:
        found = re.search(r"probes on (http://\S+)/readyz", self.log)
        assert found, self.log
        return found[1]

    def pids(self, number: int) -> list[int]:
        """Of the process with that number, the newest last."""
        return [int(pid) for pid in re.findall(rf"process {number} is pid (\d+)", self.log)]

    def page(self, path: str) -> str:
        try:
            with urllib.request.urlopen(f"{self.probes}{path}", timeout=5) as answer:  # noqa: S310 - loopback
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return str(error.read().decode())

    def samples(self, name: str) -> dict[tuple[str, ...], float]:
        """Values by their labels' values, in the order of the labels' names."""
        return {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.page("/metrics"))
            for sample in family.samples
            if sample.name == name
        }

    def ready(self) -> int:
        found = re.search(r'"processes_ready": (\d+)', self.page("/readyz"))
        return int(found[1]) if found else 0

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not await asyncio.to_thread(holds):
                await asyncio.sleep(0.1)

    async def until_ready(self) -> None:
        await self.until(lambda: "probes on http" in self.log and self.ready() == self.processes)


@pytest.fixture
def several(root: Path, tmp_path: Path) -> Iterator[Callable[..., Several]]:
    running: list[Several] = []

    def start(processes: int = 2, **settings: str) -> Several:
        running.append(Several(root, tmp_path / f"{len(running)}.log", processes, **settings))
        return running[-1]

    yield start
    for one in running:
        if one.parent.poll() is None:
            one.parent.terminate()
            one.parent.wait(WAIT_S)


class Clients:
    """Clients that ask again and again, each time over a new connection, which the kernel gives to some process."""

    def __init__(self, url: str, text: str = "toxicity=0.9") -> None:
        self._url, self._text = url, text
        self.outcomes: Counter[str] = Counter()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Clients:
        self._tasks = [asyncio.create_task(self._ask()) for _ in range(8)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def answered(self, more: int) -> None:
        """Returns once there are so many answers more."""
        until = self.outcomes["200"] + more
        async with asyncio.timeout(WAIT_S):
            while self.outcomes["200"] < until:
                await asyncio.sleep(0.02)

    async def _ask(self) -> None:
        while True:
            self.outcomes[await ask(self._url, self._text)] += 1


async def ask(url: str, text: str) -> str:
    """Returns the status, or `broken` where the connection was."""
    connector = aiohttp.TCPConnector(force_close=True)
    try:
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.post(f"{url}/v1/moderations", json={"input": text}) as answer,
        ):
            await answer.read()
            return str(answer.status)
    except aiohttp.ClientConnectionError:
        await asyncio.sleep(0.02)
        return "broken"


# --- one port, one page


async def test_every_process_answers_and_is_on_the_page(several: Callable[..., Several]) -> None:
    """The account: what the clients got is what the processes say, process by process, and nothing is summed away."""
    parent = several(2)
    await parent.until_ready()
    async with Clients(parent.url) as clients:
        await clients.answered(60)
    before = clients.outcomes["200"]
    # A client that was cancelled may have its answer counted, and not read.
    requests = "tidegate_http_requests_total"
    await parent.until(lambda: sum(parent.samples(requests).values()) >= before)
    rows = parent.samples(requests)
    assert {process for _, process, _ in rows} == {"0", "1"}
    assert before <= sum(rows.values()) <= before + 8
    assert set(parent.samples("tidegate_serve_process_up").items()) == {(("0",), 1.0), (("1",), 1.0)}
    assert set(parent.samples("tidegate_ready").items()) == {(("0",), 1.0), (("1",), 1.0)}


async def test_a_port_that_another_serve_has_is_refused(several: Callable[..., Several]) -> None:
    """Processes may share a port; two parents may not, or each would answer half of the other's requests."""
    first = several(2)
    await first.until_ready()
    second = several(2, TIDEGATE_SERVE_PORT=first.url.rpartition(":")[2])
    assert await asyncio.to_thread(second.parent.wait, WAIT_S) == 2
    assert "TIDEGATE_SERVE_PORT: 127.0.0.1:" in second.log
    assert "expected a free port" in second.log


async def test_what_no_process_can_start_with_ends_it(several: Callable[..., Several]) -> None:
    parent = several(2, TIDEGATE_CLASSIFIER="tests.no_such:scorer")
    assert await asyncio.to_thread(parent.parent.wait, WAIT_S) == 2
    assert "TIDEGATE_CLASSIFIER: tests.no_such:scorer" in parent.log
    assert "starting it again" not in parent.log


# --- what fails


async def test_a_killed_process_is_started_again(several: Callable[..., Several]) -> None:
    """Meanwhile the other one answers: more requests than were in flight when it was killed."""
    parent = several(2)
    await parent.until_ready()
    async with Clients(parent.url) as clients:
        await clients.answered(20)
        (killed,) = parent.pids(0)
        os.kill(killed, signal.SIGKILL)
        await clients.answered(40)
        await parent.until(lambda: len(parent.pids(0)) == 2)
        await parent.until_ready()
    assert set(clients.outcomes) <= {"200", "broken"}
    assert clients.outcomes["broken"] <= 16  # in flight, or in its queue of connections
    assert "process 0 ended with code -9; starting it again in 0.5 s" in parent.log
    assert parent.samples("tidegate_serve_process_restarts_total") == {("0",): 1.0, ("1",): 0.0}


async def test_a_text_that_aborts_its_process_is_no_outage(several: Callable[..., Several]) -> None:
    parent = several(2)
    await parent.until_ready()
    async with Clients(parent.url) as clients:
        await clients.answered(10)
        assert await ask(parent.url, "ABORT") == "broken"
        await clients.answered(40)
        await parent.until(lambda: "ended with code -6" in parent.log)
        await parent.until_ready()
        await clients.answered(10)
    assert set(clients.outcomes) <= {"200", "broken"}


async def test_texts_that_hang_cost_one_process_and_no_other(several: Callable[..., Several]) -> None:
    """At 8 stuck threads a process ends with code 70, and is started again."""
    parent = several(2, TIDEGATE_SERVE_TIMEOUT_S="2", TIDEGATE_SCORE_TIMEOUT_S="0.2")
    await parent.until_ready()
    async with Clients(parent.url) as clients:
        async with asyncio.timeout(WAIT_S):
            while "ended with code 70" not in parent.log:
                await asyncio.gather(*(ask(parent.url, "HANG") for _ in range(8)))
        await parent.until_ready()
        await clients.answered(20)
    assert set(clients.outcomes) <= {"200", "503", "broken"}


async def test_a_killed_parent_leaves_no_process_behind(several: Callable[..., Several]) -> None:
    parent = several(2)
    await parent.until_ready()
    children = [psutil.Process(parent.pids(number)[-1]) for number in range(2)]
    url, folder = parent.url, Path(children[0].cmdline()[-1])
    await parent.until(folder.is_dir)
    parent.parent.kill()
    parent.parent.wait()
    gone, alive = await asyncio.to_thread(psutil.wait_procs, children, WAIT_S)
    assert (len(gone), alive) == (2, [])
    assert not await asyncio.to_thread(folder.exists)
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", int(url.rpartition(":")[2])))


# --- the end


async def test_sigterm_under_load_drains_every_process(several: Callable[..., Several]) -> None:
    """Every answer that a process made reached a client, and nobody was left with half of one."""
    parent = several(2)
    await parent.until_ready()
    async with Clients(parent.url) as clients:
        await clients.answered(40)
        parent.parent.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(parent.parent.wait, WAIT_S) == 0
    answered = [int(number) for number in re.findall(r"(\d+) requests answered since the start", parent.log)]
    assert len(answered) == 2
    assert min(answered) > 0
    assert sum(answered) == clients.outcomes["200"] + clients.outcomes["503"]


async def test_a_process_that_cannot_answer_in_time_is_said(several: Callable[..., Several]) -> None:
    parent = several(2, TIDEGATE_SERVE_DRAIN_S="0.3", TIDEGATE_SERVE_TIMEOUT_S="100", TIDEGATE_SCORE_TIMEOUT_S="100")
    await parent.until_ready()
    hanging = asyncio.create_task(ask(parent.url, "HANG"))
    await parent.until(lambda: 1.0 in parent.samples("tidegate_http_queue_requests").values())
    parent.parent.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(parent.parent.wait, WAIT_S) == 1
    assert "not every request was answered within 0.3 s" in parent.log
    await hanging


def test_a_long_folder_for_sockets_is_an_error(tmp_path: Path) -> None:
    require_short(Path("/tmp/tidegate-serve-abcdefgh"))  # noqa: S108 - nothing is written
    with pytest.raises(SettingsError, match=r"TMPDIR: .*a path of 1.. bytes; expected 107 at most"):
        require_short(tmp_path / ("x" * (101 - len(str(tmp_path)))))
