"""Who has strikes, and how they are taken back, as an operator sees it. Strikes lie far ahead: nothing decays."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.conftest import POLICY, TWIN, Cli, lives, stored
from tests.support.stacks import Stack
from tidegate.streams.cli.tail import line as told
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.rates.aggregate import Aggregate
from tidegate.streams.core.strikes import NewStrikes, Strike, Terms, enforcement
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.store import Apply, Checkpoint, Marker
from tidegate.streams.store.redis import RedisStore

T = (int(time.time()) + 86_400) * 1000  # ahead of every clock: nothing decays meanwhile
AT = f"{datetime.fromtimestamp(T / 1000, UTC):%Y-%m-%d %H:%M:%SZ}"
HOUR_MS = 3_600_000
KEY = b"0123456789abcdef0123456789abcdef"
ACME, ZED = "acme:" + UserKey(KEY).hash("acme", "u-17"), "zed:" + UserKey(KEY).hash("zed", "u-17")
STRIKES = """
[strikes]
half_life_s = 3600
throttle = 2
suspend = 4

[strikes.weights.toxicity]
block = 1
"""
TERMS = Terms(HOUR_MS, 2.0, 4.0, 0.001, "0-made")
PARTITIONS = [TopicPartition("completions", p) for p in range(2)]


def strike(cli: Cli, **given: tuple[int, float]) -> None:
    """user -> (partition, strikes): as if that were counted."""

    async def work(store: RedisStore) -> None:
        await store.check(UserKey(KEY).fingerprint)
        for user, (number, weight) in given.items():
            partition = PARTITIONS[number]
            (claim,) = await store.claim([partition], "w")
            await store.reset(partition, claim.epoch, Checkpoint(0, "c", 1, None))
            made = NewStrikes(TERMS, (Strike(f"{partition}@0", NAMES.get(user, user), T, weight, "toxicity.block"),))
            counted = Aggregate(new_strikes=made)
            await store.apply([Apply(partition, claim.epoch, 0, 1, Marker(0, T, "s"), counted, T, 0, 1)])

    stored(cli, work)


NAMES = {"acme": ACME, "zed": ZED, "acme_too": ACME}


@pytest.fixture(scope=lives)
def ruled(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """The module's pair, with a policy live that makes strikes."""
    return ruling(stack, tmp_path_factory.mktemp("policy"))


@pytest.fixture
def own(ruled: Cli, namespace: str) -> Cli:
    """A store of this test's own."""
    return Cli({**ruled.env, "TIDEGATE_NAMESPACE": namespace})


def ruling(stack: Stack, folder: Path) -> Cli:
    cli = Cli({**stack.env(), **TWIN, "TIDEGATE_USER_KEY": KEY.decode()})
    policy = folder / "policy.toml"
    policy.write_text(POLICY.read_text() + STRIKES)
    ran = cli("policy", "apply", str(policy), "--reason", "a test", "--yes")
    assert ran.code == 0, ran.err
    return cli


def test_those_with_most_strikes_come_first(own: Cli) -> None:
    assert own("strikes", "show").err == "nobody has strikes\n"
    strike(own, acme=(0, 2.5), zed=(1, 4.0), acme_too=(1, 0.5))
    table = own("strikes", "show").out.splitlines()
    assert table[0].split() == ["user", "strikes", "now", "until", "last", "partition"]
    assert [line.split()[:3] for line in table[1:]] == [
        [ZED, "4.00", "suspend"],
        [ACME, "2.50", "throttle"],
        [ACME, "0.50", "-"],
    ]
    assert AT in table[1]  # four strikes are below four at once
    short = own("strikes", "show", "--limit", "1", "--json")
    assert short.jsonl == [
        {"user": ZED, "partition": "completions-1", "strikes": 4.0, "action": "suspend", "until_ms": T + 1,
         "last_ms": T, "last_strikes": 4.0}
    ]  # fmt: skip
    assert short.err == "2 more; --limit shows them\n"


def test_one_user_by_either_name_and_the_raw_one_is_not_said(own: Cli) -> None:
    strike(own, acme=(0, 2.5), zed=(1, 4.0), acme_too=(1, 0.5))
    by_hash = own("strikes", "show", ACME, "--json")
    assert [(h["partition"], h["strikes"]) for h in by_hash.jsonl] == [("completions-0", 2.5), ("completions-1", 0.5)]
    by_name = own("strikes", "show", "--tenant", "acme", "--user", "u-17", "--json")
    assert by_name.out == by_hash.out
    gone = own("strikes", "show", "--tenant", "acme", "--user", "canary-9")
    assert "canary-9" not in gone.out + gone.err
    assert gone.err.endswith(": no strikes\n")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["acme:canary-9"], "USER: expected tenant:hash with 32 hex digits"),
        (["--user", "canary-9"], "expected USER, or both --tenant and --user"),
        (["--tenant", "acme"], "expected USER, or both --tenant and --user"),
        ([ACME, "--tenant", "acme", "--user", "canary-9"], "expected USER, or both --tenant and --user"),
    ],
)
def test_a_user_not_named_well_is_refused_unnamed(offline: Cli, args: list[str], said: str) -> None:
    """The message does not say the name: it may be a person's."""
    for command in (["show"], ["undo", "--reason", "r", "--yes"]):
        ran = offline("strikes", *command, *args)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith(said)
        assert "canary" not in ran.err


def test_a_name_hashed_with_another_key_is_refused(own: Cli) -> None:
    strike(own, acme=(0, 2.5))
    ran = own("strikes", "show", "--tenant", "acme", "--user", "u-17", TIDEGATE_USER_KEY="another-key-of-16-bytes")
    assert ran.code == 2
    assert ran.err.startswith("TIDEGATE_USER_KEY: its fingerprint is ")
    assert f"users were hashed with key {UserKey(KEY).fingerprint}" in ran.err


def test_all_strikes_are_undone_in_every_partition(own: Cli) -> None:
    """With author and reason."""
    strike(own, acme=(0, 2.5), acme_too=(1, 0.5), zed=(1, 4.0))
    ran = own("strikes", "undo", ACME, "--reason", "a song", "--author", "ops", "--yes")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == [
        f"{ACME}: 2.50 -> 0.00 strikes in completions-0",
        f"{ACME}: 0.50 -> 0.00 strikes in completions-1",
    ]
    assert f"{ACME}: 2.50 strikes in completions-0, throttle until " in ran.err
    outboxes = stored(own, lambda store: store.outboxes(PARTITIONS, 99))
    said = [[enforcement(q.crossing) for q in outbox.queued][-1] for outbox in outboxes]
    assert [(e.action, e.author, e.reason, e.user) for e in said] == [
        ("lifted", "ops", "a song", ACME.partition(":")[2])
    ] * 2
    assert said[0].id != said[1].id
    assert [h["user"] for h in own("strikes", "show", "--json").jsonl] == [ZED]
    again = own("strikes", "undo", ACME, "--reason", "a song", "--yes")
    assert (again.code, again.err) == (1, f"{ACME}: no strikes; nothing undone\n")


def test_some_strikes_are_undone_where_most_are_first(own: Cli) -> None:
    strike(own, acme=(0, 1.0), acme_too=(1, 4.5))
    ran = own("strikes", "undo", "--tenant", "acme", "--user", "u-17", "--weight", "1.5", "--reason", "one", "--yes")
    assert ran.out.splitlines() == [f"{ACME}: 4.50 -> 3.00 strikes in completions-1"]
    (outbox,) = stored(own, lambda store: store.outboxes(PARTITIONS[1:], 99))
    said = enforcement(outbox.queued[-1].crossing)
    assert (said.action, said.strikes, said.threshold) == ("throttle", 3.0, 2.0)  # no longer suspended
    assert said.policy_version != "0-made"  # the terms are those of the live policy
    ran = own("strikes", "undo", ACME, "--weight", "3.25", "--reason", "two", "--yes")
    assert ran.out.splitlines() == [
        f"{ACME}: 3.00 -> 0.00 strikes in completions-1",
        f"{ACME}: 1.00 -> 0.75 strikes in completions-0",
    ]


def test_undoing_asks_first_and_refuses_what_is_no_weight(own: Cli) -> None:
    strike(own, acme=(0, 2.5))
    ran = own("strikes", "undo", ACME, "--reason", "r")
    assert ran.code == 2
    assert "undo all of them?\nnobody to ask: standard input is no terminal; nothing done; expected --yes" in ran.err
    assert own("strikes", "undo", ACME, "--reason", "r", "--weight", "-1", "--yes").err == (
        "--weight -1: expected more than 0; nothing undone\n"
    )
    assert own("strikes", "undo", "--reason", "r", "--yes").err.startswith("nobody named; expected USER")
    assert own("strikes", "show", ACME, "--json").jsonl[0]["strikes"] == 2.5


def test_a_policy_without_weights_is_said(own_stack: Stack, tmp_path: Path) -> None:
    asyncio.run(ensure_topics(own_stack.kafka, 2, own_stack.replication))
    own = ruling(own_stack, tmp_path)
    strike(own, acme=(0, 2.5))
    assert own("policy", "apply", str(POLICY), "--reason", "off again", "--yes").code == 0
    ran = own("strikes", "show")
    assert ran.err == "the live policy gives no weights: no strikes are made now (docs/reference/policy.md)\n"
    assert ACME in ran.out  # those that there are still stand


def test_without_a_policy_there_is_nothing_to_show(own_stack: Stack) -> None:
    asyncio.run(ensure_topics(own_stack.kafka, 2, own_stack.replication))
    ran = Cli({**own_stack.env(), **TWIN})("strikes", "show")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("no policy is live, and so no strikes")


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"action": "suspend", "threshold": 4.0, "until_ms": T},
         f"suspend  {ACME}  4.5 strikes of 4, until {AT}: toxicity.block"),
        ({"action": "lifted", "author": "ops", "reason": "a song", "strikes": 0.0},
         f"lifted   {ACME}  0 strikes: a song (undone by ops)"),
    ],
)  # fmt: skip
def test_an_enforcement_is_a_line(more: dict[str, Any], line: str) -> None:
    tenant, _, user = ACME.partition(":")
    event = {"id": "x", "tenant": tenant, "user": user, "strikes": 4.5, "at_ms": T, "reason": "toxicity.block"} | more
    record = SimpleNamespace(timestamp=T, partition=0, offset=0, key=b"", value=json.dumps(event).encode())
    assert told("enforcements", record) == f"{AT}  {line}"
