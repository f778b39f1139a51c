"""`score`: what a worker would decide on some texts, without Kafka or Redis: the same classifier, the same code."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.edge import fail, go, say
from streams.cli.lines import Numbered, chunks, opened, size
from streams.cli.show import json_line, progress

if TYPE_CHECKING:
    from streams.core.events import Decision
    from streams.core.thresholds import LivePolicy
    from streams.moderate import Moderate
    from streams.settings import Settings

BATCH = 256  # as many as a worker's


@dataclass(frozen=True)
class Line:
    """A line as a record that a worker could have read (`wire.Record`). Its offset is its number in the file."""

    value: bytes
    offset: int
    timestamp: int
    topic: str = "completions"
    partition: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


def score(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="JSONL, one completion a line; - is standard input.")],
    policy: Annotated[Path | None, typer.Option(help="Policy file, instead of TIDEGATE_POLICY_FILE.")] = None,
) -> None:
    """Score completions from a file.

    And say what the policy file decides; neither Kafka nor Redis is needed. Reads {"id", "completion", "prompt"?,
    "tenant"?, …}, or any other input form, one a line. Writes {"id", "scores", "action", "reasons", "model",
    "policy"}, one a line, in the same order. A line that cannot be read is named on standard error and left out.

    \b
    tidegate score completions.jsonl
    echo '{"id": "1", "completion": "Have a nice day."}' | tidegate score -
    tidegate score completions.jsonl --policy stricter.toml | jq -r .action | sort | uniq -c

    Exit code: 0 all scored, 1 some lines unreadable or not scored, 2 wrong settings, policy or model.
    """
    from streams.settings import Settings

    refused = go(_score(Settings.load(policy_file=policy), file))
    if refused:
        fail(f"{refused} {'line' if refused == 1 else 'lines'} not scored")


async def _score(settings: Settings, file: str) -> int:
    """How many lines were not scored."""
    from classifiers import require_labels
    from streams.core.policy import digest
    from streams.core.thresholds import LivePolicy
    from streams.metrics import Metrics
    from streams.moderate import Moderate
    from streams.policy_file import read_policy
    from streams.scorer import load_scorer
    from streams.scoring import Scoring
    from streams.store.memory import MemoryStore
    from streams.users import UserKey

    policy = read_policy(settings.policy_file)
    scorer = load_scorer(settings.classifier, settings.classifier_manifest)
    require_labels([*policy.labels, *policy.prompt_labels], scorer, str(settings.policy_file))
    live = LivePolicy(f"file-{digest(policy)}", policy)
    scoring = Scoring(scorer, settings.score_threads, settings.score_timeout_s)
    # Nothing here is counted or published, and no user is shown: an empty key and an empty store will do.
    moderate = Moderate(scoring, MemoryStore(_now_ms), UserKey(b""), lambda: live, Metrics(), keep_bytes_up_to=0)
    refused = 0
    try:
        with opened(file) as lines, progress("scored", size(file)) as advance:
            for chunk in chunks(lines, lambda _: None):
                for batch in _batches(chunk):
                    refused += await _score_batch(moderate, live, batch)
                    advance(sum(len(value) + 1 for _, value in batch))
    finally:
        scoring.close()
    return refused


async def _score_batch(moderate: Moderate, live: LivePolicy, batch: Sequence[Numbered]) -> int:
    from streams.batch import Batch, Span
    from streams.core.events import DeadLetter
    from streams.fence import Belief, Owned
    from streams.store import Part

    now_ms = _now_ms()
    nobody = Owned(Part("completions", 0), token=0, position=0, applied=0, belief=Belief.NO_FENCE)
    span = Span(nobody, 0, [Line(value, number, now_ms) for number, value in batch], 0)
    (prepared,) = await moderate.prepare(Batch([span], asyncio.Event(), len(batch), 0))
    refused = 0
    for result in moderate.conclude(span, prepared, live):
        if isinstance(result, DeadLetter):
            refused += 1
            say(
                f"line {result.source.offset}: {result.reason.value} at {result.where}; "
                f"expected {result.expected}; left out"
            )
            continue
        if result.fault is not None:
            refused += 1
            say(f"line {result.source.offset}: not scored: {result.fault.value}; decided as the policy's faults say")
        json_line(_told(result))
    return refused


def _told(decision: Decision) -> dict[str, Any]:
    dumped = decision.model_dump(mode="json")
    told = {"id": decision.id, "scores": dumped["scores"], "action": dumped["action"], "reasons": dumped["reasons"]}
    if decision.prompt_scores:
        told["prompt_scores"] = dumped["prompt_scores"]
    return {**told, "model": decision.model_version, "policy": decision.policy_version}


def _batches(chunk: Sequence[Numbered]) -> Iterator[Sequence[Numbered]]:
    return (chunk[start : start + BATCH] for start in range(0, len(chunk), BATCH))


def _now_ms() -> int:
    return int(time.time() * 1000)
