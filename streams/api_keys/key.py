"""An API key: whose it is, what it may do and how much of it. What is kept is the hash of its secret.

A secret is 256 random bits, so a plain SHA-256 is enough: nobody can try that many, and a slow hash (bcrypt, argon2),
which protects passwords that people choose, would only make each request slow.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.core.fields import Name

PREFIX = "tdg_"  # what scanners of repositories look for: tdg_[0-9a-f]{8}_[0-9a-f]{64}
_ID_BYTES, _SECRET_BYTES = 4, 32
_SECRET = re.compile(r"tdg_([0-9a-f]{8})_[0-9a-f]{64}")
KEY_NAME = r"^(?![0-9a-f]{8}$)[a-z0-9][a-z0-9._-]{0,63}$"  # none is like an id: `revoke` takes either
KEY_NAME_EXPECTED = "a-z 0-9 . _ -, at most 64, and not 8 hex digits"

PerSecond = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]


class ApiKey(BaseModel):
    """One key, without its secret. id: public, a part of the secret. sha256: of the whole secret, in hex.

    tenant: of all that the key sends; with the right any_tenant, of what names none. requests_per_s, characters_per_s:
    for each process of `serve`; None is no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: str = Field(pattern=r"^[0-9a-f]{8}$")
    name: str = Field(pattern=KEY_NAME.replace("(?![0-9a-f]{8}$)", ""))
    tenant: Name
    rights: frozenset[KeyRight]
    requests_per_s: PerSecond | None = None
    characters_per_s: PerSecond | None = None
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    created_ms: int = Field(ge=0)

    @property
    def digest(self) -> bytes:
        return bytes.fromhex(self.sha256)


def new_id() -> str:
    """Returns a random id; whether it is taken is for the caller to see."""
    return secrets.token_hex(_ID_BYTES)


def new_secret(id: str) -> str:
    """Returns a new secret for a key of that id."""
    return f"{PREFIX}{id}_{secrets.token_hex(_SECRET_BYTES)}"


def id_in(secret: str) -> str:
    """Returns the id in what somebody sent as a key; "" where it has not the form of one."""
    found = _SECRET.fullmatch(secret)
    return found[1] if found else ""


def digest_of(secret: str) -> bytes:
    """Returns the SHA-256 of what somebody sent as a key, whatever it is."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
