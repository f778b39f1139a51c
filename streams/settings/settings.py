"""Settings of one process, from its environment (`TIDEGATE_…`), read once by `Settings.load()`.

Settings name addresses, credentials and limits; a change needs a restart. What decides a completion is policy, which
is live and never here. Topic names are fixed (`streams/topics.py`).
"""

from __future__ import annotations

import os
import socket
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tidegate.streams.errors import SettingsError
from tidegate.streams.installed import DEFAULT_POLICY
from tidegate.streams.kafka.client import Kafka, SaslMechanism, SecurityProtocol
from tidegate.streams.settings.secret import read, read_text
from tidegate.streams.settings.secured import broker_security, contradictions, store_security
from tidegate.streams.settings.settings_errors import PREFIX as PREFIX
from tidegate.streams.settings.settings_errors import error_line, unknown_variables
from tidegate.streams.store.address import Address

USER_KEY_MIN_BYTES = 16  # 128 bits: a shorter key lets somebody guess the users behind the hashes
TOKEN_MIN_BYTES = 16  # of the pages: nobody tries that many

_NAME = r"^[^\x00-\x1f\x7f]{0,200}$"


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Settings(BaseSettings):
    """One process's settings: frozen, each with its range. `load()` returns one."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,  # an empty variable is an unset one: `${X:-}` in a compose file
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    # Addresses
    kafka: str = Field(
        "127.0.0.1:9092",
        pattern=r"^[^\s,:/]+:\d{1,5}(,[^\s,:/]+:\d{1,5})*$",
        description="Kafka's bootstrap servers: host:port[,host:port…]",
    )
    redis: str = Field(
        "redis://127.0.0.1:6379/0",
        pattern=r"^(rediss?|unix)://",
        repr=False,  # it may hold a password
        description="Redis or Valkey, as a URL; it must run with maxmemory-policy noeviction",
    )
    redis_cluster: bool = Field(False, description="that URL is a node of a Redis Cluster, which names the others")
    namespace: str = Field(
        "tidegate",
        pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$",
        description="prefix of every Redis key and of the consumer group: two deployments on one pair differ here",
    )
    worker: str = Field(
        default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}",
        pattern=r"^[^\x00-\x20\x7f|]{1,200}$",
        description="this worker's name in logs, metrics and leases; the default is host-pid",
    )

    # Credentials and certificates: docs/how-to/secure.md
    kafka_security: SecurityProtocol = Field(
        "plaintext", description="Kafka's security.protocol: TLS is ssl, a user is sasl"
    )
    kafka_sasl_mechanism: SaslMechanism = Field(
        "SCRAM-SHA-512", description="how the user is proven; PLAIN only over TLS"
    )
    kafka_user: str = Field("", pattern=_NAME, description="SASL's user")
    kafka_password: SecretStr | None = Field(None, description="the user's password")
    kafka_password_file: Path | None = Field(None, description="file that holds it, instead of kafka_password")
    kafka_ca_file: Path | None = Field(
        None, description="PEM: who signs the brokers' certificates; unset is whom this machine believes"
    )
    kafka_cert_file: Path | None = Field(None, description="PEM: our certificate, where brokers ask for one")
    kafka_key_file: Path | None = Field(None, description="PEM: its key, without a passphrase")
    redis_user: str = Field("", pattern=_NAME, description="ACL user; empty with a password is the user `default`")
    redis_password: SecretStr | None = Field(None, description="the user's password")
    redis_password_file: Path | None = Field(None, description="file that holds it, instead of redis_password")
    redis_ca_file: Path | None = Field(
        None, description="PEM: who signs the server's certificate (rediss://); unset is whom this machine believes"
    )
    redis_cert_file: Path | None = Field(None, description="PEM: our certificate, where the server asks for one")
    redis_key_file: Path | None = Field(None, description="PEM: its key, without a passphrase")

    # Users leave Tidegate only as HMACs
    user_key: SecretStr | None = Field(None, description="key of the HMAC; a worker needs it, 16 bytes at least")
    user_key_file: Path | None = Field(None, description="file that holds the key, instead of user_key")

    # What decides
    policy_file: Path = Field(
        default_factory=lambda: DEFAULT_POLICY,
        description="seeds an empty policies topic, and `score` decides under it; a worker ignores it afterwards",
    )
    classifier: str = Field("", description="name in the manifest; empty is the manifest's default")
    classifier_manifest: Path | None = Field(None, description="models.toml; unset is the one that Tidegate carries")

    model_poll_s: float = Field(
        5, ge=0, le=3600, description="between looks at the manifest: a changed one swaps the model; 0 never looks"
    )

    # Scoring
    score_threads: int = Field(
        default_factory=lambda: max(1, _cpus() - 1),
        ge=1,
        le=256,
        description="threads that score; the default leaves one CPU to everything else",
    )
    score_timeout_s: float = Field(10, gt=0, le=300, description="longer than this on one text is a fault")
    concurrency: int = Field(2, ge=1, le=64, description="batches scored side by side")

    # Limits in memory
    batch_events: int = Field(256, ge=1, le=10_000, description="records in a batch at the most")
    inflight_events: int = Field(2048, ge=1, le=1_000_000, description="records polled, not yet applied, at the most")
    inflight_bytes: int = Field(64 * 2**20, ge=2**20, le=2**36, description="their bytes at the most")
    live_scopes: int = Field(1000, ge=1, le=100_000, description="scopes a kind with rates of their own; then `other`")

    # Kafka's side
    session_timeout_s: float = Field(30, ge=6, le=90, description="a worker silent this long loses its partitions")
    group_instance: str = Field(
        "",
        pattern=r"^[a-zA-Z0-9._-]{0,200}$",
        description="this worker's name in the group, which no other has and a restart keeps: back within the session "
        "timeout it has its partitions again, and nobody else stops; empty: a new member at each start",
    )
    heartbeat_s: float = Field(3, ge=0.5, le=30, description="between heartbeats; a third of the session or less")
    commit_interval_s: float = Field(1.0, ge=0.1, le=60, description="between commits of what was applied")
    max_record_bytes: int = Field(
        1_000_000, ge=1024, le=2**30, description="largest record we send; not above the broker's message.max.bytes"
    )
    unreadable_batch: Literal["skip", "wait"] = Field(
        "skip", description="a batch that cannot be decoded is stepped over in the end, as a dead letter; or waited for"
    )
    unreadable_tries: int = Field(5, ge=1, le=1000, description="it is stepped over after so many tries at least...")
    unreadable_minutes: float = Field(10, ge=0, le=10_080, description="...and so long; both count over all workers")
    idempotent: bool = Field(True, description="idempotent producer; off only for the embedded broker, which has none")
    partitions: int = Field(12, ge=1, le=10_000, description="of a topic we create; twice the workers or more")
    replication: int = Field(3, ge=1, le=7, description="copies of a topic we create; 1 on a single broker")
    dead_letter_bytes: bool = Field(False, description="dead letters carry the input's bytes: text leaves Tidegate")

    # The ruler
    ruler_lease_s: float = Field(
        5, ge=1, le=60, description="the worker that runs the ruler is replaced when silent this long"
    )

    # The probes
    http_host: str = Field("127.0.0.1", min_length=1, description="where /metrics, /healthz and /readyz listen")
    http_port: int = Field(8077, ge=0, le=65535, description="a worker's; 0 takes any free port and logs it")
    http_token: SecretStr | None = Field(
        None,
        description="the pages ask for it (Authorization: Bearer); needed where http_host is not loopback",
    )
    http_token_file: Path | None = Field(None, description="file that holds it, instead of http_token")

    # `tidegate serve`
    serve_host: str = Field("127.0.0.1", min_length=1, description="where `serve` answers")
    serve_port: int = Field(8080, ge=0, le=65535, description="0 takes any free port and logs it")
    serve_probe_port: int = Field(
        8081,
        ge=0,
        le=65535,
        description="port of the probes of `serve`, on http_host: not a worker's http_port, so that both run on one "
        "machine; 0 takes any free port and logs it",
    )
    serve_processes: int = Field(1, ge=1, le=64, description="that answer on serve_port, each with a model of its own")
    serve_keys_file: Path | None = Field(
        None,
        description="file of API keys (`tidegate keys`): `serve` asks for one; needed where serve_host is not loopback",
    )
    serve_url: str = Field(
        "",
        pattern=r"^(https?://[^\s/]+/?)?$",
        description="where clients reach `serve`, as https://moderation.example; Perspective's clients are told it",
    )
    serve_inflight_requests: int = Field(
        256, ge=1, le=100_000, description="requests of `serve` that wait or are scored, at the most; then 429"
    )
    serve_inflight_chars: int = Field(1_000_000, ge=1000, le=2**30, description="their characters, at the most")
    serve_timeout_s: float = Field(10, ge=0.1, le=300, description="a request that has no answer by then gets 503")
    serve_count: Literal["required", "best_effort", "off"] = Field(
        "best_effort",
        description="with Kafka, what `serve` answers is counted: acknowledged before the answer, else 503; or after "
        "it, and what was not is a metric; or not at all",
    )
    serve_keep_text: bool = Field(
        False,
        description="the texts that `serve` counts go to the topic `moderated-texts`, for a day: for evidence, and for "
        "all who may read that topic",
    )
    serve_drain_s: float = Field(
        20, ge=0, le=300, description="after SIGTERM, for the requests in flight and what waits for Kafka"
    )

    # Logs
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severe level logged")
    log_json: bool = Field(False, description="one JSON object a line, instead of text")

    @cached_property
    def brokers(self) -> Kafka:
        """The address and credentials of Kafka for every client. Raises SettingsError where a file cannot be used.

        Built once: another password or certificate needs a restart.
        """
        return Kafka(self.kafka, broker_security(self))

    @cached_property
    def store(self) -> Address:
        """The address and credentials of the store for every client. Raises as `brokers`, and is built once."""
        return Address(self.redis, self.redis_cluster, store_security(self))

    @property
    def has_kafka(self) -> bool:
        """Whether `serve` is to use Kafka: where its address is set, and not only there by default."""
        return "kafka" in self.model_fields_set

    @property
    def group(self) -> str:
        """The consumer group of every worker of this namespace."""
        return f"{self.namespace}-ingest"

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Returns settings from the environment; `overrides` (a command's flags) win, None among them is "not given".

        Raises SettingsError with one line for each variable that is unknown or wrong.
        """
        lines = unknown_variables(os.environ, {name.upper() for name in cls.model_fields})
        try:
            settings = cls(**{name: value for name, value in overrides.items() if value is not None})
        except ValidationError as error:
            lines += [error_line(item["loc"], item["type"], item["msg"], item["input"]) for item in error.errors()]
        if lines:
            raise SettingsError("\n".join(lines))
        return settings

    def user_key_bytes(self) -> bytes:
        """Returns the key of the HMAC, from user_key or from the file (its final newline is not part of it).

        Raises SettingsError where there is none, or it is too short. A worker calls this once, at start.
        """
        key = read(f"{PREFIX}USER_KEY", self.user_key, self.user_key_file, USER_KEY_MIN_BYTES)
        if key is None:
            raise SettingsError(
                f"{PREFIX}USER_KEY: not set; expected a secret of {USER_KEY_MIN_BYTES} bytes or more, "
                f"the same for every worker (or {PREFIX}USER_KEY_FILE); make one: openssl rand -hex 32"
            )
        return key

    def token(self) -> str | None:
        """Returns the token of the probes; None where they are open. Raises SettingsError as `user_key_bytes`."""
        return read_text(f"{PREFIX}HTTP_TOKEN", self.http_token, self.http_token_file, TOKEN_MIN_BYTES)

    @field_validator("user_key", "http_token")
    @classmethod
    def _long_enough(cls, key: SecretStr | None, field: ValidationInfo) -> SecretStr | None:
        least = USER_KEY_MIN_BYTES if field.field_name == "user_key" else TOKEN_MIN_BYTES
        if key is not None and len(key.get_secret_value().encode()) < least:
            raise ValueError(f"expected {least} bytes or more")
        return key

    @field_validator("log_level", "kafka_security", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if lines := contradictions(self):
            raise ValueError("\n".join(lines))
        if self.heartbeat_s * 3 > self.session_timeout_s:
            raise ValueError(
                f"{PREFIX}HEARTBEAT_S: {self.heartbeat_s:g} is over a third of "
                f"{PREFIX}SESSION_TIMEOUT_S, {self.session_timeout_s:g}; expected a third or less"
            )
        if self.inflight_events < self.batch_events:
            raise ValueError(
                f"{PREFIX}INFLIGHT_EVENTS: {self.inflight_events} is under "
                f"{PREFIX}BATCH_EVENTS, {self.batch_events}; expected at least one batch"
            )
        if self.inflight_bytes < self.max_record_bytes:
            raise ValueError(
                f"{PREFIX}INFLIGHT_BYTES: {self.inflight_bytes} is under "
                f"{PREFIX}MAX_RECORD_BYTES, {self.max_record_bytes}; expected room for one record"
            )
        return self
