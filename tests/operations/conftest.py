"""A stack with its topics, and the deployment that operations are given: plain values, no settings and no command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.stacks import Stack
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.kafka.client import Kafka
from tidegate.streams.kafka.writing import producer
from tidegate.streams.operations.policy_change import Attribution, Committed, commit, propose_policy
from tidegate.streams.operations.policy_history import NamedPolicy
from tidegate.streams.policy_log.file import read_policy
from tidegate.streams.store.address import Address
from tidegate.streams.store.redis import RedisStore

POLICY = Path(__file__).parents[1] / "cli" / "policy.toml"
BY = Attribution("ada", "a test")


@dataclass(frozen=True)
class EmbeddedDeployment:
    """A `Deployment`: where one embedded stack is."""

    brokers: Kafka
    store: Address
    namespace: str = "tidegate"
    group: str = "tidegate-ingest"
    idempotent: bool = False
    max_record_bytes: int = 1_000_000
    live_scopes: int = 1000
    classifier: str = "tests.cli.twin:make"
    classifier_manifest: Path | None = None

    def without_store(self) -> EmbeddedDeployment:
        return replace(self, store=Address("redis://127.0.0.1:1/0"))

    def open_store(self) -> RedisStore:
        return RedisStore(self.store, self.namespace)

    async def write(self, records: Sequence[tuple[str, bytes | None, bytes | None]]) -> None:
        """Records onto topics: topic, key and value of each."""
        async with producer(self) as out:
            for topic, key, value in records:
                await out.send_and_wait(topic, value, key=key, partition=0)


@pytest.fixture
async def deployment(own_stack: Stack) -> EmbeddedDeployment:
    """Topics of this test's own, and no policy."""
    await ensure_topics(own_stack.kafka, 1, own_stack.replication)
    return EmbeddedDeployment(Kafka(own_stack.kafka), Address(own_stack.redis))


@pytest.fixture
def policy() -> Policy:
    """tests/cli/policy.toml: it flags toxicity at 0.7, reviews it at 0.9, blocks it at 0.98."""
    return read_policy(POLICY)


@pytest.fixture
async def live(deployment: EmbeddedDeployment, policy: Policy) -> EmbeddedDeployment:
    """The same, with that policy live."""
    made = await commit(deployment, await propose_policy(deployment, NamedPolicy("policy.toml", policy)), BY)
    assert isinstance(made, Committed)
    return deployment
