"""API keys of `tidegate serve`: added, listed, revoked, in their file. A running `serve` follows it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tidegate.streams.api_keys.file import change_keys, read_keys
from tidegate.streams.api_keys.key import KEY_NAME, KEY_NAME_EXPECTED, ApiKey, digest_of, new_id, new_secret
from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.errors import RequestInvalid, RequestRefused

_EXPECTED = {
    "tenant": "1 to 200 characters, without | and control characters",
    "requests_per_s": "a number over 0",
    "characters_per_s": "a number over 0",
}


@dataclass(frozen=True, slots=True)
class AddedKey:
    """A new key, and its secret: nobody can show it again."""

    key: ApiKey
    secret: str = field(repr=False)


def add_key(
    file: Path,
    name: str,
    tenant: str,
    now_ms: int,
    *,
    rights: Collection[KeyRight] = (KeyRight.MODERATE,),
    requests_per_s: float | None = None,
    characters_per_s: float | None = None,
) -> AddedKey:
    """Returns the new key, which is in the file then. The file is made where it is not there.

    Raises RequestInvalid, RequestRefused (the name is taken), KeysUnusable; then the file is as it was.
    """
    if not re.fullmatch(KEY_NAME, name):
        raise RequestInvalid(f"NAME: found another name; expected {KEY_NAME_EXPECTED}; nothing added")
    added: list[AddedKey] = []

    def add(keys: tuple[ApiKey, ...]) -> Sequence[ApiKey]:
        if any(key.name == name for key in keys):
            raise RequestRefused(f"{name}: there is a key of this name; expected another name; nothing added")
        id = new_id()
        while any(key.id == id for key in keys):
            id = new_id()
        secret = new_secret(id)
        fields = {"id": id, "name": name, "tenant": tenant, "rights": frozenset(rights), "created_ms": now_ms}
        limits = {"requests_per_s": requests_per_s, "characters_per_s": characters_per_s}
        key = ApiKey.model_validate(fields | limits | {"sha256": digest_of(secret).hex()})
        added.append(AddedKey(key, secret))
        return [*keys, key]

    try:
        change_keys(file, add)
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0])
        raise RequestInvalid(f"{field}: found another value; expected {_EXPECTED[field]}; nothing added") from None
    return added[-1]


def list_keys(file: Path) -> tuple[ApiKey, ...]:
    """Returns the keys in force, in the order in which they were added. Raises KeysUnusable."""
    return read_keys(file)


def find_key(file: Path, name_or_id: str) -> ApiKey:
    """Returns the key of that name or id. Raises RequestRefused where there is none, and KeysUnusable."""
    for key in read_keys(file):
        if name_or_id in (key.name, key.id):
            return key
    raise RequestRefused("KEY: there is no key of this name or id; `tidegate keys list` has all; nothing revoked")


def revoke_key(file: Path, id: str) -> None:
    """Takes a key out of the file. Raises RequestRefused where it is not there any more, and KeysUnusable."""

    def revoke(keys: tuple[ApiKey, ...]) -> Sequence[ApiKey]:
        left = [key for key in keys if key.id != id]
        if len(left) == len(keys):
            raise RequestRefused(f"{id}: there is no key of this id any more; nothing revoked")
        return left

    change_keys(file, revoke)


def key_as_json(key: ApiKey) -> dict[str, Any]:
    """Returns a key as a JSON object: all but the hash."""
    return key.model_dump(mode="json", exclude={"sha256"}) | {"rights": sorted(key.rights)}
