"""Checks at once for all that tests on Apache Kafka and Redis need: `python -m tests.real.needed`.

Exit code: 0 it is there; 2 something is missing: the output names it, what was found, and what to install.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import pytest

from tests.real.jars import RealServersMissing, jars, java, maven
from tests.real.secure import openssl
from tests.real.stack import redis_server

# Whether a test that lacks something fails instead of being skipped: it was requested by name. Set once a run.
must_run = False


def find_missing() -> list[RealServersMissing]:
    """Everything that `--servers real` needs and this machine lacks. Maven downloads Kafka's jars where it can."""
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
    """A line for each, and one command that installs all that Debian has."""
    lines = ["Apache Kafka and Redis were asked for, and this machine lacks what they need; nothing was run:"]
    lines += [f"  {error}" for error in found]
    packages = " ".join(error.package for error in found if error.package)
    return "\n".join([*lines, f"on Debian and Ubuntu: apt install {packages}"] if packages else lines)


def missing(reason: str) -> NoReturn:
    """Skips on a laptop without the servers. Fails where they were requested by name, and in CI, where a skipped test
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
