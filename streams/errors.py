"""Everything that `streams` raises on purpose. Each docstring says what the operator does next."""

from __future__ import annotations

from streams.kafka import Kafka


class TidegateError(Exception):
    """The root: catch this at the edge, print its message, exit."""


class SettingsError(TidegateError):
    """A TIDEGATE_… variable is missing or wrong: correct the one that the message names and start again."""


class StoreAway(TidegateError):
    """Redis cannot be reached. Nothing is lost: input waits in Kafka. Bring Redis back; workers go on by themselves."""


class StoreRefused(TidegateError):
    """Redis answers but must not be used as it is: change what the message names (eviction policy, user key)."""


class BrokerAway(TidegateError):
    """Kafka cannot be reached, or does not acknowledge. Bring it back; workers go on by themselves."""


class PolicyUnknown(TidegateError):
    """The `policies` log lost its beginning and nothing was kept of it: `tidegate policy apply FILE`; workers go on."""


def broker_away(kafka: Kafka | str, error: BaseException, what: object = None) -> BrokerAway:
    """A client's error in our words: where Kafka should be, what was asked of it, and the error's name once."""
    name, said = type(error).__name__, str(error)
    where = f"kafka {kafka}" if what is None else f"kafka {kafka}: {what}"
    return BrokerAway(f"{where}: {said if said.startswith(name) else f'{name}: {said}'}; waiting for it")


class TopicsMissing(TidegateError):
    """A topic that Tidegate needs does not exist: create it (`tidegate topics`, or the compose file's `topics` job)."""
