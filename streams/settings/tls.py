"""TLS to Kafka and to Redis: whose certificates are believed, and ours where the server asks for one."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from tidegate.streams.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Files:
    """What one connection is made of; all of it PEM."""

    ca: Path | None  # None: the machine's own authorities
    certificate: Path | None
    key: Path | None  # without a passphrase: its file mode is what guards it


def context(setting: str, files: Files) -> ssl.SSLContext:
    """Which verifies the server's certificate and its name; there is no way to turn that off.

    setting: what the names of the three settings begin with. Raises SettingsError where a file cannot be read or used.
    """
    made = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    if files.ca is not None:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # believes nobody but these
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        _load(f"{setting}_CA_FILE", files.ca, "certificates in PEM", lambda: made.load_verify_locations(files.ca))
    if files.certificate is not None and files.key is not None:
        _open(f"{setting}_KEY_FILE", files.key)
        certificate, key = files.certificate, files.key
        _load(
            f"{setting}_CERT_FILE",
            certificate,
            f"a certificate in PEM that belongs to the key of {setting}_KEY_FILE, a key without a passphrase",
            lambda: made.load_cert_chain(certificate, key, password=_no_passphrase),
        )
    return made


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
    """Asked for where the key has one: without this, OpenSSL asks at the terminal, and a worker hangs."""
    raise ValueError("the key has a passphrase")
