"""Selectors of a policy that match nothing seen lately: a slip, as often as a tenant that comes tomorrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.streams.cli.errors import go
from tidegate.streams.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.streams.core.policy.model import Policy
    from tidegate.streams.settings.settings import Settings

COUNTED = ("tenant", "model", "route")  # the kinds whose names are kept; a locale's are not


def unseen_warnings(settings: Settings, new: Policy, live: Policy | None = None) -> list[str]:
    """A line for each name that a rule or a fault setting selects and that does not count now; asks Redis.

    None for those that the live policy has too, nor for a kind with so many names that new ones count as `other`.
    Where Redis is unavailable: that, in a line.
    """
    known = set(_named(live)) if live else set()
    named = [found for found in dict.fromkeys(_named(new)) if found not in known]
    if not named:
        return []
    try:
        counting = go(_names(settings))
    except StoreUnavailable as error:
        said = ", ".join(f"{kind}={name}" for kind, name, _ in named)
        return [f"{str(error).removesuffix('; waiting for it')}: whether {said} matches anything could not be checked"]
    return [
        f"{where}: no {kind} {name} counts just now{_like(name, counting[kind])}; it holds where one comes"
        for kind, name, where in named
        if len(counting[kind]) < settings.live_scopes and name not in counting[kind]
    ]


def _named(policy: Policy) -> Iterator[tuple[str, str, str]]:
    """Kind, name, and where it stands."""
    for rule in policy.scopes:
        yield from ((k, name, f"scopes[{rule.selector}]") for k, name in rule.selectors.items() if k in COUNTED)
    yield from (("route", route, f"faults.routes.{route}") for route in policy.faults.routes)


def _like(name: str, names: set[str]) -> str:
    from tidegate.streams.core.policy.validation import did_you_mean

    return did_you_mean(name, sorted(names))


async def _names(settings: Settings) -> dict[str, set[str]]:
    from tidegate.streams.store.redis import RedisStore

    store = RedisStore(settings.store, settings.namespace)
    try:
        return {kind: await store.names(kind) for kind in COUNTED}
    finally:
        await store.close()
