"""Runs one server and kills it when its owner is gone: `python leash.py DIRECTORY COMMAND…`.

The owner holds the other end of our standard input. When it closes, for whatever reason, `kill -9` of the owner
among them, the server is killed and DIRECTORY removed. Standard library only: started with `python -I -S`.
Needs no signal from the kernel, so it does the same on Linux and macOS, and from any thread of the owner.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading


def main() -> None:
    directory, command = sys.argv[1], sys.argv[2:]
    # Output goes to our standard error, the log; standard output tells the owner the server's pid.
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=2, stderr=2)  # noqa: S603 - the owner's command
    os.write(1, b"%d\n" % server.pid)

    owned = threading.Event()
    owned.set()

    def follow() -> None:
        code = server.wait()
        if owned.is_set():
            os._exit(code if code >= 0 else 128 - code)

    threading.Thread(target=follow, daemon=True).start()
    os.read(0, 1)  # nothing is ever written: this returns when the owner is gone
    owned.clear()
    server.kill()
    server.wait()
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
