"""`keys`: who may call `tidegate serve`, as which tenant, and how much."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.cli.errors import ExitCode, agreed, fail, say
from tidegate.streams.cli.render import clock, json_line, table

if TYPE_CHECKING:
    from tidegate.streams.api_keys.key import ApiKey

keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="API keys of `tidegate serve`.")

File = Annotated[Path | None, typer.Option(help="Of the keys, instead of TIDEGATE_SERVE_KEYS_FILE.")]


@keys.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the client: a-z 0-9 . _ -.")],
    tenant: Annotated[str, typer.Option(help="Of all that the key sends.")],
    right: Annotated[
        list[KeyRight] | None, typer.Option(help="What it may do; several times. moderate where not given.")
    ] = None,
    requests_per_s: Annotated[
        float | None, typer.Option(help="Requests a second, in each process; no limit where not given.")
    ] = None,
    characters_per_s: Annotated[float | None, typer.Option(help="Characters of text a second, likewise.")] = None,
    file: File = None,
    json_: Annotated[bool, typer.Option("--json", help="The key with its secret, as one JSON line.")] = False,
) -> None:
    """Add a key, and print its secret, once: only its hash is kept.

    A running `tidegate serve` that follows the file takes it within a second or two. The tenant is the key's, whatever
    a request says; with the right any_tenant, a gateway's, each request may name one.

    \b
    tidegate keys add web --tenant acme
    tidegate keys add litellm --tenant acme --right moderate --right any_tenant --requests-per-s 200

    Exit code: 0 added, 1 the name is taken, 2 wrong usage, or the file cannot be read or written.
    """
    import time

    from tidegate.streams.operations.api_keys import add_key, key_as_json

    added = add_key(
        _file(file),
        name,
        tenant,
        int(time.time() * 1000),
        rights=right or [KeyRight.MODERATE],
        requests_per_s=requests_per_s,
        characters_per_s=characters_per_s,
    )
    if json_:
        json_line({**key_as_json(added.key), "secret": added.secret})
        return
    typer.echo(added.secret)
    say(f"{added.key.name}: id {added.key.id}; this is its secret: it is shown once, only its hash is kept")


@keys.command(name="list")
def list_(file: File = None, json_: Annotated[bool, typer.Option("--json", help="One key a line.")] = False) -> None:
    """Show the keys: whose they are, what they may do. Never a secret.

    \b
    tidegate keys list
    tidegate keys list --json | jq 'select(.rights | index("any_tenant")) | .name'

    Exit code: 0, 2 the file cannot be read.
    """
    from tidegate.streams.operations.api_keys import key_as_json, list_keys

    found = list_keys(_file(file))
    if json_:
        for key in found:
            json_line(key_as_json(key))
    elif not found:
        say("there are no keys: nobody may call")
    else:
        table(
            ["name", "id", "tenant", "rights", "requests/s", "characters/s", "added"],
            ([key.name, key.id, key.tenant, ", ".join(sorted(key.rights)), *_limits(key)] for key in found),
            right=["requests/s", "characters/s"],
        )


@keys.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its name or its id; never its secret.")],
    file: File = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take a key back: who has it gets 401 within a second or two.

    \b
    tidegate keys revoke web
    tidegate keys revoke 3f9a2c1d --yes

    Exit code: 0 revoked, 1 no such key or not agreed to, 2 wrong usage, or the file cannot be read or written.
    """
    from tidegate.streams.operations.api_keys import find_key, revoke_key

    path = _file(file)
    found = find_key(path, key)
    agreed(f"revoke {found.name} (id {found.id}, tenant {found.tenant})?", yes)
    revoke_key(path, found.id)
    say(f"{found.name}: revoked")


def _limits(key: ApiKey) -> list[str]:
    limits = (key.requests_per_s, key.characters_per_s)
    return [*("no limit" if limit is None else f"{limit:g}" for limit in limits), clock(key.created_ms)]


def _file(given: Path | None) -> Path:
    from tidegate.streams.settings.settings import Settings

    file = Settings.load(serve_keys_file=given).serve_keys_file
    if file is None:
        fail(
            "TIDEGATE_SERVE_KEYS_FILE: not set; expected the file of the keys, or --file; nothing done", ExitCode.WRONG
        )
    return file
