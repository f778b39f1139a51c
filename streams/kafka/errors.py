"""A Kafka client's errors, by its names for who catches them, and in our words."""

from __future__ import annotations

from aiokafka.errors import KafkaError as KafkaError
from aiokafka.errors import MessageSizeTooLargeError as MessageSizeTooLargeError

from tidegate.streams.errors import BrokerForbids, BrokerUnavailable
from tidegate.streams.kafka.client import Kafka, identity

# What Kafka's authorizer says no to, by the client's error, and which right that is.
_FORBIDDEN = {
    "TopicAuthorizationFailedError": "topic",
    "GroupAuthorizationFailedError": "group",
    "ClusterAuthorizationFailedError": "cluster",
    "TransactionalIdAuthorizationFailed": "transactional id",
}


def broker_unavailable(
    kafka: Kafka | str, error: BaseException, what: object = None, operation: str = ""
) -> BrokerUnavailable:
    """A client's error in our words: where Kafka should be, what was asked of it, and the error's name once.

    operation: of Kafka's, that was tried; it is named where the user lacks the right to it.
    """
    name, said = type(error).__name__, str(error)
    where = f"kafka {kafka}" if what is None else f"kafka {kafka}: {what}"
    if name in _FORBIDDEN:
        named = f" {said.rpartition(': ')[2]}" if ": " in said else ""
        kind = _FORBIDDEN[name]
        if kind == "cluster" and operation == "Write":
            kind = "any topic"  # an idempotent producer gets its id from any: the error names the other way to one
        return BrokerForbids(
            f"{where}: user {identity(kafka)} may not {operation or 'use'} {kind}{named}; "
            "expected that right (docs/reference/rights.md); waiting for it"
        )
    return BrokerUnavailable(f"{where}: {said if said.startswith(name) else f'{name}: {said}'}; waiting for it")
