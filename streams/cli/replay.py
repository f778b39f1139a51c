"""`replay`: a range of completions decided again into `replays`: what is asked, and its account."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import ExitCode, fail, go, note, say
from tidegate.streams.cli.render import clock, json_line, progress, table
from tidegate.streams.cli.times import moment_ms

if TYPE_CHECKING:
    from tidegate.streams.operations.replay.replay import ReplayRun, Rescoring
    from tidegate.streams.settings.settings import Settings


def replay(
    from_: Annotated[
        str, typer.Option("--from", metavar="TIME", help="As 2026-01-31T12:00:00Z, or 2h for two hours ago.")
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="TIME", help="Up to that time, which is not in the range itself.")
    ] = "now",
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Decide by this policy file, not by the live policy.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Score the texts again with this model: of the manifest, or module:factory."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what the range holds; write nothing.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="The account as one JSON object.")] = False,
) -> None:
    """Decide a range of completions again, into the topic replays.

    The range is over the records' own timestamps. Without --model the scores that `decisions` recorded are decided
    again, and no text is read. With --model the texts are scored again, by a worker's own code; that needs the
    workers' TIDEGATE_USER_KEY. No live topic is written, and nothing in Redis. Every run has an epoch of its own: of
    several decisions on `replays` with one id, the highest epoch is the last run's.

    Ends with an account: every record that was read was decided, is a fault, a dead letter, or has no recorded
    decision; beside it, what changed.

    \b
    tidegate replay --from 2h --policy candidate.toml
    tidegate replay --from 2026-01-31T12:00:00Z --to 2026-01-31T14:00:00Z --model cascade-en
    tidegate replay --from 1d --dry-run

    Exit code: 0 replayed, 1 the account does not close, 2 wrong usage, policy or model, or no such range, 3 Kafka or
    Redis is unavailable.
    """
    from tidegate.streams.operations.policy_history import NamedPolicy
    from tidegate.streams.operations.replay.range import ReplayRange
    from tidegate.streams.operations.replay.replay import ReplayRun
    from tidegate.streams.policy_log.file import read_policy
    from tidegate.streams.settings.settings import Settings

    now_ms = int(time.time() * 1000)
    within = ReplayRange(moment_ms("--from", from_, now_ms), moment_ms("--to", to, now_ms), now_ms)
    if within.from_ms >= within.to_ms:
        fail(
            f"--from {from_} is {clock(within.from_ms)}, not before {clock(within.to_ms)}; "
            "expected a range [from, to); nothing done",
            ExitCode.WRONG,
        )
    settings = Settings.load()
    rescoring = None if model is None or dry_run else _rescoring(settings, model)
    named = None if policy is None or dry_run else NamedPolicy(str(policy), read_policy(policy))
    run = ReplayRun(settings, within, now_ms, policy=named, rescoring=rescoring, progress=progress, note=note)
    done = False
    try:
        go(run.survey(rescored=model is not None) if dry_run else run.replay())
        done = True
    finally:
        if run.found is not None and run.found.strange:
            say(f"{run.found.strange:,} records on decisions or dead-letters are neither; left out")
        if run.found is not None and run.found.moderations:
            found = f"{run.found.moderations:,} moderations by `tidegate serve`"
            say(f"{found} are not replayed: `completions` has no text of them")
        if not done:
            _say_progress(run)
    if dry_run:
        _show_survey(run, json_)
        return
    _show_account(run, json_)
    if not run.account.closes:
        fail(
            f"the account does not close: {run.account.read:,} read, {run.account.done:,} accounted for; records were "
            "deleted meanwhile; run it again on a range that is kept"
        )


def _rescoring(settings: Settings, model: str) -> Rescoring:
    """The model that is named, and a worker's own code around it. Raises SettingsError."""
    from tidegate.streams.moderation.pseudonyms import UserKey
    from tidegate.streams.moderation.scorer import load_scorer
    from tidegate.streams.operations.replay.replay import Rescoring

    scorer = load_scorer(model, settings.classifier_manifest, settings.score_threads, named_by="--model")
    return Rescoring(scorer, UserKey(settings.user_key_bytes()), settings.score_threads, settings.score_timeout_s)


def _say_progress(run: ReplayRun) -> None:
    """Where the command ends before its time: by Ctrl-C, or because Kafka became unavailable."""
    if run.account.read:
        say(
            f"ended after {run.account.done:,} of {run.account.read:,} records; {_written(run)}; "
            "run it again: it starts over, under another epoch"
        )


def _show_survey(run: ReplayRun, as_json: bool) -> None:
    if as_json:
        json_line({**_range(run), "read": run.account.read, **run.recorded})
        return
    known = run.recorded
    typer.echo(
        f"{run.account.read:,} completions {_between(run)}: {known['decided']:,} with a recorded decision, "
        f"{known['dead_letters']:,} dead letters, {known['without_decision']:,} with neither"
    )
    say("nothing written")


def _show_account(run: ReplayRun, as_json: bool) -> None:
    account = run.account
    changes = sorted(account.changes.items(), key=lambda item: [a.strength if a else -1 for a in item[0]])
    if as_json:
        json_line({
            **_range(run), "epoch": run.epoch, "policy": run.live.version, "model": run.model_version,
            "read": account.read, "decided": account.decided, "faults": account.faults,
            "dead_letters": account.dead_letters, "without_decision": account.without_decision,
            "closes": account.closes, "without_label": dict(sorted(account.without_label.items())),
            "changes": [
                {"recorded": was.value if was else None, "replayed": now.value, "completions": n}
                for (was, now), n in changes
            ],
        })  # fmt: skip
        return
    sums = [f"{account.decided:,} decided", f"{account.faults:,} faults", f"{account.dead_letters:,} dead letters"]
    if run.model_version is None:
        sums.append(f"{account.without_decision:,} without a recorded decision")
    typer.echo(f"{account.read:,} completions {_between(run)} = {' + '.join(sums)}")
    typer.echo(_written(run) + "\n")
    table(
        ["recorded", "replayed", "completions", ""],
        (
            [was.value if was else "not known", now.value, f"{n:,}", "" if was in (now, None) else "changed"]
            for (was, now), n in changes
        ),
        right=["completions"],
    )
    if account.without_decision:
        say(
            f"{account.without_decision:,} of them have no recorded decision: a worker is yet to make it, or it was "
            "deleted; --model NAME scores them"
        )
    for label, n in sorted(account.without_label.items()):
        say(f"{n:,} of them have no score of {label}, which the policy names: their model did not give it")


def _written(run: ReplayRun) -> str:
    written = run.account.decided + run.account.faults
    by = f", model {run.model_version}" if run.model_version else ""
    return f"{written:,} decisions are on replays under epoch {run.epoch}, policy {run.live.version}{by}"


def _between(run: ReplayRun) -> str:
    return f"from {clock(run.within.from_ms)} to {clock(run.within.to_ms)}"


def _range(run: ReplayRun) -> dict[str, int]:
    return {"from_ms": run.within.from_ms, "to_ms": run.within.to_ms}
