"""What is asked for by name and cannot run fails, and says what to install: a skipped test passes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.real import jars, needed

ROOT = Path(__file__).parents[1]
PROGRAMS = ("java", "mvn", "redis-server", "openssl")
SAID = """\
Apache Kafka and Redis were asked for, and this machine lacks what they need; nothing was run:
  no `java` on PATH; expected Java 17 or newer: apt install openjdk-17-jre-headless
  no `mvn` on PATH; expected Apache Maven, which brings Kafka: apt install maven
  no `redis-server` on PATH; expected Redis 7 or newer: apt install redis-server
  no `openssl` on PATH; expected it, to make certificates: apt install openssl
on Debian and Ubuntu: apt install openjdk-17-jre-headless maven redis-server openssl"""


def program(folder: Path, name: str, says: str = "") -> None:
    """An executable of that name, which says so on stderr as `java -version` does."""
    made = folder / name
    made.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    made.chmod(0o755)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, with nothing in it; Kafka's jars are not there either."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(jars, "CACHE", tmp_path / "kafka")
    return folder


def test_everything_that_is_missing_is_named_at_once(bare: Path) -> None:
    assert needed.format_missing(needed.find_missing()) == SAID


@pytest.mark.parametrize("absent", PROGRAMS)
def test_what_is_there_is_not_named(bare: Path, absent: str) -> None:
    for name in PROGRAMS:
        if name != absent:
            program(bare, name, 'openjdk version "21.0.2" 2024-01-16')
    found = needed.format_missing(needed.find_missing()).splitlines()
    assert len(found) == 3
    assert f"no `{absent}` on PATH" in found[1]
    assert found[2].startswith("on Debian and Ubuntu: apt install ")


def test_java_that_is_too_old_is_as_good_as_none(bare: Path) -> None:
    for name in PROGRAMS:
        program(bare, name, 'openjdk version "11.0.2" 2019-01-15')
    _, line, remedy = needed.format_missing(needed.find_missing()).splitlines()
    assert line == (
        f"""  {bare}/java says ['openjdk version "11.0.2" 2019-01-15']; expected Java 17 or newer: """
        "apt install openjdk-17-jre-headless"
    )
    assert remedy.endswith("apt install openjdk-17-jre-headless")


def test_jars_that_maven_cannot_bring_are_missing(bare: Path) -> None:
    for name in ("java", "redis-server", "openssl"):
        program(bare, name, 'openjdk version "17.0.9" 2023-10-17')
    (bare / "mvn").write_text("#!/bin/sh\necho '[ERROR] no network'\nexit 1\n")
    (bare / "mvn").chmod(0o755)
    assert needed.format_missing(needed.find_missing()).splitlines()[1:] == [
        f"  Maven could not bring Kafka's jars of {jars.POM}:",
        "[ERROR] no network",
    ]


def test_jars_that_are_there_need_no_maven(bare: Path) -> None:
    for name in ("java", "redis-server", "openssl"):
        program(bare, name, 'openjdk version "17.0.9" 2023-10-17')
    jars._lib().mkdir(parents=True)
    assert needed.find_missing() == []


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("pytest", "-q", "-p", "no:cacheprovider", "-m", "integration and not drill", "--servers", "real"), 4),
        (("pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "-m", "fault", "--servers", "real"), 4),
        (("tests.drills.soak",), 2),
        (("tests.real.needed",), 2),
    ],
    ids=["test-kafka", "drills-kafka", "soak", "drills"],
)
def test_what_is_asked_for_by_name_fails_with_one_message(tmp_path: Path, command: tuple[str, ...], code: int) -> None:
    """As `make` runs them, on a machine that has none of it."""
    there = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST_")}
    ran = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=there | {"PATH": str(tmp_path)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == code
    assert "skipped" not in ran.stdout + ran.stderr
    errors = [line.removeprefix("ERROR: ") for line in ran.stderr.splitlines() if line]
    expected = [line for line in SAID.splitlines() if "`mvn`" not in line]
    assert [line for line in errors if "`mvn`" not in line][:-1] == expected[:-1]
    assert set(errors[-1].split()) >= {"apt", "install", "openjdk-17-jre-headless", "redis-server"}


@pytest.mark.parametrize(("asked", "outcome"), [(False, pytest.skip.Exception), (True, pytest.fail.Exception)])
def test_what_is_missing_skips_unless_it_must_run(
    monkeypatch: pytest.MonkeyPatch, asked: bool, outcome: type[BaseException]
) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(needed, "must_run", asked)
    with pytest.raises(outcome, match="no wheel"):
        needed.missing("no wheel")


def test_targets_that_name_what_they_run_let_nothing_be_skipped() -> None:
    """`make test` is for a laptop; the others are asked for by name."""
    runs = [line for line in (ROOT / "Makefile").read_text().splitlines() if "-m pytest" in line]
    assert len(runs) == 5
    assert [line for line in runs if "--servers real" not in line and "--must-run" not in line] == [
        "\t@$(BIN)/python -m pytest -q -n 4 --dist worksteal -m 'not drill and not client'"
    ]
