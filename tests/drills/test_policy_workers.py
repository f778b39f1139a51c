"""Workers and the policies log: which file counts, a log out of reach, a late start, a recreated log."""

from __future__ import annotations

import asyncio
import contextlib
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.drills.fleet import POLICY, Fleet, account, event, fleet, make_topics, send, wait_until_counted
from tests.drills.policy_status import policy_status, tidegate
from tests.drills.test_startup import page, wait_for_readyz
from tests.support.proxy import Proxy
from tests.support.stacks import Stack
from tidegate.streams.core.events import PolicyChange
from tidegate.streams.embedded import EmbeddedStack, free_port
from tidegate.streams.kafka.producer import Publisher
from tidegate.streams.policy_log.reader import PolicyLogReader
from tidegate.streams.topics import POLICIES

pytestmark = [pytest.mark.drill, pytest.mark.usefixtures("_wheels")]


@contextlib.asynccontextmanager
async def changing(kafka: str) -> AsyncIterator[Callable[[float], Awaitable[str]]]:
    """`await change(0.8)` makes it the block threshold, against whatever is live."""
    log = PolicyLogReader(kafka)
    publisher = Publisher(kafka, idempotent=False, max_record_bytes=1_000_000, client_id="drill")
    await publisher.start()

    async def change(block: float) -> str:
        live = (await log.read()).live
        await log.follow()
        policy = {"labels": {"toxicity": {"block": block}}}
        record = PolicyChange(parent=live.version if live else None, policy=policy, author="d", reason="d", at_ms=1)
        await log.write(publisher, record)
        await log.wait_until(lambda now: now.live is not None and now.live != live)
        return log.live.version

    try:
        yield change
    finally:
        await log.stop()
        await publisher.stop()


def other_file(folder: Path) -> Path:
    file = folder / "other.toml"
    file.write_text(POLICY.replace("block = 0.9", "block = 0.95"))
    return file


@pytest.mark.parametrize("first", ["policy.toml", "other.toml"])
async def test_workers_with_different_files_end_on_one_policy(own_stack: Stack, tmp_path: Path, first: str) -> None:
    """The second says once that its file is ignored, and which command applies it."""
    await make_topics(own_stack.kafka, 2)
    files = {"policy.toml": tmp_path / "policy.toml", "other.toml": other_file(tmp_path)}
    second = next(name for name in files if name != first)
    with fleet(tmp_path, own_stack.env()) as workers:
        for name in (first, second):
            workers.start(worker=name, policy_file=str(files[name]))
            await policy_status(
                own_stack.env(), lambda statuses, n=name: any(w["worker"].startswith(n) and w["file"] for w in statuses)
            )  # type: ignore[misc]
        code, statuses = await policy_status(own_stack.env())
        assert code == 0
        assert len({w["version"] for w in statuses}) == 1
        assert {w["worker"][:-9]: w["file"] for w in statuses} == {first: "same", second: "ignored"}
        (version,) = {w["version"] for w in statuses}
        assert (
            f"{files[second]} differs from the live policy {version} and is ignored; "
            f"`tidegate policy apply {files[second]}` is the way in"
        ) in workers.logs()
        assert workers.logs().count("and is ignored") == 1


async def test_a_worker_that_cannot_read_the_log_is_not_ready(
    tmp_path: Path, proxy_to: Callable[[str | None], Proxy]
) -> None:
    """It keeps its version and says so; once it reads the log again, it takes the next change."""
    network, port = proxy_to(None), free_port()
    with EmbeddedStack(advertised=network.address) as stack:
        network.target = stack.kafka_listens
        await make_topics(stack.kafka, 2)
        with fleet(tmp_path, stack.env(), http_port=str(port)) as workers:
            workers.start()
            assert await wait_for_readyz(port, None) == 200
            (status_before,) = (await policy_status(stack.env()))[1]
            network.cut()
            assert await wait_for_readyz(port, "policies") == 503
            _, body = await page(port, "readyz")
            assert str(body["waiting_for"]).count("; the last good version stands") == 1
            assert f'tidegate_policy_info{{version="{status_before["version"]}"}} 1.0' in await metrics(port)
            network.heal()
            assert await wait_for_readyz(port, None) == 200
            async with changing(stack.kafka) as change:
                version = await change(0.8)
                assert (await policy_status(stack.env(), lambda s: s[0]["version"] == version))[0] == 0


async def metrics(port: int) -> str:
    def get() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read(), "utf-8")

    return await asyncio.to_thread(get)


async def test_a_worker_decides_nothing_before_it_folded_the_log(own_stack: Stack, tmp_path: Path) -> None:
    """Neither a late one nor a restarted one: each decides by the last version of the whole log."""
    await make_topics(own_stack.kafka, 2)
    await send(own_stack.kafka, [event(n, "said toxicity=0.85") for n in range(100)])
    versions: list[str] = []
    async with changing(own_stack.kafka) as change:
        versions += [await change(0.8 if n % 2 else 0.9) for n in range(20)]
        with fleet(tmp_path, own_stack.env()) as workers:
            workers.kill(await started(workers, own_stack, 100))
            versions += [await change(0.9), await change(0.8)]
            await send(own_stack.kafka, [event(n, "said toxicity=0.85") for n in range(100, 200)])
            await started(workers, own_stack, 200)
    seen = await account(own_stack.kafka, 200, 30)
    assert {d["policy_version"] for d in seen.counted() if int(d["id"][1:]) < 100} == {versions[19]}
    assert {d["policy_version"] for d in seen.counted() if int(d["id"][1:]) >= 100} == {versions[-1]}


async def started(workers: Fleet, stack: Stack, decided: int) -> str:
    name = workers.start()
    assert (await wait_until_counted(stack.redis, decided, 60)).totals["decided"] == decided
    return name


async def test_a_recreated_log_leaves_workers_the_live_policy(own_stack: Stack, tmp_path: Path) -> None:
    """Running and restarted ones, and a later change is written onto the new log."""
    await make_topics(own_stack.kafka, 2)
    env = own_stack.env()
    with fleet(tmp_path, env) as workers:
        workers.start(worker="runs")
        killed = workers.start(worker="killed")
        await workers.joined()
        async with changing(own_stack.kafka) as change:
            version_before = await change(0.8)
            await policy_status(env, lambda statuses: {w["version"] for w in statuses} == {version_before})
            workers.kill(killed)
            await recreate_policies(own_stack.kafka)
            workers.start(worker="killed")  # with another file's policy live, which nobody writes again
            _, statuses = await policy_status(env, lambda s: [w["log"] for w in s] == ["recreated", "recreated"])
            assert {(w["worker"].partition("-")[0], w["version"], w["log"]) for w in statuses} == {
                ("runs", version_before, "recreated"),
                ("killed", version_before, "recreated"),
            }
            assert workers.logs().count("its beginning is not what was live") == 2
            set_command = await tidegate(env, "policy", "set", "labels.toxicity.block", "0.7", "--yes", "--reason", "r")
            assert (set_command.returncode, set_command.stdout) == (0, "labels.toxicity.block: 0.8 -> 0.7\n")
            _, statuses = await policy_status(
                env, lambda s: {w["version"] for w in s} != {version_before} and len({w["version"] for w in s}) == 1
            )
            (now,) = {w["version"] for w in statuses}
            assert now.startswith("0-")
            await workers.joined()
            await send(own_stack.kafka, [event(n, "said toxicity=0.75") for n in range(40)])
            decided = (await account(own_stack.kafka, 40, 30)).counted()
            assert {(d["policy_version"], d["action"]) for d in decided} == {(now, "block")}


async def recreate_policies(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.delete_topics([POLICIES])
    await admin.create_topics([NewTopic(POLICIES, 1, 1)])
    await admin.close()
