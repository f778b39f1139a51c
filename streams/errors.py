"""Everything that `streams` raises on purpose. Each docstring says what the operator does next."""

from __future__ import annotations

import ssl
from collections.abc import Iterator


class TidegateError(Exception):
    """The root: catch this at the edge, print its message, exit."""


class SettingsError(TidegateError):
    """A TIDEGATE_… variable is missing or wrong: correct the one that the message names and start again."""


class StoreUnavailable(TidegateError):
    """Redis cannot be reached. Nothing is lost: input waits in Kafka. Bring Redis back; workers go on by themselves."""


class StoreDenied(StoreUnavailable):
    """Redis refuses the user, the password or the certificate: correct the settings that the message names."""


class StoreForbids(StoreUnavailable):
    """Redis knows the user, who may not run the command that it names: grant it (docs/reference/rights.md)."""


class StoreRefused(TidegateError):
    """Redis answers but must not be used as it is: change what the message names (eviction policy, user key)."""


class BrokerUnavailable(TidegateError):
    """Kafka cannot be reached, or does not acknowledge. Bring it back; workers go on by themselves."""


class BrokerRefused(TidegateError):
    """Kafka refuses our identity, or we do not trust its certificate: correct the settings the message names."""


class BrokerForbids(BrokerUnavailable):
    """Kafka knows the user, who lacks the right that the message names: grant it (docs/reference/rights.md)."""


class UnreadableBatch(BrokerUnavailable):
    """Kafka holds a batch that cannot be decoded, where none may be left out: mend it, or delete it."""


class CodecMissing(TidegateError):
    """A library to decompress what producers may send is not installed: install the package that the message names."""


class NameTaken(TidegateError):
    """Two workers have one TIDEGATE_GROUP_INSTANCE: give each its own (a pod's name). The older one has ended."""


class NoPolicy(TidegateError):
    """The `policies` log lost its beginning and nothing was kept of it: `tidegate policy apply FILE`; workers go on."""


class TopicsMissing(TidegateError):
    """A topic that Tidegate needs does not exist: create it (`tidegate topics`, or the compose file's `topics` job)."""


class KeysUnusable(TidegateError):
    """The file of API keys cannot be read or written: correct what the message names. A running `serve` goes on with
    the last keys that it could read.
    """


class RequestInvalid(TidegateError):
    """What was asked for cannot be done as it is written, and nothing was: correct what the message names."""


class RequestRefused(TidegateError):
    """What stands now does not allow what was asked for, and nothing was done: look at it, then ask again."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yields the error, its cause, and so on: ten at the most."""
    cause: BaseException | None = error
    for _ in range(10):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__


def tls_reason(error: BaseException) -> str | None:
    """Returns why TLS refused the other side; None where TLS did not: also for a connection that just ended."""
    if not isinstance(error, ssl.SSLError) or isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return None
    return getattr(error, "verify_message", "") or error.reason or "not TLS"
