"""A `tidegate` command as a child process: started, stopped in order, and ended with us, also by our `kill -9`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import tidegate.streams.embedded

STOP_TIMEOUT_S = 20.0  # a worker finishes its batches in flight, `serve` its requests
_LEASH = Path(tidegate.streams.embedded.__file__).with_name("leash.py")


class ChildProcess:
    """`with ChildProcess("worker", env=stack.env()) as worker:` runs `tidegate worker` until the block ends."""

    def __init__(self, *command: str, env: Mapping[str, str], log: IO[bytes] | None = None) -> None:
        """command: what follows `tidegate`. env: added to our environment. log: None is our standard error."""
        self._command = command
        self._env = {**os.environ, **env}
        self._log = log
        self._leash: subprocess.Popen[bytes]
        self.pid = 0

    def __enter__(self) -> Self:
        # The leash removes a directory when it is pulled; this one is empty.
        empty = tempfile.mkdtemp(prefix="tidegate-")
        self._leash = subprocess.Popen(  # noqa: S603 - ourselves
            # -P: not what happens to lie in this folder under one of our names.
            [sys.executable, "-I", "-S", str(_LEASH), empty, sys.executable, "-P", "-m", "tidegate", *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=self._env,
            start_new_session=True,  # Ctrl-C is for us; we then stop it in order
        )
        assert self._leash.stdout is not None  # noqa: S101 - PIPE
        self.pid = int(self._leash.stdout.readline())
        Path(empty).rmdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Returns its exit code once it ended by itself; None where it still runs after timeout_s."""
        try:
            return self._leash.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """Ends it with SIGTERM, and by force where that takes too long. May be called again."""
        if self._leash.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            self.wait(STOP_TIMEOUT_S)
        for pipe in (self._leash.stdin, self._leash.stdout):
            if pipe is not None:
                pipe.close()  # pulls the leash
        self._leash.wait(5)
