"""The probes /healthz, /readyz and /metrics: their answers to a probe, and to Prometheus."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import FaultReason, Source
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.errors import SettingsError
from tidegate.streams.http.probes import ProbeServer
from tidegate.streams.installed import release
from tidegate.streams.metrics import Metrics

HOST = "127.0.0.1"


class ProbeRig:
    """A probe server and what it needs of a worker."""

    def __init__(self, token: str | None = None) -> None:
        self.metrics = Metrics()
        self.waiting_for: dict[str, str] = {}
        self.refreshed = 0
        self.probes = ProbeServer(self.metrics.registry, lambda: self.waiting_for, self.refresh, token)
        self.port = 0

    def refresh(self) -> None:
        self.refreshed += 1
        self.metrics.ready.set(0 if self.waiting_for else 1)


@pytest.fixture
async def worker() -> AsyncIterator[ProbeRig]:
    running = ProbeRig()
    running.port = await running.probes.start(HOST, 0)
    yield running
    await running.probes.stop()


async def get(worker: ProbeRig, page: str, authorization: str | None = None) -> tuple[int, str, str]:
    """Status, content type and body."""
    headers = {} if authorization is None else {"Authorization": authorization}
    url = f"http://{HOST}:{worker.port}/{page}"
    async with aiohttp.ClientSession() as client, client.get(url, headers=headers) as answer:
        return answer.status, answer.headers["Content-Type"], await answer.text()


async def samples(worker: ProbeRig) -> dict[str, float]:
    """Every sample, its labels in order, as Prometheus reads them."""
    status, _, body = await get(worker, "metrics")
    assert status == 200
    return {
        s.name + (str(dict(sorted(s.labels.items()))) if s.labels else ""): s.value
        for family in text_string_to_metric_families(body)
        for s in family.samples
    }


# --- probes


async def test_a_worker_that_waits_for_nothing_is_ready(worker: ProbeRig) -> None:
    status, kind, body = await get(worker, "readyz")
    assert (status, body) == (200, f'{{"ready": true, "waiting_for": {{}}, "version": "{release()}"}}')
    assert kind.startswith("application/json")


async def test_a_waiting_worker_is_not_ready_and_lists_what_it_lacks(worker: ProbeRig) -> None:
    worker.waiting_for = {"redis": "redis 127.0.0.1:6379: ConnectionError; waiting for it"}
    status, _, body = await get(worker, "readyz")
    assert status == 503
    assert json.loads(body) == {"ready": False, "waiting_for": worker.waiting_for, "version": release()}
    worker.waiting_for = {}
    assert (await get(worker, "readyz"))[0] == 200


async def test_a_waiting_worker_is_alive(worker: ProbeRig) -> None:
    worker.waiting_for = {"kafka": "unavailable"}
    assert (await get(worker, "healthz"))[::2] == (200, '{"alive": true}')


async def test_there_is_no_other_page(worker: ProbeRig) -> None:
    assert (await get(worker, ""))[0] == 404


# --- a token

TOKEN = "0123456789abcdef-of-the-pages"  # noqa: S105 - of this test


@pytest.fixture
async def guarded() -> AsyncIterator[ProbeRig]:
    running = ProbeRig(TOKEN)
    running.port = await running.probes.start(HOST, 0)
    yield running
    await running.probes.stop()


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN],
)
async def test_metrics_require_the_token(guarded: ProbeRig, authorization: str | None) -> None:
    status, _, body = await get(guarded, "metrics", authorization)
    assert status == 401
    assert "tidegate_events_total" not in body
    assert TOKEN not in body
    assert guarded.refreshed == 0


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_metrics_are_returned_with_the_token(guarded: ProbeRig, scheme: str) -> None:
    status, _, body = await get(guarded, "metrics", f"{scheme} {TOKEN}")
    assert status == 200
    assert "tidegate_events_total" in body
    assert TOKEN not in body


async def test_probes_need_no_token_and_learn_no_address(guarded: ProbeRig) -> None:
    guarded.waiting_for = {"redis": "redis 10.1.2.3:6379: ConnectionError; waiting for it"}
    assert (await get(guarded, "healthz"))[::2] == (200, '{"alive": true}')
    assert (await get(guarded, "readyz"))[::2] == (503, '{"ready": false}')
    assert "10.1.2.3" in (await get(guarded, "readyz", f"Bearer {TOKEN}"))[2]
    guarded.waiting_for = {}
    assert (await get(guarded, "readyz"))[::2] == (200, '{"ready": true}')


@pytest.mark.parametrize(
    "sent",
    [
        b"hunter2\x00 is no request\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer hunter2\x00\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: hunter2\r\n" * 500 + b"\r\n",
    ],
    ids=["a line", "a header", "headers"],
)
async def test_bytes_that_are_no_http_are_answered_400_and_not_logged(
    worker: ProbeRig, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection(HOST, worker.port)
    writer.write(sent)
    async with asyncio.timeout(20):
        assert (await reader.readline()).startswith(b"HTTP/1.0 400 ")
    writer.close()
    await writer.wait_closed()
    assert caplog.text == ""


# --- metrics


async def test_metrics_are_in_the_text_format_of_prometheus_and_fresh(worker: ProbeRig) -> None:
    status, kind, body = await get(worker, "metrics")
    assert (status, worker.refreshed) == (200, 1)
    assert re.fullmatch(r"text/plain; version=[\d.]+; charset=utf-8", kind)
    assert "# TYPE tidegate_events_total counter" in body
    worker.waiting_for = {"kafka": "unavailable"}
    assert (await samples(worker))["tidegate_ready"] == 0
    worker.waiting_for = {}
    assert (await samples(worker))["tidegate_ready"] == 1


async def test_decisions_and_takeovers_are_in_the_metrics(worker: ProbeRig) -> None:
    live = LivePolicy("0-0123abcd", parse({"labels": {"toxicity": {"flag": 0.5, "block": 0.9}}}, "p"))
    source = Source(topic="completions", partition=0, offset=1)
    plain = Inputs("c1", source, epoch=1, record_ms=1000, model_version="m", scores={"toxicity": 0.95})
    failed = plain._replace(scores={}, status="failed", dropped=("user", "metadata.tenant"))
    fault = plain._replace(scores={}, fault=FaultReason.BAD_SCORES)
    worker.metrics.count_decisions(
        [decide(inputs, live) for inputs in (plain, plain, failed, fault)], "completions", 1750
    )
    worker.metrics.takeovers.labels("completions", "no_checkpoint").inc()
    worker.metrics.set_policy("0-0123abcd")
    worker.metrics.set_policy("1-4567cdef")
    found = await samples(worker)
    assert found["tidegate_decisions_total{'action': 'block'}"] == 2
    assert found["tidegate_decisions_total{'action': 'allow'}"] == 1  # the failed one
    assert found["tidegate_reasons_total{'action': 'block', 'label': 'toxicity'}"] == 2
    assert found["tidegate_producer_failed_total"] == 1
    assert found["tidegate_dropped_fields_total"] == 2
    assert found["tidegate_faults_total{'reason': 'bad_scores'}"] == 1
    assert found["tidegate_takeovers_total{'checkpoint': 'no_checkpoint', 'topic': 'completions'}"] == 1
    # Of the scores 0.95 is the bound of a bucket, and belongs to it.
    assert found["tidegate_score_bucket{'label': 'toxicity', 'le': '0.9'}"] == 0
    assert found["tidegate_score_bucket{'label': 'toxicity', 'le': '0.95'}"] == 2
    assert found["tidegate_score_count{'label': 'toxicity'}"] == 2
    # 1750 - 1000 = 0.75 s for each of four
    assert found["tidegate_end_to_end_seconds_bucket{'le': '0.5', 'topic': 'completions'}"] == 0
    assert found["tidegate_end_to_end_seconds_bucket{'le': '1.0', 'topic': 'completions'}"] == 4
    assert found["tidegate_end_to_end_seconds_sum{'topic': 'completions'}"] == 3.0
    policies = {name: n for name, n in found.items() if name.startswith("tidegate_policy_info")}
    assert policies == {"tidegate_policy_info{'version': '1-4567cdef'}": 1}  # one is live


async def test_two_workers_in_one_process_keep_their_metrics_apart(worker: ProbeRig) -> None:
    other = ProbeRig()
    other.metrics.events.labels("completions").inc(7)
    assert not any(name.startswith("tidegate_events_total") for name in await samples(worker))


# --- the port


async def test_a_port_in_use_is_an_error_of_its_setting() -> None:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]
        late = ProbeRig()
        with pytest.raises(SettingsError) as caught:
            await late.probes.start(HOST, port)
        await late.probes.stop()
    message = (
        r"TIDEGATE_HTTP_PORT: 127\.0\.0\.1:(\d+): (.*address already in use.*); expected a free port, or 0 for any"
    )
    assert re.fullmatch(message, str(caught.value), re.IGNORECASE)


async def test_port_0_is_any_free_port(worker: ProbeRig) -> None:
    assert worker.port > 0
    second = ProbeRig()
    assert await second.probes.start(HOST, 0) not in (0, worker.port)
    await second.probes.stop()
