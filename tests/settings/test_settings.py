"""Settings: read once, and every wrong variable is named with what was found and what is expected."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.streams.errors import SettingsError
from tidegate.streams.settings.settings import PREFIX, Settings


def test_every_setting_has_a_default() -> None:
    """So that scoring needs none."""
    settings = Settings.load()
    assert settings.kafka == "127.0.0.1:9092"
    assert settings.group == "tidegate-ingest"
    assert settings.http_host == "127.0.0.1"
    assert str(os.getpid()) in settings.worker


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("HTTP_PORT", "99999", "TIDEGATE_HTTP_PORT: found '99999'; expected less than or equal to 65535"),
        ("CONCURRENCY", "0", "TIDEGATE_CONCURRENCY: found '0'; expected greater than or equal to 1"),
        ("SCORE_TIMEOUT_S", "nan", "TIDEGATE_SCORE_TIMEOUT_S: found 'nan'; expected less than or equal to 300"),
        ("LOG_LEVEL", "loud", "TIDEGATE_LOG_LEVEL: found 'loud'; expected 'debug', 'info', 'warning' or 'error'"),
        ("KAFKA", "kafka", "TIDEGATE_KAFKA: found 'kafka'; expected host:port[,host:port…]"),
        (
            "NAMESPACE",
            "A b",
            "TIDEGATE_NAMESPACE: found 'A b'; expected text that matches '^[a-z0-9][a-z0-9_.-]{0,63}$'",
        ),
        ("KAFAK", "x", "TIDEGATE_KAFAK: no such setting; did you mean TIDEGATE_KAFKA?"),
        ("ZZZ", "x", "TIDEGATE_ZZZ: no such setting; see docs/reference/settings.md for all of them"),
        (
            "HEARTBEAT_S",
            "11",
            "TIDEGATE_HEARTBEAT_S: 11 is over a third of TIDEGATE_SESSION_TIMEOUT_S, 30; expected a third or less",
        ),
        (
            "INFLIGHT_EVENTS",
            "10",
            "TIDEGATE_INFLIGHT_EVENTS: 10 is under TIDEGATE_BATCH_EVENTS, 256; expected at least one batch",
        ),
        (
            "MAX_RECORD_BYTES",
            str(2**27),
            "TIDEGATE_INFLIGHT_BYTES: 67108864 is under TIDEGATE_MAX_RECORD_BYTES, 134217728; "
            "expected room for one record",
        ),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError) as error:
        Settings.load()
    assert str(error.value) == line


def test_all_wrong_variables_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_PARTITIONS", "many")
    monkeypatch.setenv("TIDEGATE_REPLICATION", "0")
    monkeypatch.setenv("TIDEGATE_PARTITION", "3")
    with pytest.raises(SettingsError) as error:
        Settings.load()
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == [
        "TIDEGATE_PARTITION",
        "TIDEGATE_PARTITIONS",
        "TIDEGATE_REPLICATION",
    ]


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_USER_KEY", "hunter2")
    monkeypatch.setenv("TIDEGATE_REDIS", "http://me:hunter2@store")
    with pytest.raises(SettingsError) as error:
        Settings.load()
    assert "TIDEGATE_USER_KEY" in str(error.value)
    assert "TIDEGATE_REDIS" in str(error.value)
    assert "hunter2" not in str(error.value)

    settings = Settings.load(user_key="hunter2hunter2hunter2", redis="redis://me:hunter2@store")
    assert "hunter2" not in repr(settings)


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_HTTP_PORT", "")
    assert Settings.load().http_port == 8077


def test_addresses_that_kubernetes_adds_are_not_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    # A service named `tidegate-worker`, as Kubernetes announces it to every pod.
    for name, value in {
        "TIDEGATE_WORKER_SERVICE_HOST": "10.0.0.1",
        "TIDEGATE_WORKER_SERVICE_PORT": "8077",
        "TIDEGATE_WORKER_SERVICE_PORT_HTTP": "8077",
        "TIDEGATE_WORKER_PORT": "tcp://10.0.0.1:8077",
        "TIDEGATE_WORKER_PORT_8077_TCP": "tcp://10.0.0.1:8077",
        "TIDEGATE_WORKER_PORT_8077_TCP_ADDR": "10.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    Settings.load()


@pytest.mark.parametrize("redis", ["unix:///run/redis.sock", "redis://store:6379/1", "redis://store:6379?db=1"])
def test_a_cluster_is_no_socket_and_has_one_database(redis: str) -> None:
    with pytest.raises(SettingsError, match="TIDEGATE_REDIS_CLUSTER: set, but TIDEGATE_REDIS names a socket or a"):
        Settings.load(redis=redis, redis_cluster=True)
    assert Settings.load(redis=redis).store.cluster is False
    assert Settings.load(redis="redis://store:6379/0", redis_cluster=True).store.cluster is True


def test_a_flag_wins_over_the_environment_and_none_is_no_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_KAFKA", "one:9092")
    assert Settings.load(kafka="two:9092").kafka == "two:9092"
    assert Settings.load(kafka=None).kafka == "one:9092"


def test_the_user_key_comes_from_the_variable_or_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"0123456789abcdef\n")
    assert Settings.load(user_key_file=file).user_key_bytes() == b"0123456789abcdef"

    file.write_bytes(b"short\n")
    with pytest.raises(SettingsError, match="holds 5 bytes; expected 16 or more"):
        Settings.load(user_key_file=file).user_key_bytes()

    with pytest.raises(SettingsError, match="No such file"):
        Settings.load(user_key_file=tmp_path / "absent").user_key_bytes()

    with pytest.raises(SettingsError, match="TIDEGATE_USER_KEY: not set"):
        Settings.load().user_key_bytes()

    monkeypatch.setenv("TIDEGATE_USER_KEY", "0123456789abcdef")
    assert Settings.load().user_key_bytes() == b"0123456789abcdef"
    with pytest.raises(SettingsError, match="are both set"):
        Settings.load(user_key_file=file)


def test_importing_reads_no_environment() -> None:
    code = "import tidegate.streams.settings.settings"
    environment = {**os.environ, "TIDEGATE_HTTP_PORT": "nonsense"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
