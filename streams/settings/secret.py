"""A secret of the settings: from its variable, or from the file that another names. Never from a flag."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from tidegate.streams.errors import SettingsError


def read(setting: str, given: SecretStr | None, file: Path | None, least_bytes: int = 1) -> bytes | None:
    """Returns the secret; None where neither is set. A final newline of the file is not part of it.

    setting: the variable's name; the file's is that and _FILE. Raises SettingsError where the file cannot be read, or
    holds too little.
    """
    if given is not None:
        return given.get_secret_value().encode()
    if file is None:
        return None
    try:
        secret = file.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise SettingsError(f"{setting}_FILE: {file}: {error.strerror}; expected a readable file") from None
    if len(secret) < least_bytes:
        raise SettingsError(f"{setting}_FILE: {file} holds {len(secret)} bytes; expected {least_bytes} or more")
    return secret


def read_text(setting: str, given: SecretStr | None, file: Path | None, least_bytes: int = 1) -> str | None:
    """As `read`, as text. Raises SettingsError also where the file is not UTF-8."""
    secret = read(setting, given, file, least_bytes)
    try:
        return None if secret is None else secret.decode()
    except UnicodeDecodeError:
        raise SettingsError(f"{setting}_FILE: {file}: not UTF-8; expected a password in UTF-8") from None
