"""A process of `tidegate serve` with the model that comes with Tidegate, and what a client's process is given."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clients import environments

POLICY = Path(__file__).parent / "policy.toml"
ALLOWED, REDACTED, BLOCKED = (
    "Have a nice day.",
    "😀 You are a worthless idiot.",  # an emoji is one code point, and two units of UTF-16
    "I will find you and kill you tomorrow.",
)
KEY = "a-key-that-no-log-may-hold"
START_S = 60  # to load the model on a busy machine


@contextmanager
def serving(log: Path, **environment: str) -> Iterator[str]:
    """A process of `tidegate serve` on a free port; yields its URL. At the end its log holds no text and no key."""
    env = {
        **os.environ,
        "TIDEGATE_HTTP_PORT": "0",
        "TIDEGATE_SERVE_PROBE_PORT": "0",
        "TIDEGATE_SERVE_PORT": "0",
        "TIDEGATE_POLICY_FILE": str(POLICY),
        **environment,
    }
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "tidegate", "serve"], cwd=environments.ROOT, env=env, stderr=stderr
        )
    try:
        until = time.monotonic() + START_S
        while not (found := re.search(r"serving (http://\S+?)/v1/", log.read_text("utf-8"))):
            assert process.poll() is None, f"it ended before it served:\n{log.read_text('utf-8')}"
            assert time.monotonic() < until, f"it does not serve after {START_S} s:\n{log.read_text('utf-8')}"
            time.sleep(0.05)
        yield found[1]
    finally:
        process.terminate()
        code = process.wait(60)
    assert code == 0
    said = log.read_text("utf-8")
    assert [text for text in ("worthless", "kill you", KEY, "Traceback") if text in said] == []


def client_environment() -> dict[str, str]:
    """Nothing of ours, no address of a real service, and no call home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEGATE_", "PYTHON", "OPENAI"))}
    return {**kept, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "DO_NOT_TRACK": "1", "NO_PROXY": "*"}
