"""A Kafka client's errors: re-exported for those that catch them, and translated into ours."""

from __future__ import annotations

from aiokafka.errors import KafkaError as KafkaError
from aiokafka.errors import MessageSizeTooLargeError as MessageSizeTooLargeError

from tidegate.streams.errors import BrokerForbids, BrokerUnavailable
from tidegate.streams.kafka.client import Kafka, identity

# The client's error -> the kind of right that Kafka's authorizer refused.
_FORBIDDEN = {
    "TopicAuthorizationFailedError": "topic",
    "GroupAuthorizationFailedError": "group",
    "ClusterAuthorizationFailedError": "cluster",
    "TransactionalIdAuthorizationFailed": "transactional id",
}


def broker_unavailable(
    kafka: Kafka | str, error: BaseException, what: object = None, operation: str = ""
) -> BrokerUnavailable:
    """Returns our error for a client's: the address, what was requested, and the error's name once.

    operation: Kafka's operation that was tried; the message names it if the user lacks the right to it.
    """
    name, message = type(error).__name__, str(error)
    where = f"kafka {kafka}" if what is None else f"kafka {kafka}: {what}"
    if name in _FORBIDDEN:
        resource = f" {message.rpartition(': ')[2]}" if ": " in message else ""
        kind = _FORBIDDEN[name]
        if kind == "cluster" and operation == "Write":
            kind = "any topic"  # an idempotent producer gets its id by a right to any topic, or by this one
        return BrokerForbids(
            f"{where}: user {identity(kafka)} may not {operation or 'use'} {kind}{resource}; "
            "expected that right (docs/reference/rights.md); waiting for it"
        )
    return BrokerUnavailable(
        f"{where}: {message if message.startswith(name) else f'{name}: {message}'}; waiting for it"
    )
