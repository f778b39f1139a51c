"""A broker with a full disk: limits the size of the files of a running broker.

The kernel refuses every write beyond the limit with EFBIG (RLIMIT_FSIZE, set on the running process). To Kafka that is
like ENOSPC: an input/output error of its log directory. It needs neither root nor a file system of its own.
"""

from __future__ import annotations

import resource

from tests.real.cluster import Cluster

WRITE_ERROR = "File too large"  # of the broker, in its log
HEADROOM_BYTES = 1 << 16  # beyond the size of its own log, so that it can still log the error


def can_limit_files() -> bool:
    """Whether this system can set a limit on a running process: Linux can."""
    return hasattr(resource, "prlimit")


def limit_files(cluster: Cluster, n: int) -> None:
    """Limits every file of that broker to the size of its log and HEADROOM_BYTES. A restart removes the limit."""
    pid = cluster.broker(n).pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (len(cluster.log(n).encode()) + HEADROOM_BYTES, hard))
