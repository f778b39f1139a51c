"""A broker that has no room left to write: from one moment on, none of its files may grow.

The kernel refuses every write with EFBIG (RLIMIT_FSIZE, set on the running process): to Kafka that is what ENOSPC is,
an input/output error of its log directory. It needs neither root nor a file system of its own.
"""

from __future__ import annotations

import resource

SAID = "File too large"  # by the broker, in its log
# Any file of a broker is larger; an empty one can still be made, as on a full disk.
LARGEST_BYTES = 1


def may_be_taken() -> bool:
    """Whether this system can limit a process that runs: Linux can."""
    return hasattr(resource, "prlimit")


def take_room(pid: int) -> None:
    """From now on that process cannot write. The limit goes with it: started again, it can."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (LARGEST_BYTES, resource.RLIM_INFINITY))
