"""At most `limit` names a kind count under their own name, and a flood of new ones does not reach the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import pytest

from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.store.scope_limiter import FRESH_S, ScopeLimiter, names_by_kind


class RecordingNames:
    """The `AdmittedNames` of a limiter. Records each request to admit names, and may be unavailable."""

    def __init__(self) -> None:
        self.live: dict[str, set[str]] = defaultdict(set)  # kind -> names
        self.requests: list[tuple[str, set[str]]] = []
        self.unavailable = False

    async def admit(self, kind: str, names: Collection[str], limit: int) -> set[str]:
        self.requests.append((kind, set(names)))
        if self.unavailable:
            raise StoreUnavailable("redis: no answer")
        live = self.live[kind]
        for name in names:
            if len(live) < limit:
                live.add(name)
        return live & set(names)


class ManualClock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def store() -> RecordingNames:
    return RecordingNames()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def names(store: RecordingNames, clock: ManualClock) -> ScopeLimiter:
    return ScopeLimiter(store, 3, clock)


def tenants(*found: str) -> dict[str, set[str]]:
    return {"tenant": set(found)}


def scopes(names: ScopeLimiter, *found: str) -> list[str]:
    return [names.scope("tenant", name) for name in found]


# --- who counts under which name


async def test_a_name_below_the_limit_counts_under_its_own_name(names: ScopeLimiter) -> None:
    await names.learn({"tenant": {"acme"}, "model": {"m1"}, "route": {"chat"}})
    found = [names.scope(kind, name) for kind, name in (("tenant", "acme"), ("model", "m1"), ("route", "chat"))]
    assert found == ["tenant=acme", "model=m1", "route=chat"]
    assert names.overflowed == {"tenant": 0, "model": 0, "route": 0}


async def test_names_beyond_the_limit_count_as_other(names: ScopeLimiter) -> None:
    await names.learn(tenants("a", "b", "c"))
    await names.learn(tenants("d", "e"))
    assert scopes(names, "a", "d", "e", "d") == ["tenant=a", "tenant:other", "tenant:other", "tenant:other"]
    assert names.overflowed == {"tenant": 3, "model": 0, "route": 0}


async def test_new_names_are_admitted_up_to_the_limit(names: ScopeLimiter) -> None:
    found = [f"t{n}" for n in range(10)]
    await names.learn(tenants(*found))
    assert sorted(scopes(names, *found)).count("tenant:other") == 7


async def test_each_kind_has_its_own_limit(names: ScopeLimiter) -> None:
    await names.learn(tenants("a", "b", "c", "d"))
    await names.learn({"route": {"a"}})
    assert names.scope("route", "a") == "route=a"


async def test_a_name_that_was_never_learnt_counts_as_other(names: ScopeLimiter) -> None:
    assert scopes(names, "stranger") == ["tenant:other"]


async def test_a_tenant_named_other_is_not_the_other_scope(names: ScopeLimiter) -> None:
    await names.learn(tenants("other"))
    assert scopes(names, "other", "stranger") == ["tenant=other", "tenant:other"]


async def test_workers_share_the_limit(store: RecordingNames, clock: ManualClock) -> None:
    one, two = ScopeLimiter(store, 3, clock), ScopeLimiter(store, 3, clock)
    await one.learn(tenants("a", "b", "c"))
    await two.learn(tenants("c", "d"))
    assert scopes(two, "c", "d") == ["tenant=c", "tenant:other"]


# --- how often the store is asked
#
#   asked                 asked again
#   |---- FRESH_S = 30 s ----|------->


async def test_a_cached_name_is_not_requested_again(
    names: ScopeLimiter, store: RecordingNames, clock: ManualClock
) -> None:
    for _ in range(100):
        await names.learn(tenants("a", "b"))
    assert store.requests == [("tenant", {"a", "b"})]
    clock.now_s += FRESH_S
    await names.learn(tenants("a", "b"))
    assert len(store.requests) == 1
    clock.now_s += 0.1
    await names.learn(tenants("a"))  # a refresh: the store keeps only live names
    assert store.requests[1:] == [("tenant", {"a"})]


async def test_only_new_names_are_requested(names: ScopeLimiter, store: RecordingNames) -> None:
    await names.learn(tenants("a"))
    await names.learn(tenants("a", "b"))
    assert store.requests == [("tenant", {"a"}), ("tenant", {"b"})]


async def test_a_full_kind_does_not_request_every_new_name(
    names: ScopeLimiter, store: RecordingNames, clock: ManualClock
) -> None:
    await names.learn(tenants("a", "b", "c"))
    for n in range(1000):
        await names.learn(tenants("a", f"new{n}"))
        assert scopes(names, "a", f"new{n}") == ["tenant=a", "tenant:other"]
    assert store.requests == [("tenant", {"a", "b", "c"}), ("tenant", {"new0"})]  # the second answer: it is full
    clock.now_s += FRESH_S + 0.1
    for n in range(1000):
        await names.learn(tenants(f"newer{n}"))
    assert len(store.requests) == 3


async def test_live_names_are_refreshed_though_their_kind_is_full(
    names: ScopeLimiter, store: RecordingNames, clock: ManualClock
) -> None:
    await names.learn(tenants("a", "b", "c"))
    clock.now_s += FRESH_S - 1
    await names.learn(tenants("new"))  # full, from here on for FRESH_S
    clock.now_s += 2
    await names.learn(tenants("a", "newer"))
    assert store.requests[-1] == ("tenant", {"a", "newer"})


async def test_a_name_is_admitted_once_there_is_room(
    names: ScopeLimiter, store: RecordingNames, clock: ManualClock
) -> None:
    """It is requested again after FRESH_S."""
    await names.learn(tenants("a", "b", "c"))
    await names.learn(tenants("d"))
    store.live["tenant"].discard("a")  # gone quiet, and let go of by the ruler
    clock.now_s += FRESH_S + 0.1
    await names.learn(tenants("d"))
    assert scopes(names, "d") == ["tenant=d"]
    await names.learn(tenants("a"))
    assert scopes(names, "a") == ["tenant:other"]  # its place went to another


async def test_the_cache_of_names_does_not_grow_for_ever(
    names: ScopeLimiter, store: RecordingNames, clock: ManualClock
) -> None:
    for day in range(100):
        await names.learn(tenants(f"a{day}", f"b{day}", f"c{day}"))
        store.live.clear()  # gone quiet, and let go of by the ruler
        clock.now_s += 86_400
    assert len(names._admitted["tenant"]) <= 6
    await names.learn(tenants("d"))
    assert scopes(names, "d", "a0") == ["tenant=d", "tenant:other"]


async def test_an_unavailable_store_admits_and_refuses_nothing(names: ScopeLimiter, store: RecordingNames) -> None:
    store.unavailable = True
    with pytest.raises(StoreUnavailable):
        await names.learn(tenants("a"))
    store.unavailable = False
    await names.learn(tenants("a"))
    assert scopes(names, "a") == ["tenant=a"]


# --- which names a batch holds


def test_the_names_of_a_batch_are_those_of_its_records() -> None:
    found = names_by_kind([("acme", "m1", "chat"), ("acme", "m2", None), (None, None, None)])
    assert found == {"tenant": {"acme"}, "model": {"m1", "m2"}, "route": {"chat"}}
    assert names_by_kind([]) == {"tenant": set(), "model": set(), "route": set()}
