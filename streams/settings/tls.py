"""TLS to Kafka and to Redis: the trusted certificates, and ours where the server asks for one."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from tidegate.streams.errors import SettingsError


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The PEM files of one connection."""

    ca: Path | None  # None: the machine's own authorities
    certificate: Path | None
    key: Path | None  # without a passphrase: its file mode is what guards it


def tls_context(setting: str, files: TlsFiles) -> ssl.SSLContext:
    """Returns a context that verifies the server's certificate and its name; nothing turns that off.

    setting: the prefix of the three settings. Raises SettingsError where a file cannot be read or used.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    if files.ca is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts only these
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _load(f"{setting}_CA_FILE", files.ca, "certificates in PEM", lambda: context.load_verify_locations(files.ca))
    if files.certificate is not None and files.key is not None:
        _open(f"{setting}_KEY_FILE", files.key)
        certificate, key = files.certificate, files.key
        _load(
            f"{setting}_CERT_FILE",
            certificate,
            f"a certificate in PEM that belongs to the key of {setting}_KEY_FILE, a key without a passphrase",
            lambda: context.load_cert_chain(certificate, key, password=_no_passphrase),
        )
    return context


def _load(setting: str, path: Path, expected: str, load: object) -> None:
    _open(setting, path)
    try:
        load()  # type: ignore[operator]
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or "not readable"
        raise SettingsError(f"{setting}: {path}: {reason}; expected {expected}") from None


def _open(setting: str, path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise SettingsError(f"{setting}: {path}: {error.strerror}; expected a readable file") from None


def _no_passphrase() -> str:
    """Called where the key has a passphrase: without this, OpenSSL prompts at the terminal, and a worker hangs."""
    raise ValueError("the key has a passphrase")
