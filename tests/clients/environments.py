"""Other people's clients, each group in an environment of its own under build/clients, from a lock with hashes.

Apart from ours, since they pin what Tidegate has in another version. `python -m tests.clients` makes them.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "clients"
LOCKS = Path(__file__).parent / "locks"
NPM = Path(__file__).parent / "npm"
ENVIRONMENTS = (*sorted(lock.stem for lock in LOCKS.glob("*.lock")), "npm")
INSTALL_S = 900  # of one environment, from an empty cache
_STAMP = "installed-from"  # the file that is written last: the hash of the lock


class CannotInstall(Exception):
    """An environment cannot be made here. Its tests fail with this."""


def program_of(name: str) -> Path:
    """The environment's Python, or npm's folder. Raises CannotInstall: it is not there, or could not be made."""
    folder = FOLDER / name
    failure = FOLDER / f"{name}.failed"
    if failure.exists():
        raise CannotInstall(failure.read_text("utf-8"))
    if not _is_current(name):
        raise CannotInstall(f"{folder} is not made, or from another lock: make test-clients")
    return folder if name == "npm" else folder / "bin" / "python"


def install(name: str) -> None:
    """Makes the environment where it is not there, or its lock has changed. Raises CannotInstall; `program_of` too."""
    if _is_current(name):
        return
    folder, failure = FOLDER / name, FOLDER / f"{name}.failed"
    FOLDER.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    failure.unlink(missing_ok=True)
    try:
        if name == "npm":
            folder.mkdir()
            for file in ("package.json", "package-lock.json"):
                shutil.copy(NPM / file, folder)
            _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder))
        else:
            _run(sys.executable, "-m", "venv", str(folder))
            pip = (str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet")
            _run(*pip, "install", "--require-hashes", "-r", str(LOCKS / f"{name}.lock"))
    except CannotInstall as error:
        failure.write_text(str(error))
        raise
    (folder / _STAMP).write_text(_hash_of(name))


def version_of(environment: str, package: str) -> str:
    """The version that an environment's lock pins. Raises KeyError."""
    if environment == "npm":
        lock = json.loads((NPM / "package-lock.json").read_text("utf-8"))
        return str(lock["packages"][f"node_modules/{package}"]["version"])
    pins = dict(re.findall(r"^([\w.-]+)==([\w.]+)", (LOCKS / f"{environment}.lock").read_text("utf-8"), re.MULTILINE))
    return pins[package]


def _is_current(name: str) -> bool:
    stamp = FOLDER / name / _STAMP
    return stamp.exists() and stamp.read_text("utf-8") == _hash_of(name)


def _hash_of(name: str) -> str:
    lock = NPM / "package-lock.json" if name == "npm" else LOCKS / f"{name}.lock"
    return hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()


def _run(*command: str) -> None:
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotInstall(f"{command[0]}: {error}") from None
    if ran.returncode:
        raise CannotInstall(f"{' '.join(command)}: exit code {ran.returncode}\n{(ran.stdout + ran.stderr)[-2000:]}")
