"""`policy set` and `policy unset`: one key of the live policy."""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.streams.cli.errors import go, note
from tidegate.streams.cli.policy.change import (
    AsJson,
    Author,
    Locale,
    Model,
    Route,
    Tenant,
    Why,
    Yes,
    attribution,
    carry_out,
)
from tidegate.streams.cli.render import progress


def set_(
    key: Annotated[str, typer.Argument(help="As in the file: labels.toxicity.block")],
    value: Annotated[str, typer.Argument(help='As in the file: 0.8, off, 300, closed, \'["all", "tenant"]\'')],
    reason: Why,
    author: Author,
    tenant: Tenant = None,
    model: Model = None,
    route: Route = None,
    locale: Locale = None,
    yes: Yes = False,
    json_: AsJson = False,
) -> None:
    """Change one key of the live policy. It is live within a second, on every worker.

    With --tenant, --model, --route or --locale a threshold is set for completions that match all of those given.
    Where it loosens a block or a floor, it says what that opens and asks first.

    \b
    tidegate policy set labels.toxicity.block 0.97 --reason "incident 42"
    tidegate policy set labels.insult.review off --tenant acme --reason "their own review"
    tidegate policy set alerts.high_toxicity.above 0.08 --reason "too noisy"
    tidegate policy set alerts.faults_here '{ of = "fault", above = 0.1, by = ["model"] }' --reason "a new one"

    Exit code: 0 live, 1 another change came first or you said no, 2 wrong key or value, or nobody to ask,
    3 Kafka is unavailable.
    """
    from tidegate.streams.operations.policy_change import propose_key
    from tidegate.streams.settings.settings import Settings

    settings, by = Settings.load(), attribution(author, reason)
    scope = _selectors(tenant, model, route, locale)
    proposal = go(propose_key(settings, key, value, scope, progress=progress, note=note))
    carry_out(settings, proposal, by, yes=yes, as_json=json_)


def unset(
    reason: Why,
    author: Author,
    key: Annotated[
        str | None, typer.Argument(help="As in the file: labels.toxicity.block, alerts.fault_rate", show_default=False)
    ] = None,
    tenant: Tenant = None,
    model: Model = None,
    route: Route = None,
    locale: Locale = None,
    yes: Yes = False,
    json_: AsJson = False,
) -> None:
    """Take one key, or a whole table, out of the live policy: its default holds again.

    With --tenant, --model, --route or --locale out of the rule for exactly those: the next wider scope holds again.
    Without a key, the whole rule. `policy set KEY off` is another thing: it turns a threshold off.

    \b
    tidegate policy unset labels.insult.review --tenant acme --reason "as everybody again"
    tidegate policy unset --tenant acme --route kids --reason "the route is gone"
    tidegate policy unset alerts.bias_spike --reason "nobody looks at it"

    Exit code: 0 live, 1 another change came first or you said no, 2 wrong or unset key, or nobody to ask,
    3 Kafka is unavailable.
    """
    from tidegate.streams.operations.policy_change import propose_without_key
    from tidegate.streams.settings.settings import Settings

    settings, by = Settings.load(), attribution(author, reason)
    scope = _selectors(tenant, model, route, locale)
    proposal = go(propose_without_key(settings, key, scope, progress=progress, note=note))
    carry_out(settings, proposal, by, yes=yes, as_json=json_)


def _selectors(tenant: str | None, model: str | None, route: str | None, locale: str | None) -> dict[str, str]:
    given = {"tenant": tenant, "model": model, "route": route, "locale": locale}
    return {kind: name for kind, name in given.items() if name is not None}
