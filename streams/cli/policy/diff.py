"""`policy diff`: what differs between two policies, key by key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import ExitCode, fail, go, say
from tidegate.streams.cli.policy.change import NO_POLICY, maker
from tidegate.streams.cli.render import json_line

if TYPE_CHECKING:
    from tidegate.streams.cli.policy.log import LogHistory
    from tidegate.streams.core.policy.model import Policy

_VERSION = re.compile(r"\d+(-[0-9a-f]{8})?")


def diff(
    a: Annotated[str | None, typer.Argument(help="A policy file, or a version.", show_default=False)] = None,
    b: Annotated[str | None, typer.Argument(help="Another one.", show_default=False)] = None,
    json_: Annotated[bool, typer.Option("--json", help="One key a line.")] = False,
) -> None:
    """Show what differs between two policies, key by key. Changes nothing.

    With a file: what applying it would change. With a version: what has changed since. With two: from the first to the
    second. With none: what the last change changed. A version's offset alone will do; shadows have versions too.

    \b
    tidegate policy diff policy.toml
    tidegate policy diff 12-7f3a91c2
    tidegate policy diff 9 12 --json

    Exit code: 0 whether they differ or not, 1 no policy yet, 2 no such file or version, 3 Kafka is unavailable.
    """
    from tidegate.streams.cli.policy.file import differences
    from tidegate.streams.cli.policy.log import read_log
    from tidegate.streams.settings.settings import Settings

    settings = Settings.load()
    asked = [name for name in (a, b) if name is not None]
    files = {name: _read(name) for name in asked if not _is_version(name)}  # what is wrong with one needs no Kafka
    seen = go(read_log(settings)) if len(files) < max(len(asked), 2) else None
    named = [_named(name, files, seen) for name in asked]
    if seen is not None and len(named) < 2:
        live = seen.log.live
        if live is None:
            fail(NO_POLICY)
        now = f"the live policy {live.version}", live.policy
        if not named:
            named = [_before(seen, live.version)]
        named = [now, *named] if files else [*named, now]
    (old_name, old), (new_name, new) = named
    found = differences(old, new)
    say(f"{'from' if found else 'no difference: from'} {old_name} to {new_name}")
    for difference in found:
        json_line(difference._asdict()) if json_ else typer.echo(str(difference))


def _is_version(name: str) -> bool:
    return bool(_VERSION.fullmatch(name)) and not Path(name).exists()


def _read(name: str) -> Policy:
    from tidegate.streams.policy_log.file import read_policy

    return read_policy(Path(name))


def _named(name: str, files: dict[str, Policy], seen: LogHistory | None) -> tuple[str, Policy]:
    if seen is None or name in files:
        return name, files[name]
    made = maker(seen.entries, name, "VERSION", then="").made
    assert made is not None  # noqa: S101 - it has a version
    return f"policy {made.version}", made.policy


def _before(seen: LogHistory, live: str) -> tuple[str, Policy]:
    earlier = seen.applied[:-1]
    if not earlier or earlier[-1].made is None:
        fail(f"policy {live} is the first on the log; expected a file to compare it with", ExitCode.WRONG)
    return f"policy {earlier[-1].version}", earlier[-1].made.policy
