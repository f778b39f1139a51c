"""`policy shadow`, `promote` and `drop`: a candidate tried on live traffic, and what becomes of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tidegate.streams.cli.errors import ExitCode, agreed, fail, go, say
from tidegate.streams.cli.policy.change import STANDS, AsJson, Author, Wanted, Why, change, live_policy
from tidegate.streams.cli.render import clock, json_line

if TYPE_CHECKING:
    from tidegate.streams.cli.policy.file import Differs
    from tidegate.streams.cli.policy.log import Entry, LogHistory
    from tidegate.streams.core.policy.model import Policy
    from tidegate.streams.core.policy.resolved import LivePolicy
    from tidegate.streams.settings.settings import Settings

NO_SHADOW = "no shadow runs; `tidegate policy shadow FILE --reason …` starts one"


def shadow(
    file: Annotated[Path, typer.Argument(help="A policy file: the whole candidate.")],
    reason: Why,
    author: Author,
    json_: AsJson = False,
) -> None:
    """Run a policy file as a shadow: what it would do is recorded and counted, and nothing is done about it.

    Every decision then carries `would_be`, and rates have `would.…` beside them. No rule of it alerts but those with
    `shadow = true`. One shadow runs at a time: another one replaces it. While it runs, a cascade's bands hold its
    thresholds too, and prompts are scored where it has prompt labels: it says so.

    \b
    tidegate policy shadow stricter.toml --reason "would 0.8 be too strict?"
    tidegate rates --measure '*label.toxicity'
    tidegate policy promote --reason "it is not"

    Exit code: 0 it runs, 1 another shadow came first, 2 the file is wrong, 3 Kafka is unavailable.
    """
    from tidegate.classifiers import MissingLabelError
    from tidegate.streams.cli.policy.file import differences, labels_checked
    from tidegate.streams.core.policy.model import PolicyError
    from tidegate.streams.policy_log.file import read_policy
    from tidegate.streams.settings.settings import Settings

    settings, wanted = Settings.load(), Wanted(author, reason, as_json=json_)
    try:
        new = read_policy(file)
        labels_checked(settings, new, str(file))
    except (PolicyError, MissingLabelError) as error:
        fail(f"{error}\nnothing written; no shadow started", ExitCode.WRONG)
    _, live = live_policy(settings)
    changes, running = differences(live.policy, new), live.shadow
    same = None if changes else f"the live policy {live.version}"
    if running is not None and running.policy == new:
        same = f"shadow {running.version}, which runs"
    if same is not None:
        say(f"no different from {same}; nothing written")
        if json_:
            json_line({"verdict": "unchanged", "version": running.version if running else None})
        return
    for line in _costs(settings, live, new):
        say(line)
    after, mine = _written(settings, running, new, wanted)
    for difference in changes if not json_ else ():
        typer.echo(str(difference))
    replaced = f", in place of {running.version}" if running else ""
    beside = after.log.live.version if after.log.live else live.version
    say(f"shadow {mine.version} runs beside policy {beside}{replaced}; {_alerting(new)}")


def promote(
    reason: Why,
    author: Author,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, whatever it changes; for scripts.")] = False,
    json_: AsJson = False,
) -> None:
    """Make the shadow the live policy, by one change. It is live within a second, on every worker; the shadow ends.

    Where the live policy changed since the shadow was started, promoting it takes that back: it says which keys, and
    asks. Where it loosens a block or a floor, it says what that opens and asks too.

    \b
    tidegate policy promote --reason "a day of it: 0.3% more blocked, none of them overturned"

    Exit code: 0 live, 1 no shadow, another change came first, or you said no, 2 the classifier lacks a label of it,
    or nobody to ask, 3 Kafka is unavailable.
    """
    from tidegate.classifiers import MissingLabelError
    from tidegate.streams.cli.policy.file import labels_checked
    from tidegate.streams.settings.settings import Settings

    settings, wanted = Settings.load(), Wanted(author, reason, yes, json_)
    seen, live = live_policy(settings)
    candidate = live.shadow or fail(NO_SHADOW)
    try:
        labels_checked(settings, candidate.policy, f"shadow {candidate.version}")
    except MissingLabelError as error:
        fail(f"{error}\n{STANDS}", ExitCode.WRONG)
    if taken_back := _taken_back(seen, live, candidate):
        say(f"since shadow {candidate.version} was started, the live policy changed; promoting takes back:")
        for difference in taken_back:
            say(f"  {difference}")
        agreed("take that back?", yes)
    change(settings, seen, candidate.policy, live.version, wanted)
    say(f"it was shadow {candidate.version}, which runs no longer")


def drop(reason: Why, author: Author, json_: AsJson = False) -> None:
    """End the shadow. Nothing else changes; its `would.…` rates are taken back.

    \b
    tidegate policy drop --reason "too strict: 4% of the support route would be blocked"

    Exit code: 0 it has ended, 1 no shadow, or another one came first, 3 Kafka is unavailable.
    """
    from tidegate.streams.settings.settings import Settings

    settings, wanted = Settings.load(), Wanted(author, reason, as_json=json_)
    _, live = live_policy(settings)
    running = live.shadow or fail(NO_SHADOW)
    _written(settings, running, None, wanted)
    say(f"shadow {running.version} runs no longer; policy {live.version} is live as before")


def _costs(settings: Settings, live: LivePolicy, new: Policy) -> list[str]:
    """What it costs, or does, while it runs: a line each."""
    from tidegate.streams.cli.policy.bands import band_warnings
    from tidegate.streams.cli.policy.unseen import unseen_warnings

    found = [*band_warnings(settings, new, live.policy), *unseen_warnings(settings, new, live.policy)]
    if new.prompt_labels and not live.policy.prompt_labels:
        found.append("prompts are scored while it runs: the live policy asks for none")
    longest_s = live.policy.limits.longest_window_s
    found += [
        f"alerts.{name}.window_s: {rule.window_s} s is longer than the live policy keeps counts; looked at over "
        f"limits.longest_window_s, {longest_s}"
        for name, rule in new.alerts.items()
        if rule.shadow and rule.window_s > longest_s
    ]
    return found


def _alerting(policy: Policy) -> str:
    rules = [name for name, rule in policy.alerts.items() if rule.shadow]
    return f"of its rules these alert: {', '.join(rules)}" if rules else "none of its rules alerts"


def _taken_back(seen: LogHistory, live: LivePolicy, candidate: LivePolicy) -> list[Differs]:
    """What promoting undoes: keys that changed on the live policy since the shadow was started."""
    from tidegate.streams.cli.policy.file import differences

    started = next((entry.offset for entry in seen.entries if entry.version == candidate.version), -1)
    then = next((entry.made for entry in reversed(seen.applied) if entry.offset < started), None)
    undone = differences(live.policy, candidate.policy)
    if then is None:  # the log lost its beginning: what was live is not known, so anything may have changed since
        return undone
    changed = {difference.key for difference in differences(then.policy, live.policy)}
    return [difference for difference in undone if difference.key in changed]


def _written(
    settings: Settings, running: LivePolicy | None, new: Policy | None, wanted: Wanted
) -> tuple[LogHistory, Entry]:
    """Writes that `new` runs, or that none does, in place of `running`. Ends the command where another came first."""
    from tidegate.streams.cli.policy.file import plain
    from tidegate.streams.cli.policy.log import append
    from tidegate.streams.core.events import ShadowChange
    from tidegate.streams.core.policy.log import Verdict

    record = ShadowChange(
        parent=running.version if running else None,
        policy=None if new is None else plain(new),
        author=wanted.author,
        reason=wanted.reason,
        at_ms=int(time.time() * 1000),
    )
    after, mine = go(append(settings, record))
    if wanted.as_json:
        runs = after.log.shadow
        json_line({
            "verdict": mine.verdict.value, "version": runs.version if runs else None, "offset": mine.offset,
            "why": mine.why or None,
        })  # fmt: skip
    if mine.verdict not in (Verdict.SHADOWED, Verdict.DROPPED):
        _lost(after, mine)
    return after, mine


def _lost(after: LogHistory, mine: Entry) -> NoReturn:
    """Says who came first, and what runs now. Ends the command."""
    from tidegate.streams.core.policy.log import Verdict

    verdicts = (Verdict.SHADOWED, Verdict.DROPPED, Verdict.APPLIED)  # a shadow that was promoted ran no longer
    earlier = [entry for entry in after.entries if entry.verdict in verdicts and entry.offset < mine.offset]
    if mine.verdict is not Verdict.LOST or not earlier:
        fail(f"{mine.why or mine.verdict.value}; nothing changed")
    first, runs = earlier[-1], after.log.shadow
    did = {Verdict.SHADOWED: f"shadow {first.version}", Verdict.DROPPED: "the end of the shadow"}.get(
        first.verdict, f"policy {first.version}"
    )
    say(f"not done: {did} by {first.author} at {clock(first.at_ms)} came first: {first.reason}")
    say(f"shadow {runs.version} runs now" if runs else "no shadow runs now")
    fail("nothing changed; look at it, then run the command again")
