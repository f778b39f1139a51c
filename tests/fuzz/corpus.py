"""Runs the atheris scripts for a number of seconds, from valid inputs on."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import atheris

SECONDS = 300


def seeds_of(documents: Iterable[Any]) -> list[bytes]:
    return [b"\0" + json.dumps(document).encode() for document in documents]


def fuzz(one: Callable[[bytes], None], seeds: Iterable[bytes]) -> int:
    """libFuzzer prints the executions and what it covers, and ends with a crash where `one` raises."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    corpus = Path(tempfile.mkdtemp(prefix="tidegate-fuzz-"))
    for n, seed in enumerate(seeds):
        (corpus / f"seed-{n}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-timeout=20",
        "-print_final_stats=1",
        f"-artifact_prefix={corpus}/",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()
    return 0
