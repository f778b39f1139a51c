"""The file of API keys: read whole, and replaced whole, so that who reads it meanwhile sees the old or the new one.

It holds hashes, never a secret. Messages name the place of what is wrong, and never a value.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tidegate.streams.api_keys.key import ApiKey
from tidegate.streams.errors import KeysUnusable

MAX_BYTES = 8 * 2**20  # some ten thousands of keys
WRITABLE_BY_OTHERS = 0o022  # group and world: who may write here may give themselves a key


class KeysFile(BaseModel):
    """What the file holds, as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    schema_version: Literal[1] = 1
    keys: tuple[ApiKey, ...]


def read_bytes(file: Path) -> bytes:
    """Returns the file's bytes. Raises KeysUnusable."""
    try:
        with file.open("rb") as opened:
            found = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise KeysUnusable(f"{file}: {error.strerror}; expected a file that `tidegate keys add` wrote") from None
    if len(found) > MAX_BYTES:
        raise KeysUnusable(f"{file}: over {MAX_BYTES} bytes; expected a file that `tidegate keys add` wrote")
    return found


def parse_keys(found: bytes, file: Path) -> tuple[ApiKey, ...]:
    """Returns the keys in a file's bytes. Raises KeysUnusable."""
    try:
        keys = KeysFile.model_validate_json(found).keys
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "value"
        # Of broken JSON the message has a place, of a field what was expected: neither has a value.
        expected = first["msg"].removeprefix("Input should be ")
        raise KeysUnusable(f"{file}: {where}: {expected}; expected a file of API keys") from None
    for field in ("id", "name"):
        values = [getattr(key, field) for key in keys]
        if len(set(values)) < len(values):
            raise KeysUnusable(f"{file}: two keys have one {field}; expected a file of API keys")
    return keys


def read_keys(file: Path) -> tuple[ApiKey, ...]:
    """Returns the keys of a file, in the order in which they were added. Raises KeysUnusable."""
    return parse_keys(read_bytes(file), file)


def is_writable_by_others(file: Path) -> bool:
    """Whether others than the file's owner may write it; False where that cannot be told."""
    try:
        return bool(file.stat().st_mode & WRITABLE_BY_OTHERS)
    except OSError:
        return False


def change_keys(file: Path, change: Callable[[tuple[ApiKey, ...]], Sequence[ApiKey]]) -> None:
    """Replaces the keys by what `change` returns for them; a file that is not there holds none. One change at a time.

    The new file has the mode 0600 and the owner of the old one. Raises KeysUnusable, and what `change` raises: then
    nothing is changed.
    """
    target = file.resolve()  # of a link the file that it leads to is replaced
    try:
        with _locked(target.parent):
            keys = read_keys(target) if target.exists() else ()
            _replace(target, KeysFile(keys=tuple(change(keys))).model_dump_json(indent=1).encode() + b"\n")
    except OSError as error:
        raise KeysUnusable(f"{file}: {error.strerror}; expected a file in a folder that can be written") from None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds the folder's lock: the file's own would be of the file that is replaced."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _replace(target: Path, content: bytes) -> None:
    opened, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")  # its mode is 0600
    try:
        with open(opened, "wb") as out:
            out.write(content)
            if target.exists() and (old := target.stat()).st_uid != os.getuid():
                os.chown(out.fileno(), old.st_uid, old.st_gid)  # root adds a key: who serves must still read it
            out.flush()
            os.fsync(out.fileno())
        os.replace(name, target)
    except BaseException:  # an interrupt too: a file that is not in place yet is left behind by nothing
        with suppress(OSError):
            os.unlink(name)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
