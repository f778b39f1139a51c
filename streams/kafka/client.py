"""How Kafka is reached: its addresses, and what proves who we are. Knows the options of every aiokafka client."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Protocol = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]  # Kafka's own names: security.protocol
Mechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]


@dataclass(frozen=True, slots=True)
class Kafka:
    """A cluster, as a client connects to it; as text, its addresses alone."""

    servers: str  # host:port[,host:port…]
    security: Mapping[str, Any] = field(default_factory=dict, repr=False)  # aiokafka's options for TLS and SASL

    def __str__(self) -> str:
        return self.servers


def connect(kafka: Kafka | str) -> dict[str, Any]:
    """The options of any aiokafka client to reach it by. An address alone is one without TLS and SASL."""
    if isinstance(kafka, str):
        return {"bootstrap_servers": kafka}
    return {"bootstrap_servers": kafka.servers, **kafka.security}


def without_group(kafka: Kafka | str) -> dict[str, Any]:
    """The options of a consumer that is in no group, and so commits nothing."""
    return {**connect(kafka), "group_id": None, "enable_auto_commit": False}


async def started(client: Any) -> Any:
    """That aiokafka client, connected. One that could not connect is closed: it holds sockets and tasks."""
    try:
        await client.start()
    except BaseException:
        await client.stop()
        raise
    return client


def proven_by(
    protocol: Protocol, tls: ssl.SSLContext | None, mechanism: Mechanism, user: str, password: str
) -> dict[str, Any]:
    """aiokafka's options for a protocol; empty for plaintext. user, password: of SASL, where the protocol has it."""
    if protocol == "plaintext":
        return {}
    options: dict[str, Any] = {"security_protocol": protocol.upper()}
    if tls is not None:
        options["ssl_context"] = tls
    if protocol.startswith("sasl"):
        options |= {"sasl_mechanism": mechanism, "sasl_plain_username": user, "sasl_plain_password": password}
    return options


def identity(kafka: Kafka | str) -> str:
    """Whom we say we are, never by what it is proven."""
    security = {} if isinstance(kafka, str) else kafka.security
    match security.get("security_protocol"):
        case "SASL_SSL" | "SASL_PLAINTEXT":
            return str(security["sasl_plain_username"])
        case "SSL":
            return "of our certificate"
        case _:
            return "ANONYMOUS"  # Kafka's name for nobody in particular


def unseen(kafka: Kafka | str) -> str:
    """What else it may be where a topic is not there: Kafka tells nobody of those that one may not describe."""
    return "" if isinstance(kafka, str) or not kafka.security else f", or the right of user {identity(kafka)} to see it"
