"""The bare loop beside `tidegate serve`: the same classifier in a process of its own, without HTTP.

`python -m bench.unserved CLASSIFIER`: reads one JSON line a job, `{"texts": […], "due": […]}`, and prints its result.
Without `due` it scores the texts in batches of 64; with it each text when it is due, together with those that wait.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.installed import DEFAULT_POLICY
from tidegate.streams.moderation.scorer import LiveScorer, load_scorer
from tidegate.streams.moderation.scoring import TextScorer
from tidegate.streams.policy_log.file import read_policy

BATCH = 64  # texts, as serve's


def in_batches(scorer: TextScorer, texts: Sequence[str]) -> dict[str, float]:
    """Returns texts a second, and microseconds of CPU a text."""
    began, cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(texts), BATCH):
        scorer.score(texts[start : start + BATCH])
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    return {"per_s": len(texts) / wall_s, "cpu": cpu_s / len(texts) * 1e6}


def when_due(scorer: TextScorer, texts: Sequence[str], due: Sequence[float]) -> dict[str, list[float]]:
    """Returns the milliseconds of each text from when it was due."""
    took: list[float] = []
    began, done = time.perf_counter(), 0
    while done < len(due):
        now = time.perf_counter() - began
        if due[done] > now:
            time.sleep(due[done] - now)
            continue
        end = done + 1
        while end < len(due) and end - done < BATCH and due[end] <= now:
            end += 1
        scorer.score([texts[n % len(texts)] for n in range(done, end)])
        at = time.perf_counter() - began
        took += [(at - one) * 1000 for one in due[done:end]]
        done = end
    return {"took_ms": took}


def main() -> None:
    live = LivePolicy("bench", read_policy(DEFAULT_POLICY))
    scorer = LiveScorer(load_scorer(sys.argv[1]), lambda _: None).under(live)
    scorer.score(["A text."])
    for line in sys.stdin:
        job = json.loads(line)
        texts, due = job["texts"], job.get("due")
        result = in_batches(scorer, texts) if due is None else when_due(scorer, texts, due)
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
