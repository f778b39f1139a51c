"""TLS, users and tokens as settings: the clients' options, and contradictions, which name both settings."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.real.secure import Authority
from tidegate.streams.errors import SettingsError
from tidegate.streams.kafka.client import client_options, identity
from tidegate.streams.settings.settings import PREFIX, Settings

PASSWORD = "zxcanaryqv"  # noqa: S105 - a canary
SASL = {"KAFKA_SECURITY": "sasl_ssl", "KAFKA_USER": "worker", "KAFKA_PASSWORD": PASSWORD}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("certificates") / "ca")
    made.sign("ours")
    made.sign("another")
    return made


def load(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> Settings:
    for name, value in settings.items():
        monkeypatch.setenv(PREFIX + name, value)
    return Settings.load()


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        (
            {"KAFKA_SECURITY": "tls"},
            ["KAFKA_SECURITY: found 'tls'; expected 'plaintext', 'ssl', 'sasl_plaintext' or 'sasl_ssl'"],
        ),
        (
            {"KAFKA_CA_FILE": "ca.pem"},
            [
                "KAFKA_CA_FILE: set, but TIDEGATE_KAFKA_SECURITY is plaintext, which has no TLS; "
                "expected ssl or sasl_ssl"
            ],
        ),
        (
            {"KAFKA_SECURITY": "ssl", "KAFKA_USER": "worker", "KAFKA_PASSWORD": PASSWORD},
            [
                "KAFKA_USER: set, but TIDEGATE_KAFKA_SECURITY is ssl, which sends no user; expected sasl_ssl",
                "KAFKA_PASSWORD: set, but TIDEGATE_KAFKA_SECURITY is ssl, which sends no user; expected sasl_ssl",
            ],
        ),
        (
            {"KAFKA_SECURITY": "SASL_SSL"},  # as Kafka writes it
            [
                "KAFKA_USER: not set, but TIDEGATE_KAFKA_SECURITY is sasl_ssl; expected the user's name",
                "KAFKA_PASSWORD: not set, but TIDEGATE_KAFKA_SECURITY is sasl_ssl; expected the user's password "
                "(or TIDEGATE_KAFKA_PASSWORD_FILE)",
            ],
        ),
        (
            {**SASL, "KAFKA_SECURITY": "sasl_plaintext", "KAFKA_SASL_MECHANISM": "PLAIN"},
            [
                "KAFKA_SASL_MECHANISM: PLAIN, but TIDEGATE_KAFKA_SECURITY is sasl_plaintext, which would show the "
                "password to the network; expected TIDEGATE_KAFKA_SECURITY sasl_ssl, or SCRAM-SHA-512"
            ],
        ),
        (
            {**SASL, "KAFKA_SASL_MECHANISM": "GSSAPI"},
            ["KAFKA_SASL_MECHANISM: found 'GSSAPI'; expected 'SCRAM-SHA-512', 'SCRAM-SHA-256' or 'PLAIN'"],
        ),
        (
            {**SASL, "KAFKA_PASSWORD_FILE": "password"},
            ["KAFKA_PASSWORD and TIDEGATE_KAFKA_PASSWORD_FILE are both set; expected one of them"],
        ),
        (
            {**SASL, "KAFKA_CERT_FILE": "ours.pem"},
            ["KAFKA_CERT_FILE: set without TIDEGATE_KAFKA_KEY_FILE; expected both, or neither"],
        ),
        (
            {"REDIS_CA_FILE": "ca.pem"},
            ["REDIS_CA_FILE: set, but TIDEGATE_REDIS is redis://, which has no TLS; expected rediss://"],
        ),
        (
            {"REDIS": "rediss://store:6379/0", "REDIS_KEY_FILE": "ours.key"},
            ["REDIS_KEY_FILE: set without TIDEGATE_REDIS_CERT_FILE; expected both, or neither"],
        ),
        (
            {"REDIS": f"redis://:{PASSWORD}@store:6379/0", "REDIS_PASSWORD": PASSWORD},
            ["REDIS_PASSWORD: set, but TIDEGATE_REDIS holds a user or a password too; expected them in one place"],
        ),
        (
            {"REDIS": f"redis://store:6379/0?password={PASSWORD}", "REDIS_USER": "w", "REDIS_PASSWORD": PASSWORD},
            ["REDIS_USER: set, but TIDEGATE_REDIS holds a user or a password too; expected them in one place"],
        ),
        (
            {"REDIS": "rediss://store:6379/0?ssl_cert_reqs=none"},
            ["REDIS: its URL sets ssl_cert_reqs; expected TIDEGATE_REDIS_CA_FILE, _CERT_FILE and _KEY_FILE instead"],
        ),
        (
            {"REDIS_USER": "worker"},
            [
                "REDIS_PASSWORD: not set, but TIDEGATE_REDIS_USER is; expected the user's password "
                "(or TIDEGATE_REDIS_PASSWORD_FILE)"
            ],
        ),
        (
            {"HTTP_HOST": "0.0.0.0"},  # noqa: S104 - refused
            [
                "HTTP_TOKEN: not set, but TIDEGATE_HTTP_HOST is 0.0.0.0, which others can reach; expected a token "
                "(or TIDEGATE_HTTP_TOKEN_FILE), or 127.0.0.1; make one: openssl rand -hex 32"
            ],
        ),
        (
            {"SERVE_HOST": "10.0.0.7"},
            [
                "SERVE_KEYS_FILE: not set, but TIDEGATE_SERVE_HOST is 10.0.0.7, which others can reach; expected a "
                "file of API keys, or 127.0.0.1; make one: tidegate keys add NAME --tenant TENANT --file FILE"
            ],
        ),
        (
            {"SERVE_KEEP_TEXT": "1"},
            [
                "SERVE_KEEP_TEXT: on, but TIDEGATE_KAFKA is not set; expected Kafka, and counting: only what is "
                "counted is kept"
            ],
        ),
        (
            {"SERVE_KEEP_TEXT": "1", "KAFKA": "kafka:9092", "SERVE_COUNT": "off"},
            [
                "SERVE_KEEP_TEXT: on, but TIDEGATE_SERVE_COUNT is off; expected Kafka, and counting: only what is "
                "counted is kept"
            ],
        ),
        ({"HTTP_TOKEN": PASSWORD}, ["HTTP_TOKEN: found a secret (not shown); expected 16 bytes or more"]),
    ],
)
def test_contradicting_settings_are_both_named(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], lines: list[str]
) -> None:
    with pytest.raises(SettingsError) as error:
        load(monkeypatch, settings)
    assert str(error.value).splitlines() == [PREFIX + line for line in lines]
    assert PASSWORD not in str(error.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_pages_on_loopback_need_no_token(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert load(monkeypatch, {"HTTP_HOST": host}).token() is None


def test_a_token_comes_from_a_file_that_is_long_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n")
    settings = load(monkeypatch, {"HTTP_HOST": "::", "HTTP_TOKEN_FILE": str(file)})
    assert settings.token() == "0123456789abcdef"
    file.write_text("short\n")
    with pytest.raises(SettingsError, match=r"TIDEGATE_HTTP_TOKEN_FILE: .* holds 5 bytes; expected 16 or more"):
        settings.token()


# --- what they come to


def test_plaintext_is_an_address_and_nothing_else() -> None:
    settings = Settings.load()
    assert client_options(settings.brokers) == {"bootstrap_servers": "127.0.0.1:9092"}
    assert identity(settings.brokers) == "ANONYMOUS"
    assert settings.store.security == {}


def test_a_user_over_tls(monkeypatch: pytest.MonkeyPatch, authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(f"{PASSWORD}\r\n".encode())
    env = {
        "KAFKA_SECURITY": "SASL_SSL", "KAFKA_USER": "worker", "KAFKA_PASSWORD_FILE": str(file),
        "KAFKA_CA_FILE": str(authority.ca), "KAFKA_SASL_MECHANISM": "SCRAM-SHA-256",
    }  # fmt: skip
    kafka = load(monkeypatch, env).brokers
    options = client_options(kafka)
    tls = options.pop("ssl_context")
    assert options == {
        "bootstrap_servers": "127.0.0.1:9092", "security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "worker", "sasl_plain_password": PASSWORD,
    }  # fmt: skip
    assert isinstance(tls, ssl.SSLContext)
    assert tls.verify_mode is ssl.CERT_REQUIRED
    assert tls.check_hostname
    assert [dict(stack[0] for stack in ca["subject"]) for ca in tls.get_ca_certs()] == [  # type: ignore[misc]
        {"commonName": "a test's authority"}  # nobody else is believed
    ]
    assert identity(kafka) == "worker"
    assert PASSWORD not in f"{kafka} {kafka!r}"


def test_a_store_with_a_user_and_a_certificate(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    folder = authority.folder
    env = {
        "REDIS": "rediss://store:6379/0", "REDIS_USER": "worker", "REDIS_PASSWORD": PASSWORD,
        "REDIS_CA_FILE": str(authority.ca), "REDIS_CERT_FILE": f"{folder}/ours.pem",
        "REDIS_KEY_FILE": f"{folder}/ours.key",
    }  # fmt: skip
    settings = load(monkeypatch, env)
    assert settings.store.security == {
        "username": "worker", "password": PASSWORD, "ssl_ca_certs": str(authority.ca),
        "ssl_certfile": f"{folder}/ours.pem", "ssl_keyfile": f"{folder}/ours.key",
    }  # fmt: skip
    assert PASSWORD not in f"{settings!r} {settings.store!r}"


# --- files


def wrong(authority: Authority, tmp_path: Path) -> dict[str, tuple[dict[str, Any], str]]:
    """Settings that name files, and their error messages."""
    folder = authority.folder
    (tmp_path / "text").write_text("not a certificate\n")
    subprocess.run(
        ["openssl", "rsa", "-aes128", "-passout", "pass:x", "-in", f"{folder}/ours.key", "-out", tmp_path / "locked"],
        check=True, capture_output=True,
    )  # fmt: skip
    ca, certificate, key = "KAFKA_CA_FILE", "KAFKA_CERT_FILE", "KAFKA_KEY_FILE"
    ours = {certificate: f"{folder}/ours.pem"}
    return {
        "absent": ({ca: "/nowhere"}, f"{ca}: /nowhere: No such file or directory; expected a readable file"),
        "no certificate": ({ca: f"{tmp_path}/text"}, f"{ca}: {tmp_path}/text: .*; expected certificates in PEM"),
        "no key": ({**ours, key: "/nowhere"}, f"{key}: /nowhere: No such file or directory; expected a readable file"),
        "another's key": (
            {**ours, key: f"{folder}/another.key"},
            f"{certificate}: .*KEY_VALUES_MISMATCH; expected a certificate in PEM that belongs to the key",
        ),
        "a key with a passphrase": (
            {**ours, key: f"{tmp_path}/locked"},
            f"{certificate}: .*a key without a passphrase",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("case", ["absent", "no certificate", "no key", "another's key", "a key with a passphrase"])
def test_a_file_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, tmp_path: Path, case: str
) -> None:
    settings, message = wrong(authority, tmp_path)[case]
    with pytest.raises(SettingsError, match=PREFIX + message):
        load(monkeypatch, {"KAFKA_SECURITY": "ssl", **settings}).brokers  # noqa: B018 - made when it is asked for


def test_redis_files_are_read_before_it_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, {"REDIS": "rediss://store:6379/0", "REDIS_CA_FILE": "/nowhere"})
    with pytest.raises(SettingsError, match="TIDEGATE_REDIS_CA_FILE: /nowhere: No such file"):
        settings.store  # noqa: B018


def test_a_password_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    env = {"KAFKA_SECURITY": "sasl_ssl", "KAFKA_USER": "w", "KAFKA_PASSWORD_FILE": "/nowhere"}
    with pytest.raises(SettingsError, match="TIDEGATE_KAFKA_PASSWORD_FILE: /nowhere: No such file"):
        load(monkeypatch, env).brokers  # noqa: B018
