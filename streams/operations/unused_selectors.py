"""Selectors of a policy that match nothing seen lately: as often a slip as a tenant that comes tomorrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.streams.core.policy.validation import did_you_mean
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.store.redis import RedisStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.streams.core.policy.model import Policy
    from tidegate.streams.operations.deployment import Deployment

COUNTED = ("tenant", "model", "route")  # the kinds whose names are kept; a locale's are not


async def unused_selector_warnings(deployment: Deployment, new: Policy, live: Policy | None = None) -> list[str]:
    """A line for each name that a rule or a fault setting selects and that does not count now; asks Redis.

    None for those that the live policy has too, nor for a kind with so many names that new ones count as `other`.
    Where Redis is unavailable: that, in a line.
    """
    live_ones = set(_selected(live)) if live else set()
    selected = [name for name in dict.fromkeys(_selected(new)) if name not in live_ones]
    if not selected:
        return []
    try:
        counting = await _counted_names(deployment)
    except StoreUnavailable as error:
        names = ", ".join(f"{kind}={name}" for kind, name, _ in selected)
        return [f"{str(error).removesuffix('; waiting for it')}: whether {names} matches anything could not be checked"]
    return [
        f"{where}: no {kind} {name} counts just now{_like(name, counting[kind])}; it holds where one comes"
        for kind, name, where in selected
        if len(counting[kind]) < deployment.live_scopes and name not in counting[kind]
    ]


def _selected(policy: Policy) -> Iterator[tuple[str, str, str]]:
    """Kind, name, and where it stands."""
    for rule in policy.scopes:
        yield from ((k, name, f"scopes[{rule.selector}]") for k, name in rule.selectors.items() if k in COUNTED)
    yield from (("route", route, f"faults.routes.{route}") for route in policy.faults.routes)


def _like(name: str, names: set[str]) -> str:
    return did_you_mean(name, sorted(names))


async def _counted_names(deployment: Deployment) -> dict[str, set[str]]:
    store = RedisStore(deployment.store, deployment.namespace)
    try:
        return {kind: await store.names(kind) for kind in COUNTED}
    finally:
        await store.close()
