"""2,000 real model outputs in all four input forms through `tidegate up`: each is decided once.

Read back by a plain aiokafka consumer. Skipped where the labelled text is not at hand: it is not part of the project.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.drills.fleet import ROOT, account, assert_account_closes, send, wait_until_counted

DATA = Path(os.environ.get("LABELLED_TEXT", ROOT.parent / "shared" / "data"))
SETS = ("gptfuzz_responses", "hh_rlhf_harmless")
EACH = 1_000

pytestmark = [
    pytest.mark.drill,
    pytest.mark.usefixtures("_wheels"),
    pytest.mark.skipif(
        not all((DATA / f"{name}.jsonl.gz").exists() for name in SETS),
        reason=f"no labelled text ({', '.join(SETS)}): set LABELLED_TEXT to its folder",
    ),
]


def native(n: int, text: str, of: str) -> dict[str, Any]:
    return {"id": f"r{n}", "completion": text, "tenant": of, "model": "m-native", "user": f"u{n % 40}"}


def cloudevent(n: int, text: str, of: str) -> dict[str, Any]:
    data = native(n, text, of) | {"model": "m-cloud"}
    return {"specversion": "1.0", "type": "completion", "source": "/r", "id": f"r{n}", "data": data}


def openai(n: int, text: str, of: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": f"r{n}", "object": "chat.completion", "created": 1_700_000_000, "model": "m-openai",
        "metadata": {"tenant": of}, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }  # fmt: skip


def litellm(n: int, text: str, of: str) -> dict[str, Any]:
    return {
        "id": f"r{n}", "trace_id": f"t{n}", "call_type": "acompletion", "status": "success", "model": "m-litellm",
        "response": openai(n, text, of) | {"model": "m-litellm"}, "end_user": f"u{n % 40}",
        "metadata": {"user_api_key_team_id": of}, "messages": [], "startTime": 1.7e9, "endTime": 1.7e9 + 1,
    }  # fmt: skip


FORMS = (native, cloudevent, openai, litellm)


def texts() -> list[tuple[str, str]]:
    found = []
    for name in SETS:
        with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            found += [(name, json.loads(line)["text"]) for line in itertools.islice(lines, EACH)]
    return found


@contextlib.contextmanager
def up() -> Iterator[dict[str, str]]:
    """`tidegate up`, and the variables it prints for other terminals."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tidegate", "up"],
        cwd=ROOT,
        env={**os.environ, "TIDEGATE_SERVE_PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        env: dict[str, str] = {}
        for line in process.stdout:
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").strip().partition("=")
                env[name] = value
            if "Ctrl-C" in line:
                break
        yield env
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=40)


@pytest.mark.timeout(480)
async def test_real_model_outputs_in_every_form_are_all_decided() -> None:
    real = texts()
    events = [json.dumps(FORMS[n % 4](n, text, of)).encode() for n, (of, text) in enumerate(real)]
    with up() as env:
        sent = set(await send(env["TIDEGATE_KAFKA"], events))
        redis = await wait_until_counted(env["TIDEGATE_REDIS"], len(sent), 200)
        seen = await account(env["TIDEGATE_KAFKA"], len(sent), 60)
    assert_account_closes(sent, seen, redis)
    assert seen.dead == {}
    decisions = seen.counted()
    ids = Counter(d["id"].removeprefix("/r#") for d in decisions)
    assert ids == Counter(f"r{n}" for n in range(len(real)))
    assert {d["scopes"]["tenant"] for d in decisions} == set(SETS)
    assert all(d["fault"] is None and set(d["scores"]) >= {"toxicity", "stereotype"} for d in decisions)
    by_form = Counter(d["scopes"]["model"] for d in decisions)
    assert by_form == {f"m-{form}": len(real) // 4 for form in ("native", "cloud", "openai", "litellm")}
