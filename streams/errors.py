"""Everything that `streams` raises on purpose. Each docstring says what the operator does next."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.streams.kafka.client import Kafka, who


class TidegateError(Exception):
    """The root: catch this at the edge, print its message, exit."""


class SettingsError(TidegateError):
    """A TIDEGATE_… variable is missing or wrong: correct the one that the message names and start again."""


class StoreAway(TidegateError):
    """Redis cannot be reached. Nothing is lost: input waits in Kafka. Bring Redis back; workers go on by themselves."""


class StoreDenied(StoreAway):
    """Redis refuses the user, the password or the certificate: correct the settings that the message names."""


class StoreForbids(StoreAway):
    """Redis knows the user, who may not run the command that it names: grant it (docs/security.md); workers go on."""


class StoreRefused(TidegateError):
    """Redis answers but must not be used as it is: change what the message names (eviction policy, user key)."""


class BrokerAway(TidegateError):
    """Kafka cannot be reached, or does not acknowledge. Bring it back; workers go on by themselves."""


class BrokerRefused(TidegateError):
    """Kafka does not take us for who we say we are, or is not who we trust: correct the settings the message names."""


class BrokerForbids(BrokerAway):
    """Kafka knows the user, who lacks the right that the message names: grant it (docs/security.md); workers go on."""


class UnreadableBatch(BrokerAway):
    """Kafka holds a batch that cannot be decoded, where none may be left out: mend it, or delete what it stands in."""


class CodecMissing(TidegateError):
    """A library to decompress what producers may send is not installed: install the package that the message names."""


class NameTaken(TidegateError):
    """Two workers have one TIDEGATE_GROUP_INSTANCE: give each its own (a pod's name). The older one has ended."""


class PolicyUnknown(TidegateError):
    """The `policies` log lost its beginning and nothing was kept of it: `tidegate policy apply FILE`; workers go on."""


# What Kafka's authorizer says no to, by the client's error, and which right that is.
_FORBIDDEN = {
    "TopicAuthorizationFailedError": "topic",
    "GroupAuthorizationFailedError": "group",
    "ClusterAuthorizationFailedError": "cluster",
    "TransactionalIdAuthorizationFailed": "transactional id",
}


def broker_away(kafka: Kafka | str, error: BaseException, what: object = None, operation: str = "") -> BrokerAway:
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
            f"{where}: user {who(kafka)} may not {operation or 'use'} {kind}{named}; "
            "expected that right (docs/security.md); waiting for it"
        )
    return BrokerAway(f"{where}: {said if said.startswith(name) else f'{name}: {said}'}; waiting for it")


class TopicsMissing(TidegateError):
    """A topic that Tidegate needs does not exist: create it (`tidegate topics`, or the compose file's `topics` job)."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it came from, and so on: ten at the most."""
    found: BaseException | None = error
    for _ in range(10):
        if found is None:
            return
        yield found
        found = found.__cause__ or found.__context__
