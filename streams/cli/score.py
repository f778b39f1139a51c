"""`score`: what a worker would decide on some texts, without Kafka or Redis: the same classifier, the same code."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.streams.cli.errors import fail, go, say
from tidegate.streams.cli.jsonl import Numbered, chunks, opened, size
from tidegate.streams.cli.render import json_line, progress

if TYPE_CHECKING:
    from tidegate.streams.core.events import Decision
    from tidegate.streams.core.policy.resolved import LivePolicy
    from tidegate.streams.moderation.records import RecordModerator
    from tidegate.streams.operations.explaining import Explainer, Explanation
    from tidegate.streams.settings.settings import Settings

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
    explain: Annotated[bool, typer.Option("--explain", help="Quote where each score comes from; slower.")] = False,
) -> None:
    """Score completions from a file.

    And say what the policy file decides; neither Kafka nor Redis is needed. Reads {"id", "completion", "prompt"?,
    "tenant"?, …}, or any other input form, one a line. Writes {"id", "scores", "action", "reasons", "model",
    "policy"}, one a line, in the same order; with a cascade "by" says who gave each score. A line that cannot be
    read is named on standard error and left out.

    With --explain also "spans": {"start", "end", "label", "added", "text"}, the pieces without which a score falls,
    and by how much. They quote the input.

    \b
    tidegate score completions.jsonl
    echo '{"id": "1", "completion": "Have a nice day."}' | tidegate score -
    tidegate score completions.jsonl --policy stricter.toml | jq -r .action | sort | uniq -c
    tidegate score completions.jsonl --explain | jq -c .spans

    Exit code: 0 all scored, 1 some lines unreadable or not scored, 2 wrong settings, policy or model.
    """
    from tidegate.streams.settings.settings import Settings

    refused = go(_score(Settings.load(policy_file=policy), file, explain))
    if refused:
        fail(f"{refused} {'line' if refused == 1 else 'lines'} not scored")


async def _score(settings: Settings, file: str, explain: bool) -> int:
    """How many lines were not scored."""
    from tidegate.classifiers import require_labels
    from tidegate.streams.core.policy.model import digest
    from tidegate.streams.core.policy.resolved import LivePolicy
    from tidegate.streams.installed import describe_policy_file
    from tidegate.streams.moderation.moderator import Moderator
    from tidegate.streams.moderation.pseudonyms import UserKey
    from tidegate.streams.moderation.records import RecordModerator
    from tidegate.streams.moderation.scorer import LiveScorer, load_scorer
    from tidegate.streams.moderation.scoring import Scoring
    from tidegate.streams.operations.explaining import Explainer
    from tidegate.streams.policy_log.file import read_policy

    policy = read_policy(settings.policy_file)
    say(f"policy: {describe_policy_file(settings.policy_file)}")
    loaded = load_scorer(settings.classifier, settings.classifier_manifest, settings.score_threads)
    require_labels([*policy.labels, *policy.prompt_labels], loaded, str(settings.policy_file))
    live = LivePolicy(f"file-{digest(policy)}", policy)
    # No user is shown, and no record's HMAC: an empty key will do.
    scoring = Scoring(settings.score_threads, settings.score_timeout_s)
    moderator = RecordModerator(Moderator(scoring, LiveScorer(loaded, lambda _: None).under), UserKey(b""))
    explaining = Explainer() if explain else None
    refused = 0
    try:
        with opened(file) as lines, progress("scored", size(file)) as advance:
            for chunk in chunks(lines, lambda _: None):
                for batch in _batches(chunk):
                    refused += await _score_batch(moderator, live, batch, explaining)
                    advance(sum(len(value) + 1 for _, value in batch))
    finally:
        scoring.close()
        if explaining is not None:
            explaining.close()
    return refused


async def _score_batch(
    moderator: RecordModerator, live: LivePolicy, batch: Sequence[Numbered], explaining: Explainer | None
) -> int:
    from tidegate.streams.core.events import Completion, DeadLetter

    refused, now_ms = 0, int(time.time() * 1000)
    lines = [Line(value, number, now_ms) for number, value in batch]
    for item, result in await moderator.moderate(lines, live, epoch=0, now_ms=now_ms):
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
        shown = _as_json(result)
        if explaining is not None and isinstance(item.completion, Completion) and item.scored and result.scores:
            choices = item.completion.choices
            explanation = await explaining.explain(item.scored.scorer, choices, result)
            shown["spans"] = _spans(explanation, len(choices), result.source.offset)
        json_line(shown)
    return refused


def _spans(explanation: Explanation, choices: int, line: int) -> list[dict[str, Any]]:
    """The pieces as they are printed: they quote the input."""
    for _ in range(explanation.failed):
        say(f"line {line}: not explained; its scores stand")
    spans = []
    for piece in explanation.pieces:
        shown = {"start": piece.start, "end": piece.end, "label": piece.label, "added": round(piece.added, 4)}
        spans.append({**shown, "text": piece.text, **({"choice": piece.choice} if choices > 1 else {})})
    return spans


def _as_json(decision: Decision) -> dict[str, Any]:
    dumped = decision.model_dump(mode="json")
    shown = {"id": decision.id, "scores": dumped["scores"], "action": dumped["action"], "reasons": dumped["reasons"]}
    if decision.prompt_scores:
        shown["prompt_scores"] = dumped["prompt_scores"]
    if decision.by_encoder is not None:
        shown["by"] = {label: "encoder" if label in decision.by_encoder else "screen" for label in decision.scores}
    if decision.spans:
        shown["spans"] = dumped["spans"]
    return {**shown, "model": decision.model_version, "policy": decision.policy_version}


def _batches(chunk: Sequence[Numbered]) -> Iterator[Sequence[Numbered]]:
    return (chunk[start : start + BATCH] for start in range(0, len(chunk), BATCH))
