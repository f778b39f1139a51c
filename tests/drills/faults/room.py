"""A broker with little room on its disk: a small tmpfs under its data where we may mount one, else a limit on files."""

from __future__ import annotations

import contextlib
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from tests.real.cluster import Cluster

DISK_MB = 256  # what a broker holds of a drill, many times over: sparse files count by what is in them


class Room(Protocol):
    """What is left for a broker to write."""

    how: str
    said: str  # by the broker, when none is left

    def take(self) -> None:
        """From now on it cannot write."""

    def give_back(self) -> None:
        """It can again, once it is started again."""


class Disk:
    """A file system of its own."""

    how = "a file system of its own, without a free byte"
    said = "No space left on device"

    def __init__(self, at: Path) -> None:
        self._ballast = at / "ballast"

    def take(self) -> None:
        with self._ballast.open("wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * (1 << 16))

    def give_back(self) -> None:
        self._ballast.unlink()


class Limit:
    """No file of the process may grow: what a full disk is to it, where nobody may mount one."""

    how = "no file of its process may grow"
    said = "File too large"

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def take(self) -> None:
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))

    def give_back(self) -> None:
        """Nothing: the limit went with the process."""


@contextlib.contextmanager
def little_room(cluster: Cluster, n: int) -> Iterator[Room]:
    """The broker is stopped and started again at the begin, and where it has a disk of its own at the end too."""
    data = cluster.broker(n).directory / "data"
    moved = data.with_name("data-moved")
    cluster.stop_broker(n)
    data.rename(moved)
    data.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tidegate-drill", str(data)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        data.rmdir()
        moved.rename(data)
        cluster.start_broker(n)
        yield Limit(cluster.broker(n).pid)
        return
    shutil.copytree(moved, data, dirs_exist_ok=True)
    shutil.rmtree(moved)
    cluster.start_broker(n)
    try:
        yield Disk(data)
    finally:
        cluster.kill_broker(n)
        shutil.copytree(data, moved)
        subprocess.run(["umount", str(data)], check=True)
        data.rmdir()
        moved.rename(data)
        (data / "ballast").unlink(missing_ok=True)
        cluster.start_broker(n)
