"""A Redis with TLS only, and the users of `streams/settings/roles.py`: who may connect, and the errors of others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.real.jars import RealServersMissing
from tests.real.needed import missing
from tests.real.secure import USERS, Authority, SecureRedis
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.errors import SettingsError, StoreDenied, StoreForbids, StoreUnavailable
from tidegate.streams.settings.settings import Settings
from tidegate.streams.store.redis import RedisStore

PASSWORDS = {user: f"zxcanary{user}qv" for user in (*USERS, "admin")}
Env = dict[str, str]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    signer = Authority(tmp_path_factory.mktemp("redis") / "certificates")
    signer.sign("broker")
    signer.sign("worker")
    return signer


@pytest.fixture(scope="module")
def secure_redis(
    redis_binary: Path, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecureRedis]:
    """Shared: use a `namespace`."""
    server = SecureRedis(tmp_path_factory.mktemp("server"), authority, PASSWORDS)
    try:
        server.start()
    except RealServersMissing as missing_:
        missing(str(missing_))
    yield server
    server.stop()


@pytest.fixture
def env(secure_redis: SecureRedis, authority: Authority) -> Env:
    return {
        "redis": secure_redis.url,
        "redis_user": "worker",
        "redis_password": PASSWORDS["worker"],
        "redis_ca_file": str(authority.ca),
    }


@asynccontextmanager
async def store(env: Env, namespace: str = "tidegate") -> AsyncIterator[RedisStore]:
    client = RedisStore(Settings(**env).store, namespace)  # type: ignore[arg-type]
    try:
        yield client
    finally:
        await client.close()


async def test_a_worker_works_over_tls(env: Env) -> None:
    async with store(env) as worker:
        await worker.check("0123abcd")
        (claim,) = await worker.claim([TopicPartition("completions", 0)], "w1")
        assert claim.epoch > 0


async def test_ops_claim_a_partition_and_a_dashboard_may_not(env: Env) -> None:
    async with store({**env, "redis_user": "ops", "redis_password": PASSWORDS["ops"]}) as ops:
        assert len(await ops.claim([TopicPartition("completions", 1)], "ops")) == 1
    async with store({**env, "redis_user": "dashboard", "redis_password": PASSWORDS["dashboard"]}) as dashboard:
        assert await dashboard.now_ms() > 0
        with pytest.raises(StoreForbids, match="user dashboard may not"):
            await dashboard.claim([TopicPartition("completions", 1)], "d")


REFUSED: dict[str, tuple[Callable[[Env], Env], str]] = {
    "a wrong password": (lambda env: {**env, "redis_password": "zxcanarywrong"}, "user worker and its password are"),
    "no password": (
        lambda env: {name: env[name] for name in ("redis", "redis_ca_file")},
        "user default and its password are",
    ),
    "an authority that we do not trust": (
        lambda env: {name: value for name, value in env.items() if name != "redis_ca_file"},
        "TLS: .*; expected a server that TIDEGATE_REDIS_CA_FILE vouches for under this name",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refused_user_reads_what_was_expected(env: Env, case: str) -> None:
    changed, expected = REFUSED[case]
    async with store(changed(env)) as refused:
        with pytest.raises(StoreDenied, match=rf"redis 127\.0\.0\.1:\d+: {expected}") as error:
            await refused.now_ms()
        assert "zxcanary" not in str(error.value)


async def test_a_server_that_asks_for_our_certificate_gets_it(
    secure_redis: SecureRedis, authority: Authority, env: Env
) -> None:
    ours = {"redis_cert_file": f"{authority.folder}/worker.pem", "redis_key_file": f"{authority.folder}/worker.key"}
    with secure_redis.client() as admin:
        admin.config_set("tls-auth-clients", "yes")
        try:
            async with store({**env, **ours}) as worker:
                assert await worker.now_ms() > 0
            async with store(env) as worker:
                with pytest.raises(StoreUnavailable):  # it closes the connection without an answer
                    await worker.now_ms()
        finally:
            admin.config_set("tls-auth-clients", "no")


async def test_a_plain_client_gets_nothing(env: Env) -> None:
    plain = {"redis": env["redis"].replace("rediss", "redis"), "redis_user": "worker", "redis_password": "zxcanaryx"}
    async with store(plain) as worker:
        with pytest.raises(StoreUnavailable) as error:
            await worker.now_ms()
        assert "zxcanary" not in str(error.value)


async def test_a_worker_waits_while_its_password_is_wrong(secure_redis: SecureRedis, env: Env, namespace: str) -> None:
    """StoreDenied is a StoreUnavailable: a worker that waits for Redis goes on by itself."""
    async with store(env) as worker:
        assert await worker.now_ms() > 0
        with secure_redis.client() as admin:
            admin.execute_command("ACL", "SETUSER", "worker", "resetpass", ">another")
            admin.execute_command("CLIENT", "KILL", "USER", "worker")
            try:
                with suppress(StoreUnavailable):  # the first may only find the connection closed
                    await worker.now_ms()
                with pytest.raises(StoreUnavailable, match="user worker and its password are refused"):
                    await worker.now_ms()
            finally:
                admin.execute_command("ACL", "SETUSER", "worker", f">{PASSWORDS['worker']}")
        assert await worker.now_ms() > 0


def test_a_missing_file_is_named_before_anything_connects(env: Env) -> None:
    with pytest.raises(SettingsError, match="TIDEGATE_REDIS_CA_FILE: /nowhere"):
        Settings(**{**env, "redis_ca_file": "/nowhere"}).store  # type: ignore[arg-type]  # noqa: B018 - read on access


def test_the_server_knows_no_other_users(secure_redis: SecureRedis) -> None:
    with secure_redis.client() as admin:
        assert set(admin.acl_users()) == {"default", "worker", "dashboard", "ops"}
