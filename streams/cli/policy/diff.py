"""`policy diff`: what differs between two policies, key by key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.errors import go, note, say
from tidegate.streams.cli.render import json_line

if TYPE_CHECKING:
    from tidegate.streams.operations.policy_history import NamedPolicy

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
    from tidegate.streams.operations.policy_history import diff_policies
    from tidegate.streams.settings.settings import Settings

    settings = Settings.load()
    sides = [name if _is_version(name) else _read(name) for name in (a, b) if name is not None]
    found = go(diff_policies(settings, sides, note))
    say(f"{'from' if found.differences else 'no difference: from'} {found.old} to {found.new}")
    for difference in found.differences:
        json_line(difference._asdict()) if json_ else typer.echo(str(difference))


def _is_version(name: str) -> bool:
    return bool(_VERSION.fullmatch(name)) and not Path(name).exists()


def _read(name: str) -> NamedPolicy:
    from tidegate.streams.operations.policy_history import NamedPolicy
    from tidegate.streams.policy_log.file import read_policy

    return NamedPolicy(name, read_policy(Path(name)))
