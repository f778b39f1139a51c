"""A broker that has no room left to write: from one moment on, its files may hardly grow.

The kernel refuses every write beyond that with EFBIG (RLIMIT_FSIZE, set on the running process): to Kafka that is what
ENOSPC is, an input/output error of its log directory. It needs neither root nor a file system of its own.
"""

from __future__ import annotations

import resource

from tests.real.cluster import Cluster

SAID = "File too large"  # by the broker, in its log
ROOM_BYTES = 1 << 16  # beyond what its own log has, so that it can still say what happened


def may_be_taken() -> bool:
    """Whether this system can limit a process that runs: Linux can."""
    return hasattr(resource, "prlimit")


def take_room(cluster: Cluster, n: int) -> None:
    """From now on no file of that broker can be larger than its log and a little. A new process has no such limit."""
    pid = cluster.broker(n).pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (len(cluster.log(n).encode()) + ROOM_BYTES, hard))
