"""The policies log as workers live with it: whose file counts, a log out of reach, a late start, a log made anew."""

from __future__ import annotations

import asyncio
import contextlib
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.drills.fleet import POLICY, Fleet, account, event, fleet, make_topics, send, settled
from tests.drills.standing import status, tidegate
from tests.drills.test_startup import page, until
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
async def test_two_workers_with_different_files_end_on_one_policy_and_say_which_file_is_ignored(
    own_stack: Stack, tmp_path: Path, first: str
) -> None:
    await make_topics(own_stack.kafka, 2)
    files = {"policy.toml": tmp_path / "policy.toml", "other.toml": other_file(tmp_path)}
    second = next(name for name in files if name != first)
    with fleet(tmp_path, own_stack.env()) as workers:
        for name in (first, second):
            workers.start(worker=name, policy_file=str(files[name]))
            await status(
                own_stack.env(), lambda said, n=name: any(w["worker"].startswith(n) and w["file"] for w in said)
            )  # type: ignore[misc]
        code, said = await status(own_stack.env())
        assert code == 0
        assert len({w["version"] for w in said}) == 1
        assert {w["worker"][:-9]: w["file"] for w in said} == {first: "same", second: "ignored"}
        (version,) = {w["version"] for w in said}
        assert (
            f"{files[second]} differs from the live policy {version} and is ignored; "
            f"`tidegate policy apply {files[second]}` is the way in"
        ) in workers.logs()
        assert workers.logs().count("and is ignored") == 1


async def test_a_worker_that_cannot_read_the_log_keeps_its_version_says_so_and_is_not_ready(
    tmp_path: Path, proxy_to: Callable[[str | None], Proxy]
) -> None:
    network, port = proxy_to(None), free_port()
    with EmbeddedStack(advertised=network.address) as stack:
        network.target = stack.kafka_listens
        await make_topics(stack.kafka, 2)
        with fleet(tmp_path, stack.env(), http_port=str(port)) as workers:
            workers.start()
            assert await until(port, None) == 200
            (was,) = (await status(stack.env()))[1]
            network.cut()
            assert await until(port, "policies") == 503
            _, said = await page(port, "readyz")
            assert str(said["waiting_for"]).count("; the last good version stands") == 1
            assert f'tidegate_policy_info{{version="{was["version"]}"}} 1.0' in await metrics(port)
            network.heal()
            assert await until(port, None) == 200
            async with changing(stack.kafka) as change:
                version = await change(0.8)
                assert (await status(stack.env(), lambda s: s[0]["version"] == version))[0] == 0


async def metrics(port: int) -> str:
    def get() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read(), "utf-8")

    return await asyncio.to_thread(get)


async def test_a_late_or_restarted_worker_decides_nothing_before_it_has_folded_the_whole_log(
    own_stack: Stack, tmp_path: Path
) -> None:
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
    assert (await settled(stack.redis, decided, 60)).totals["decided"] == decided
    return name


async def test_a_log_made_anew_leaves_the_live_policy_to_running_and_restarted_workers(
    own_stack: Stack, tmp_path: Path
) -> None:
    await make_topics(own_stack.kafka, 2)
    env = own_stack.env()
    with fleet(tmp_path, env) as workers:
        workers.start(worker="runs")
        killed = workers.start(worker="killed")
        await workers.joined()
        async with changing(own_stack.kafka) as change:
            was = await change(0.8)
            await status(env, lambda said: {w["version"] for w in said} == {was})
            workers.kill(killed)
            await made_anew(own_stack.kafka)
            workers.start(worker="killed")  # with another file's policy live, which nobody writes again
            _, said = await status(env, lambda s: [w["log"] for w in s] == ["recreated", "recreated"])
            assert {(w["worker"].partition("-")[0], w["version"], w["log"]) for w in said} == {
                ("runs", was, "recreated"),
                ("killed", was, "recreated"),
            }
            assert workers.logs().count("the topic was recreated") == 2
            shown = await tidegate(env, "policy", "set", "labels.toxicity.block", "0.7", "--yes", "--reason", "r")
            assert (shown.returncode, shown.stdout) == (0, "labels.toxicity.block: 0.8 -> 0.7\n")
            _, said = await status(
                env, lambda s: {w["version"] for w in s} != {was} and len({w["version"] for w in s}) == 1
            )
            (now,) = {w["version"] for w in said}
            assert now.startswith("0-")
            await workers.joined()
            await send(own_stack.kafka, [event(n, "said toxicity=0.75") for n in range(40)])
            decided = (await account(own_stack.kafka, 40, 30)).counted()
            assert {(d["policy_version"], d["action"]) for d in decided} == {(now, "block")}


async def made_anew(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.delete_topics([POLICIES])
    await admin.create_topics([NewTopic(POLICIES, 1, 1)])
    await admin.close()
