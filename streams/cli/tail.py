"""`tail`: a topic's events as they come, a line each."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.streams.cli.errors import ExitCode, fail, go
from tidegate.streams.cli.render import clock, percent
from tidegate.streams.cli.render import value as rule_value

if TYPE_CHECKING:
    from tidegate.streams.settings.settings import Settings

Event = dict[str, Any]


def tail(
    topic: Annotated[str, typer.Argument(help="decisions, alerts, rates, dead-letters, feedback, policies, …")],
    from_start: Annotated[bool, typer.Option("--from-start", help="First everything that the topic holds.")] = False,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Everything that the topic holds now, then end.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="End after so many events.")] = None,
    id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Only of this id, or on this completion, as its producer has it."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Each event as it is on the topic, on one line.")] = False,
) -> None:
    """Follow a topic, one line an event.

    Until Ctrl-C. A completion's text is never shown; --json shows whatever is on the topic. --id finds a completion by
    the id that its producer gave it, however long: Tidegate keeps one of over 256 characters shortened.

    \b
    tidegate tail decisions
    tidegate tail alerts --from-start
    tidegate tail decisions --json | jq 'select(.action == "block") | .id'
    tidegate tail decisions --until-end --json > decisions.jsonl
    tidegate tail decisions --until-end --id chatcmpl-7

    Exit code: 0, also by Ctrl-C; 2 no such topic of ours, 3 Kafka is unavailable.
    """
    from tidegate.streams.settings.settings import Settings
    from tidegate.streams.topics import TOPICS

    names = [known.name for known in TOPICS]
    if topic not in names:
        fail(f"{topic}: not a topic of ours; expected one of {', '.join(names)}", ExitCode.WRONG)
    try:
        go(_tail(Settings.load(), topic, from_start, until_end, limit, id, json_))
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.DONE) from None


async def _tail(
    settings: Settings, topic: str, from_start: bool, until_end: bool, limit: int | None, id: str | None, as_json: bool
) -> None:
    from tidegate.streams.operations.following import records

    shown = 0
    async with aclosing(records(settings, topic, from_start=from_start, until_end=until_end, id=id)) as found:
        async for record in found:
            typer.echo(_raw(record) if as_json else line(topic, record))
            shown += 1
            if shown == limit:
                return


def _raw(record: Any) -> str:
    """The value, on one line; a tombstone says which key it takes back."""
    if record.value is None:
        return json.dumps({"key": (record.key or b"").decode(errors="replace"), "tombstone": True})
    text = str(record.value.decode(errors="replace"))
    return " ".join(text.splitlines())


def line(topic: str, record: Any) -> str:
    """A record in words. Never the text of a completion: a terminal's scrollback is no place for it."""
    at = clock(record.timestamp)
    where = f"{topic}[{record.partition}]@{record.offset}"
    if record.value is None:
        return f"{at}  {(record.key or b'').decode(errors='replace')}: gone quiet"
    try:
        found = json.loads(record.value)
        text = _FORMATS.get(topic, _other)(found)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        text = "not an event that we know"
    return f"{at}  {text or where}" if topic in _FORMATS else f"{at}  {where}  {text}"


def _decision(e: Event) -> str:
    scopes = e["scopes"]
    reasons = [
        f"{r['label']} {r['score']:.4f} >= {r['threshold']:g} ({r['scope']})" if r.get("score") is not None
        else f"{r['label']} ({r['scope']})"
        for r in e["reasons"]
    ]  # fmt: skip
    who = "/".join(scopes[kind] for kind in ("tenant", "model", "route"))
    fault = f"  fault: {e['fault']}" if e.get("fault") else ""
    dropped = f"  left out: {', '.join(e['dropped'])}" if e.get("dropped") else ""
    return f"{e['action']:<6} {e['id']}  {who}  {', '.join(reasons) or 'nothing reached'}{fault}{_would_be(e)}{dropped}"


def _would_be(e: Event) -> str:
    """What the shadow policy would have asked for, where that is something else."""
    would = e.get("would_be")
    return f"  would be {would['action']}" if would and would["action"] != e["action"] else ""


def _alert(e: Event) -> str:
    silenced = f"  silenced by {e['silenced_by']}" if e.get("silenced_by") else ""
    again = " again" if e["resent"] else ""
    limits = f"{rule_value(e['kind'], e['value'])} of {e['measure']}, above {rule_value(e['kind'], e['above'])}"
    shadow = "  what a shadow would have done" if e.get("shadow") else ""
    state = f"{e['state']:<8} {e.get('severity', 'warning'):<8}"  # an older worker's event has no severity
    return f"{state} {e['rule']}  {e['scope']}  {limits}  ({e['reason']}{again}){silenced}{shadow}"


def _rate(e: Event) -> str:
    filling = "  incomplete" if e.get("incomplete") else ""
    hits = f"{e['hits']} of {e['total']} in {e['window_s']} s"
    return f"{e['scope']}  {e['measure']}  {percent(e['share'])}  {hits}{filling}"


def _dead_letter(e: Event) -> str:
    return f"{e['id']}  {e['reason']} at {e['where']}; expected {e['expected']}; {e['length']:,} bytes"


def _policy(e: Event) -> str:
    if e.get("kind") == "silence":
        return f"silence {e['id']} until {clock(e['until_ms'])} by {e['author']}: {e['reason']}"
    if e.get("kind") == "shadow" and e["policy"] is None:
        return f"shadow {e['parent']} dropped by {e['author']}: {e['reason']}"
    if e.get("kind") == "shadow":
        replaced = f", in place of {e['parent']}," if e["parent"] else ""
        return f"shadow{replaced} by {e['author']}: {e['reason']}"
    return f"policy on {e['parent'] or 'an empty log'} by {e['author']}: {e['reason']}"


def _feedback(e: Event) -> str:
    data = e.get("data") if isinstance(e.get("data"), dict) else e
    return f"{data['kind']} of {data['completion_id']}"  # type: ignore[index]  # caught by the caller


def _enforcement(e: Event) -> str:
    of = f" of {e['threshold']:g}, until {clock(e['until_ms'])}" if e.get("until_ms") else ""
    by = f" (undone by {e['author']})" if e.get("author") else ""
    return f"{e['action']:<8} {e['tenant']}:{e['user']}  {e['strikes']:g} strikes{of}: {e['reason']}{by}"


def _other(e: Event) -> str:
    return f"id {e['id']}" if isinstance(e.get("id"), str) else "an event without an id of its own"


_FORMATS: dict[str, Callable[[Event], str]] = {
    "decisions": _decision,
    "replays": _decision,
    "moderations": _decision,
    "alerts": _alert,
    "rates": _rate,
    "dead-letters": _dead_letter,
    "policies": _policy,
    "feedback": _feedback,
    "enforcements": _enforcement,
}
