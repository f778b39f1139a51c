"""The address and credentials of Kafka, and the options of every aiokafka client made from them."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ANSWER_S = 15.0  # no answer to a reader in this time: the broker is unavailable

SecurityProtocol = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]  # Kafka's own names: security.protocol
SaslMechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]


@dataclass(frozen=True, slots=True)
class Kafka:
    """A cluster and how to connect to it. As text: its addresses alone."""

    servers: str  # host:port[,host:port…]
    security: Mapping[str, Any] = field(default_factory=dict, repr=False)  # aiokafka's options for TLS and SASL

    def __str__(self) -> str:
        return self.servers


def client_options(kafka: Kafka | str) -> dict[str, Any]:
    """Returns the connection options of any aiokafka client. An address alone means no TLS and no SASL."""
    if isinstance(kafka, str):
        return {"bootstrap_servers": kafka}
    return {"bootstrap_servers": kafka.servers, **kafka.security}


def reader_options(kafka: Kafka | str) -> dict[str, Any]:
    """Returns the options of a consumer that is in no group, and so commits nothing."""
    return {**client_options(kafka), "group_id": None, "enable_auto_commit": False}


async def start_client(client: Any) -> Any:
    """Starts an aiokafka client and returns it. One that cannot connect is stopped: it holds sockets and tasks."""
    try:
        await client.start()
    except BaseException:
        await client.stop()
        raise
    return client


def security_options(
    protocol: SecurityProtocol, tls: ssl.SSLContext | None, mechanism: SaslMechanism, user: str, password: str
) -> dict[str, Any]:
    """Returns aiokafka's options for a protocol: none for plaintext. user, password: of SASL, where it is used."""
    if protocol == "plaintext":
        return {}
    options: dict[str, Any] = {"security_protocol": protocol.upper()}
    if tls is not None:
        options["ssl_context"] = tls
    if protocol.startswith("sasl"):
        options |= {"sasl_mechanism": mechanism, "sasl_plain_username": user, "sasl_plain_password": password}
    return options


def identity(kafka: Kafka | str) -> str:
    """Returns the user that we connect as, never a credential."""
    security = {} if isinstance(kafka, str) else kafka.security
    match security.get("security_protocol"):
        case "SASL_SSL" | "SASL_PLAINTEXT":
            return str(security["sasl_plain_username"])
        case "SSL":
            return "of our certificate"
        case _:
            return "ANONYMOUS"  # Kafka's name for an unauthenticated user


def missing_topic_hint(kafka: Kafka | str) -> str:
    """Returns another cause of a missing topic: Kafka lists no topic that the user may not describe."""
    return "" if isinstance(kafka, str) or not kafka.security else f", or the right of user {identity(kafka)} to see it"
