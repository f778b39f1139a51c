"""Pseudonyms of users, conversations and records: HMACs that only the holder of the key can compute again."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from tidegate.streams.core.fields import shortened


@dataclass(frozen=True)
class UserKey:
    """The key of the HMACs of users, conversations and records; never logged, never stored."""

    secret: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """8 hex digits that tell two keys apart and give neither away."""
        return hmac.digest(self.secret, b"tidegate fingerprint", "sha256").hex()[:8]

    def hash(self, tenant: str, name: str) -> str:
        """Returns 32 hex digits for a user (or conversation) of a tenant: the same name under two tenants is two users.

        One of over 256 characters is hashed as it is read from a record: shortened.
        """
        return hmac.digest(
            self.secret, f"{tenant}\0{shortened(name)}".encode("utf-8", "surrogatepass"), "sha256"
        ).hex()[:32]

    def record(self, value: bytes) -> str | None:
        """Returns 32 hex digits of a record's value, by which the holder of the key recognises it; None without a key.

        Without a key a short text could be guessed. It never equals a user's hash: no tenant begins with NUL.
        """
        return hmac.digest(self.secret, b"\0record\0" + value, "sha256").hex()[:32] if self.secret else None

    def text(self, tenant: str, text: str) -> str:
        """Returns what stands for a text that is not kept: `text-` and 32 hex digits, the same for the same text.

        It never equals a user's or a record's hash: what is hashed begins otherwise.
        """
        value = f"\0text\0{tenant}\0{text}".encode("utf-8", "surrogatepass")
        return "text-" + hmac.digest(self.secret, value, "sha256").hex()[:32]
