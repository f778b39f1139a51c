"""Tells whether Kafka is unavailable or refuses us: a client only logs a refusal, and raises that no broker answered.

After that error, one connection is made here that only authenticates.
"""

from __future__ import annotations

import ssl

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
    for_code,
)
from aiokafka.protocol.coordination import FindCoordinatorRequest

from tidegate.streams.errors import BrokerRefused, BrokerUnavailable, causes, tls_reason
from tidegate.streams.kafka.client import Kafka, client_options, identity
from tidegate.streams.kafka.errors import broker_unavailable

CONNECT_S = 5.0
SASL = (SaslAuthenticationFailed, UnsupportedSaslMechanismError, IllegalSaslStateError)


async def unavailable_or_refused(
    kafka: Kafka | str, error: BaseException, what: object = None, operation: str = ""
) -> BrokerUnavailable | BrokerRefused:
    """Returns our error for a client's, as `broker_unavailable`; BrokerRefused if Kafka refuses a new connection."""
    unavailable = broker_unavailable(kafka, error, what, operation)
    if not isinstance(error, KafkaConnectionError | OSError):
        return unavailable
    closed = False
    for host, port, _ in collect_hosts(client_options(kafka)["bootstrap_servers"], randomize=False):
        result = await _try_connection(kafka, host, port)
        if isinstance(result, BrokerRefused):
            return result
        closed = closed or result
    if closed:
        protocol = client_options(kafka).get("security_protocol", "PLAINTEXT").lower()
        text = str(unavailable).removesuffix("; waiting for it")
        return BrokerUnavailable(
            f"{text}; it closes the connection at once: is TIDEGATE_KAFKA_SECURITY {protocol} what that port speaks? "
            "waiting for it"
        )
    return unavailable


async def require_group_access(kafka: Kafka | str, group: str) -> None:
    """Returns if the group may be joined. Raises BrokerForbids if it may not, and BrokerUnavailable."""
    client = AIOKafkaClient(**client_options(kafka))
    try:
        await client.bootstrap()
        answer = await client.send(client.get_random_node(), FindCoordinatorRequest(group, CoordinationType.GROUP))
        if (error := for_code(answer.error_code)) is GroupAuthorizationFailedError:
            raise error(group)
    except (KafkaError, OSError) as error:
        raise broker_unavailable(kafka, error, operation="Read") from error
    finally:
        await client.close()


async def _try_connection(kafka: Kafka | str, host: str, port: int) -> BrokerRefused | bool:
    """Returns the refusal; else whether a broker is there and closes the connection without an answer."""
    options = {**client_options(kafka), "request_timeout_ms": int(CONNECT_S * 1000)}
    del options["bootstrap_servers"]
    try:
        connection = await create_conn(host, port, **options)
    except (KafkaError, OSError, ValueError, AssertionError) as error:
        for cause in causes(error):
            if isinstance(cause, SASL):
                return _credentials_refused(kafka, f"{host}:{port}", options["sasl_mechanism"], cause)
            if (why := tls_reason(cause)) is not None:
                return _tls_refused(f"{host}:{port}", why)
        return isinstance(error, KafkaConnectionError | ConnectionResetError | ssl.SSLError)
    connection.close()
    return False


def _credentials_refused(kafka: Kafka | str, where: str, mechanism: str, error: BaseException) -> BrokerRefused:
    if isinstance(error, SaslAuthenticationFailed):
        return BrokerRefused(
            f"kafka {where}: user {identity(kafka)} and its password are refused ({mechanism}); expected "
            "TIDEGATE_KAFKA_USER and TIDEGATE_KAFKA_PASSWORD (or _FILE) as Kafka has them for that mechanism"
        )
    return BrokerRefused(
        f"kafka {where}: no SASL with {mechanism} there; expected TIDEGATE_KAFKA_SASL_MECHANISM to be one that the "
        "listener has enabled"
    )


def _tls_refused(where: str, why: str) -> BrokerRefused:
    return BrokerRefused(
        f"kafka {where}: TLS: {why}; expected a broker that TIDEGATE_KAFKA_CA_FILE vouches for under this name, and "
        "TIDEGATE_KAFKA_CERT_FILE and _KEY_FILE where it asks for ours"
    )
