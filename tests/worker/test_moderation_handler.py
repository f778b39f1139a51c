"""The handler of `moderations`: the decision that a caller got, made again, published and counted once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.scorers import ScriptedScorer
from tests.wire.records import Fake
from tests.worker.test_pipeline import NOW, FakeIngest, FakePublisher, FlakyPipelineStore
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Action, Completion, DeadLetter, Decision, Moderation
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.past import PastPolicies
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.tables import Strikes
from tidegate.streams.core.strikes import Terms, terms
from tidegate.streams.ingest.batches import Batch, RecordRange
from tidegate.streams.ingest.takeover import CheckpointTrust, OwnedPartition
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.serve.counting import moderation_message, moderation_of
from tidegate.streams.store import Checkpoint
from tidegate.streams.store.scope_limiter import ScopeLimiter
from tidegate.streams.wire.moderation import decode_moderation
from tidegate.streams.wire.record import Unreadable
from tidegate.streams.worker.moderation_handler import ModerationHandler
from tidegate.streams.worker.pipeline import Pipeline

P = TopicPartition("moderations", 3)
KEY = UserKey(b"0123456789abcdef")


def live(version: str, block: float, weight: float = 0.0, shadow: LivePolicy | None = None) -> LivePolicy:
    strikes = {"weights": {"toxicity": {"block": weight}}, "throttle": 3} if weight else {}
    policy = {"labels": {"toxicity": {"block": block}, "insult": {"redact": 0.5}}, "strikes": strikes}
    return LivePolicy(version, parse(policy, "p"), shadow)


TRIED = LivePolicy("1-0000000b", parse({"labels": {"toxicity": {"block": 0.1}, "insult": {"redact": 0.2}}}, "p"))
STRICT, BESIDE, LOOSE = (
    live("0-0000000a", 0.5, 1.0),
    live("0-0000000a", 0.5, 1.0, TRIED),
    live("2-0000000c", 0.9, 2.0),
)


class LogRead:
    """A policy log that holds STRICT, then TRIED beside it, then LOOSE."""

    def __init__(self) -> None:
        self.past = PastPolicies()
        self.past.begin(0, None)
        for next_, policy in enumerate((STRICT, BESIDE, LOOSE), 1):
            self.past.add(next_, policy)
        self.asked: list[int] = []

    async def read_to(self, next_: int) -> None:
        self.asked.append(next_)

    def strikes_of(self, version: str) -> tuple[Strikes, Terms] | None:
        found = {policy.version: policy for policy in (STRICT, LOOSE)}.get(version)
        return found and (found.policy.strikes, terms(found))


class ModerationRig:
    """A pipeline of `moderations` on fakes."""

    def __init__(self) -> None:
        self.policies, self.metrics = LogRead(), Metrics()
        self.store, self.ingest = FlakyPipelineStore([]), FakeIngest()
        self.ingest.topic = "moderations"
        self.publisher = FakePublisher([])
        self.handler = ModerationHandler(self.policies, KEY, self.metrics, keep_bytes_up_to=0, clock=lambda: NOW / 1000)
        self.pipeline: Pipeline[Any, Any] = Pipeline(
            self.ingest,  # type: ignore[arg-type]
            self.handler,
            self.publisher,  # type: ignore[arg-type]
            self.store,
            ScopeLimiter(self.store, 100),
            lambda: LOOSE,
            self.metrics,
            clock=lambda: NOW / 1000,
            split=self.handler.split,
        )

    async def process(self, values: Sequence[bytes]) -> list[dict[str, Any]]:
        """What is published of records with these values."""
        (claim,) = await self.store.claim([P], "w1")
        await self.store.reset(P, claim.epoch, Checkpoint(0, "c", 1, None))
        owned = OwnedPartition(P, claim.epoch, 0, 0, CheckpointTrust.BELIEVED)
        records: list[Any] = [
            Fake(value, offset=n, timestamp=NOW + n, partition=3, topic="moderations") for n, value in enumerate(values)
        ]
        batch = Batch([RecordRange(owned, 0, records, 0)], self._turn(), len(values), 0)
        await self.pipeline.process(batch)
        return [json.loads(message.value or b"") for message in self.publisher.messages]

    def _turn(self) -> asyncio.Event:
        turn = asyncio.Event()
        turn.set()
        return turn

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"tidegate_{name}", labels) or 0


@pytest.fixture
async def rig() -> ModerationRig:
    return ModerationRig()


async def moderated(text: str, policy: LivePolicy, policies_next: int, **more: Any) -> Moderation:
    scoring = Scoring(1, 5)
    try:
        moderator = Moderator(scoring, lambda _: ScriptedScorer())
        completion = Completion(id=more.pop("id", "http-1"), completion=text, **more)
        (row,) = await moderator.moderate([completion], policy)
    finally:
        scoring.close()
    return moderation_of(row, KEY, policies_next, "r-1")


def value_of(moderation: Moderation) -> bytes:
    return moderation_message(moderation).value or b""


# --- decided again


@pytest.mark.parametrize(("policy", "policies_next"), [(STRICT, 1), (BESIDE, 2), (LOOSE, 3)])
async def test_it_is_decided_under_the_policy_that_serve_had(
    rig: ModerationRig, policy: LivePolicy, policies_next: int
) -> None:
    texts = ["toxicity=0.6", "insult=0.3 words", "toxicity=0.95 insult=0.6", "fine", "RAISE"]
    made = [
        await moderated(text, policy, policies_next, id=f"http-{n}", tenant="acme", user="ann", at_ms=NOW - 5)
        for n, text in enumerate(texts)
    ]
    published = await rig.process([value_of(one) for one in made])
    assert rig.policies.asked == [policies_next]
    for moderation, decision in zip(made, published, strict=True):
        as_json = moderation.model_dump(mode="json")
        shared = set(as_json) & set(decision) - {"schema_version"}
        assert {name: decision[name] for name in shared} == {name: as_json[name] for name in shared}
        assert decision["unverified"] is False
        again = Decision.model_validate(decision)
        assert decide(Inputs.of(again), policy) == again
    assert await rig.store.totals([P]) == {"decided": 4, "faults": 1}
    assert rig.metric("events_total", topic="moderations") == 5


async def test_another_verdict_is_a_dead_letter(rig: ModerationRig) -> None:
    """`serve` said what its policy does not say of these scores."""
    moderation = await moderated("toxicity=0.6", STRICT, 1)
    lied = moderation.model_copy(update={"action": Action.ALLOW, "reasons": ()})
    (letter,) = await rig.process([value_of(lied)])
    found = DeadLetter.model_validate(letter)
    assert (found.reason.value, str(found.source)) == ("not_repeatable", "moderations[3]@0")
    assert await rig.store.totals([P]) == {"dead_letters": 1}


@pytest.mark.parametrize("policies_next", [0, 3, 57])
async def test_a_policy_that_the_log_lacks_is_taken_as_recorded(rig: ModerationRig, policies_next: int) -> None:
    """The log was truncated or recreated: nobody can repeat it, and the caller had that verdict."""
    gone = live("40-0000000d", 0.2)
    (decision,) = await rig.process([value_of(await moderated("toxicity=0.3", gone, policies_next))])
    assert (decision["action"], decision["policy_version"]) == ("block", "40-0000000d")
    assert decision["unverified"] is True
    assert rig.metric("unverified_total") == 1
    assert await rig.store.totals([P]) == {"decided": 1}


# --- what cannot be read


@pytest.mark.parametrize(
    ("value", "reason", "where"),
    [
        (None, "tombstone", "value"),
        (b"\xff", "not_utf8", "byte 0"),
        (b"[]", "not_an_object", "value"),
        (b"{}", "invalid", "id"),
    ],
)
def test_what_is_no_moderation_is_a_dead_letter(value: bytes | None, reason: str, where: str) -> None:
    found = decode_moderation(Fake(value, topic="moderations"))
    assert isinstance(found, Unreadable)
    assert (found.reason.value, found.where) == (reason, where)


async def test_an_action_of_a_later_release_is_refused(rig: ModerationRig) -> None:
    moderation = json.loads(value_of(await moderated("fine", STRICT, 1)))
    (letter,) = await rig.process([json.dumps({**moderation, "action": "quarantine"}).encode()])
    assert (letter["reason"], letter["where"]) == ("invalid", "action")


async def test_a_field_of_a_later_release_is_left_out(rig: ModerationRig) -> None:
    moderation = json.loads(value_of(await moderated("fine", STRICT, 1)))
    (decision,) = await rig.process([json.dumps({**moderation, "later": 1}).encode()])
    assert decision["action"] == "allow"


# --- counted


async def test_strikes_weigh_what_their_own_policy_says(rig: ModerationRig) -> None:
    """STRICT says 1, LOOSE says 2: the range is counted in pieces, each under one policy's terms."""
    order = [(STRICT, 1), (STRICT, 1), (LOOSE, 3), (LOOSE, 3), (STRICT, 1)]
    made = [
        await moderated("toxicity=0.95", policy, at, id=f"http-{n}", tenant="acme", user="ann")
        for n, (policy, at) in enumerate(order)
    ]
    await rig.process([value_of(one) for one in made])
    assert [(apply.start, apply.end) for apply in rig.store.applied] == [(0, 2), (2, 4), (4, 5)]
    (balance,) = await rig.store.user_strikes([P], f"acme:{KEY.hash('acme', 'ann')}")
    assert balance is not None
    assert balance.strikes == pytest.approx(1 + 1 + 2 + 2 + 1, rel=1e-6)
    (checkpoint,) = await rig.store.checkpoints([P])
    assert checkpoint is not None
    assert checkpoint.next == 5


async def test_a_range_without_strikes_is_one_piece(rig: ModerationRig) -> None:
    made = [await moderated("fine", policy, at, id=f"http-{at}") for policy, at in [(STRICT, 1), (LOOSE, 3)]]
    await rig.process([value_of(one) for one in made])
    assert [(apply.start, apply.end) for apply in rig.store.applied] == [(0, 2)]


async def test_the_shadow_counts_beside_it(rig: ModerationRig) -> None:
    await rig.process([value_of(await moderated("toxicity=0.3", BESIDE, 2))])
    (apply,) = rig.store.applied
    (series,) = apply.aggregate.counts.values()
    assert series["action.allow|all"] == 1
    assert series["would.1-0000000b.action.block|all"] == 1
