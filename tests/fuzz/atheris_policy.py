"""Coverage-guided text into the policy's reader: `python -m tests.fuzz.atheris_policy [seconds]`.

Any input is a policy, or a PolicyError each line of which has a place. Needs the extra `fuzz`, as `atheris_wire`.
"""

from __future__ import annotations

import sys
import tomllib

import atheris

with atheris.instrument_imports(include=["tidegate", "tomllib"]):
    from tidegate.streams.core.policy.log import PolicyLog, fold
    from tidegate.streams.core.policy.model import PolicyError, digest, parse

from tests.fuzz.corpus import fuzz
from tests.fuzz.policies import FULL_TOML, records


def one(data: bytes) -> None:
    """As a file, and as a record of the log after a good one."""
    live = fold(PolicyLog(), 0, records()[0]).log
    assert fold(live, 1, data).log.next == 2
    try:
        found = tomllib.loads(data.decode())
    except (ValueError, RecursionError):
        return
    try:
        digest(parse(found, "p"))
    except PolicyError as error:
        lines = str(error).split("\n")
    else:
        return
    assert all(line.startswith("p: ") for line in lines), lines


if __name__ == "__main__":
    sys.exit(fuzz(one, [FULL_TOML.encode(), *records()]))
