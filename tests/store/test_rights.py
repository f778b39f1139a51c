"""A user of Redis with a role's rights: what it may, what it may not, and the error then. The contract itself runs
as a worker's user (conftest.py)."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from redis import Redis

from tests.store.conftest import as_worker
from tests.support.stacks import Stack
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.errors import StoreDenied, StoreForbids
from tidegate.streams.settings.roles import REDIS, redis_acl
from tidegate.streams.store.address import Address
from tidegate.streams.store.redis import RedisStore

STORE = Path(__file__).parents[2] / "streams" / "store"
PARTITION = TopicPartition("completions", 0)
# What redis-py calls otherwise than Redis does, and what of it is no command.
NAMES = {"delete": "del", "script_load": "script|load"}
OURS = {"execute", "execute_command", "pipeline", "aclose", "initialize", "get_nodes", "get_primaries"}


def commands() -> set[str]:
    """Every command in `streams/store/`: of its scripts, its pipelines and its calls."""
    found: set[str] = set()
    for file in STORE.glob("*.py"):
        text = file.read_text()
        found |= {name.lower() for name in re.findall(r"redis\.p?call\('(\w+)'", text)}
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            name, first = node.func.attr, node.args[0] if node.args else None
            of = ast.unparse(node.func.value)
            if name in ("execute_command", "_pipelined") and isinstance(first, ast.Constant):
                found.add(str(first.value).lower())
            elif of in ("pipe", "self._redis", "node") and name not in OURS:
                found.add(NAMES.get(name, name))
    return found


def test_a_worker_s_acl_has_exactly_the_store_s_commands() -> None:
    assert commands() == set(REDIS["worker"])


def test_a_dashboard_has_no_command_that_writes() -> None:
    writes = {"del", "hdel", "hincrby", "hset", "hsetnx", "lrem", "pexpireat", "pfadd", "pfmerge", "rpush", "set"}
    assert set(REDIS["dashboard"]) & writes == set()
    assert set(REDIS["dashboard"]) < set(REDIS["worker"])


async def test_a_dashboard_reads_and_writes_nothing(shared_stack: Stack, namespace: str) -> None:
    worker = RedisStore(shared_stack.redis, namespace)
    dashboard = RedisStore(as_worker(shared_stack.redis, namespace, "dashboard"), namespace)
    try:
        await worker.check("0123abcd")
        assert await dashboard.user_key() == "0123abcd"
        assert await dashboard.now_ms() > 0
        for forbidden in (
            dashboard.claim([PARTITION], "w"),
            dashboard.save_policies(1, "{}"),
            dashboard.check("0123abcd"),
            dashboard.progress([PARTITION]),
        ):
            with pytest.raises(StoreForbids, match=rf"user dashboard-{namespace} may not .*docs/reference/rights\.md"):
                await forbidden
        assert await worker.checkpoints([PARTITION]) == [None]
    finally:
        await worker.close()
        await dashboard.close()


async def test_a_worker_may_not_touch_another_namespace_s_keys(shared_stack: Stack, namespace: str) -> None:
    stranger = RedisStore(as_worker(shared_stack.redis, f"{namespace}x"), namespace)
    try:
        with pytest.raises(StoreForbids, match="may not touch that key"):
            await stranger.check("0123abcd")
    finally:
        await stranger.close()


async def test_a_wrong_password_is_refused_not_unavailable(shared_stack: Stack, namespace: str) -> None:
    address = as_worker(shared_stack.redis, namespace)
    store = RedisStore(Address(address.url, security={**address.security, "password": "zxcanaryqv"}), namespace)
    try:
        with pytest.raises(StoreDenied, match=rf"user worker-{namespace} and its password are refused") as error:
            await store.now_ms()
        assert "zxcanary" not in str(error.value)
    finally:
        await store.close()


@pytest.mark.parametrize("command", sorted(REDIS["worker"]))
def test_a_right_is_one_that_redis_knows(shared_stack: Stack, namespace: str, command: str) -> None:
    """Without it, the command is refused; with it, whatever else is wrong."""
    acl = redis_acl("worker", f"worker-{namespace}", namespace)
    with Redis.from_url(shared_stack.redis) as admin:
        admin.execute_command("ACL", "SETUSER", *(rule for rule in acl if rule != f"+{command}"), ">x")
        without = admin.execute_command("ACL", "DRYRUN", acl[0], *_call(command, namespace))
        admin.execute_command("ACL", "SETUSER", *acl, ">x")
        allowed = admin.execute_command("ACL", "DRYRUN", acl[0], *_call(command, namespace))
        admin.execute_command("ACL", "DELUSER", acl[0])
    assert b"has no permissions to run" in without
    assert allowed == b"OK"


def _call(command: str, namespace: str) -> list[str]:
    """One that is whole enough to be judged."""
    key = f"{namespace}:k"
    args = {
        "evalsha": ["0" * 40, "1", key], "script|load": ["return 1"], "time": [], "info": [], "scan": ["0"],
        "hset": [key, "f", "v"], "hsetnx": [key, "f", "v"], "hincrby": [key, "f", "1"], "lrange": [key, "0", "1"],
        "lrem": [key, "0", "v"], "set": [key, "v"], "pexpireat": [key, "1"], "rpush": [key, "v"],
        "hget": [key, "f"], "hmget": [key, "f"], "hdel": [key, "f"], "hexists": [key, "f"],
    }  # fmt: skip
    return [*command.split("|"), *args.get(command, [key])]
