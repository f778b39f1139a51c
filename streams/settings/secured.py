"""TLS, users, passwords and tokens: from the settings to the clients' options, and which settings contradict."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tidegate.streams.kafka.client import security_options
from tidegate.streams.settings.secret import read_text
from tidegate.streams.settings.settings_errors import PREFIX, SECRETS
from tidegate.streams.settings.tls import TlsFiles, tls_context

if TYPE_CHECKING:
    from tidegate.streams.settings.settings import Settings

KAFKA, REDIS = f"{PREFIX}KAFKA", f"{PREFIX}REDIS"


def broker_security(s: Settings) -> dict[str, Any]:
    """Returns aiokafka's options. Raises SettingsError where a file cannot be read or used."""
    files = TlsFiles(s.kafka_ca_file, s.kafka_cert_file, s.kafka_key_file)
    tls = tls_context(KAFKA, files) if s.kafka_security.endswith("ssl") else None
    password = read_text(f"{KAFKA}_PASSWORD", s.kafka_password, s.kafka_password_file) or ""
    return security_options(s.kafka_security, tls, s.kafka_sasl_mechanism, s.kafka_user, password)


def store_security(s: Settings) -> dict[str, Any]:
    """Returns redis-py's options. Raises SettingsError where a file cannot be read or used."""
    options: dict[str, Any] = {}
    password = read_text(f"{REDIS}_PASSWORD", s.redis_password, s.redis_password_file)
    if password is not None:
        options["password"] = password
        if s.redis_user:
            options["username"] = s.redis_user
    if s.redis.startswith("rediss://"):
        files = TlsFiles(s.redis_ca_file, s.redis_cert_file, s.redis_key_file)
        tls_context(
            REDIS, files
        )  # read now: redis-py would read it when it connects, and name neither file nor setting
        paths = {"ssl_ca_certs": files.ca, "ssl_certfile": files.certificate, "ssl_keyfile": files.key}
        options |= {name: str(path) for name, path in paths.items() if path is not None}
    return options


def contradictions(s: Settings) -> list[str]:
    """Returns a line for each pair of settings that contradict each other. Does not read the files."""
    return [*_both(s), *_kafka(s), *_redis(s), *_probes(s)]


def _both(s: Settings) -> Iterator[str]:
    for name in SECRETS:
        if getattr(s, name) is not None and getattr(s, f"{name}_file") is not None:
            variable = PREFIX + name.upper()
            yield f"{variable} and {variable}_FILE are both set; expected one of them"
    for server in ("kafka", "redis"):
        certificate, key = getattr(s, f"{server}_cert_file"), getattr(s, f"{server}_key_file")
        if (certificate is None) is not (key is None):
            there, missing = ("KEY", "CERT") if certificate is None else ("CERT", "KEY")
            begin = PREFIX + server.upper()
            yield f"{begin}_{there}_FILE: set without {begin}_{missing}_FILE; expected both, or neither"


def _kafka(s: Settings) -> Iterator[str]:
    protocol = s.kafka_security
    security = f"{KAFKA}_SECURITY is {protocol}"
    if not protocol.endswith("ssl"):
        for name in _set_names(s, "kafka_ca_file", "kafka_cert_file", "kafka_key_file"):
            yield f"{name}: set, but {security}, which has no TLS; expected ssl or sasl_ssl"
    if not protocol.startswith("sasl"):
        for name in _set_names(s, "kafka_user", "kafka_password", "kafka_password_file"):
            yield f"{name}: set, but {security}, which sends no user; expected sasl_ssl"
        return
    if not s.kafka_user:
        yield f"{KAFKA}_USER: not set, but {security}; expected the user's name"
    if s.kafka_password is None and s.kafka_password_file is None:
        yield f"{KAFKA}_PASSWORD: not set, but {security}; expected the user's password (or {KAFKA}_PASSWORD_FILE)"
    if s.kafka_sasl_mechanism == "PLAIN" and protocol == "sasl_plaintext":
        yield (
            f"{KAFKA}_SASL_MECHANISM: PLAIN, but {security}, which would show the password to the network; "
            f"expected {KAFKA}_SECURITY sasl_ssl, or SCRAM-SHA-512"
        )


def _redis(s: Settings) -> Iterator[str]:
    url = urlsplit(s.redis)
    in_query = {name for name, _ in parse_qsl(url.query, keep_blank_values=True)}
    if url.scheme != "rediss":
        for name in _set_names(s, "redis_ca_file", "redis_cert_file", "redis_key_file"):
            yield f"{name}: set, but {REDIS} is {url.scheme}://, which has no TLS; expected rediss://"
    if s.redis_cluster and (url.scheme == "unix" or url.path not in ("", "/", "/0") or "db" in in_query):
        yield (
            f"{REDIS}_CLUSTER: set, but {REDIS} names a socket or a database; "
            "expected redis://host:port of a node (rediss:// with TLS): a cluster has one database"
        )
    if some := sorted(name for name in in_query if name.startswith("ssl_")):
        yield f"{REDIS}: its URL sets {', '.join(some)}; expected {REDIS}_CA_FILE, _CERT_FILE and _KEY_FILE instead"
    set_names = _set_names(s, "redis_user", "redis_password", "redis_password_file")
    if set_names and (url.username or url.password or in_query & {"username", "password"}):
        yield f"{set_names[0]}: set, but {REDIS} holds a user or a password too; expected them in one place"
    if s.redis_user and s.redis_password is None and s.redis_password_file is None:
        yield f"{REDIS}_PASSWORD: not set, but {REDIS}_USER is; expected the user's password (or {REDIS}_PASSWORD_FILE)"


def _probes(s: Settings) -> Iterator[str]:
    if s.http_token is None and s.http_token_file is None and not is_loopback(s.http_host):
        yield (
            f"{PREFIX}HTTP_TOKEN: not set, but {PREFIX}HTTP_HOST is {s.http_host}, which others can reach; expected "
            f"a token (or {PREFIX}HTTP_TOKEN_FILE), or 127.0.0.1; make one: openssl rand -hex 32"
        )
    if s.serve_keys_file is None and not is_loopback(s.serve_host):
        yield (
            f"{PREFIX}SERVE_KEYS_FILE: not set, but {PREFIX}SERVE_HOST is {s.serve_host}, which others can reach; "
            "expected a file of API keys, or 127.0.0.1; make one: tidegate keys add NAME --tenant TENANT --file FILE"
        )
    if s.serve_keep_text and (s.serve_count == "off" or not s.has_kafka):
        why = f"{PREFIX}KAFKA is not set" if not s.has_kafka else f"{PREFIX}SERVE_COUNT is off"
        yield f"{PREFIX}SERVE_KEEP_TEXT: on, but {why}; expected Kafka, and counting: only what is counted is kept"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _set_names(s: Settings, *names: str) -> list[str]:
    """Returns the variables of those settings that are set."""
    return [PREFIX + name.upper() for name in names if getattr(s, name)]
