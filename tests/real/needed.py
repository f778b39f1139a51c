"""What tests on Apache Kafka and Redis need, all of it looked for at once: `python -m tests.real.needed`.

Exit code: 0 it is there, 2 something is not: what was looked for, what was found, and what to install.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import pytest

from tests.real.jars import RealServersMissing, jars, java, maven
from tests.real.secure import openssl
from tests.real.stack import redis_server

# Whether a test that lacks something fails where it would be skipped: it was asked for by name. Set once a run.
must_run = False


def find_missing() -> list[RealServersMissing]:
    """What is not on this machine, of all that `--servers real` starts. Kafka's jars are brought where Maven can."""
    found = []
    for require in (java, maven, redis_server, openssl):
        try:
            require()
        except RealServersMissing as error:
            found.append(error)
    if not found:
        try:
            jars()
        except RealServersMissing as error:
            found.append(error)
    return found


def format_missing(found: list[RealServersMissing]) -> str:
    """Those in words: a line each, and one command for all that Debian has."""
    lines = ["Apache Kafka and Redis were asked for, and this machine lacks what they need; nothing was run:"]
    lines += [f"  {error}" for error in found]
    packages = " ".join(error.package for error in found if error.package)
    return "\n".join([*lines, f"on Debian and Ubuntu: apt install {packages}"] if packages else lines)


def missing(reason: str) -> NoReturn:
    """Skips on a laptop without the servers; fails where they were asked for by name, and in CI, where a skipped test
    proves nothing."""
    if must_run or os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(reason)
    pytest.skip(reason)


def main() -> int:
    found = find_missing()
    if found:
        sys.stderr.write(format_missing(found) + "\n")
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main())
