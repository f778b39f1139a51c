"""The one package that is installed: what `import tidegate` gives and costs, and a checkout that cannot have it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tidegate
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.installed import DEFAULT_POLICY, release
from tidegate.streams.policy_log.file import read_policy
from tidegate.streams.settings.settings import Settings

ROOT = Path(__file__).parents[1]


def python(code: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )


def test_every_public_name_is_there_and_no_other() -> None:
    assert sorted(tidegate.__all__) == dir(tidegate)
    assert all(getattr(tidegate, name) is not None for name in tidegate.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        tidegate.nonsense  # noqa: B018 - asked for, that is all
    assert tidegate.__version__ == release()


def test_the_import_alone_loads_nothing_heavy(tmp_path: Path) -> None:
    """A worker, `--help` and a type checker import it: ONNX, Kafka and pydantic come when they are used."""
    heavy = ["onnxruntime", "numpy", "aiokafka", "pydantic", "faust", "redis"]
    ran = python(f"import sys, tidegate; print([n for n in {heavy} if n in sys.modules])", tmp_path)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")


def test_the_policy_that_is_carried_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a file that happens to lie in the folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.toml").write_text("nonsense")
    assert Settings.load().policy_file == DEFAULT_POLICY
    assert isinstance(read_policy(DEFAULT_POLICY), Policy)
    assert DEFAULT_POLICY.read_text("utf-8") == (ROOT / "policy.toml").read_text("utf-8")


def test_a_checkout_without_links_says_so_in_one_line(tmp_path: Path) -> None:
    """As git writes a link where it may make none: a file with its target in it."""
    shutil.copytree(
        ROOT / "tidegate", tmp_path / "tidegate", symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("streams", "classifiers", "policy.toml"):
        (tmp_path / "tidegate" / name).unlink()
        (tmp_path / "tidegate" / name).write_text(f"../{name}")
    ran = python("import tidegate", tmp_path)
    assert ran.returncode == 1
    last = ran.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert "without symbolic links" in last
    assert "core.symlinks" in last
