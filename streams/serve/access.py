"""Who may call `serve`: the keys of a file, which it follows while it runs; without one, everybody on this machine."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from tidegate.streams.api_keys.file import is_writable_by_others, parse_keys, read_bytes
from tidegate.streams.errors import KeysUnusable, SettingsError
from tidegate.streams.http.authenticators import Authenticator, KeyAccess, OpenAccess
from tidegate.streams.serve.metrics import ServeMetrics
from tidegate.streams.tasks import Tasks, waiting_for

POLL_S = 1.0  # between two looks at the file
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_SETTING = "TIDEGATE_SERVE_KEYS_FILE"

log = logging.getLogger(__name__)


class Access:
    """authenticator: of the server. hosts: what its Host header may name; None is any, since a key keeps pages out.

    A file that cannot be read changes nothing: the last good keys stay in force, the log says so, and so does a metric.
    """

    def __init__(self, file: Path | None, host: str, metrics: ServeMetrics) -> None:
        """Reads the file. Raises SettingsError where it cannot be used: at a start there are no last good keys."""
        self._file, self._metrics = file, metrics
        self._tasks, self._stopping = Tasks(), asyncio.Event()
        self._read = b""
        self._wrong = ""  # what is wrong with the file, logged once
        self.authenticator: Authenticator
        self.hosts: frozenset[str] | None
        if file is None:
            self._keys = None
            self.authenticator, self.hosts = OpenAccess(), LOOPBACK_NAMES | {host.lower()}
            return
        self._keys = KeyAccess(())
        self.authenticator, self.hosts = self._keys, None
        try:
            self._put_in_force(read_bytes(file))
        except KeysUnusable as error:
            raise SettingsError(f"{_SETTING}: {error}") from None

    @property
    def keyed(self) -> bool:
        """Whether a call needs a key."""
        return self._keys is not None

    def start(self) -> None:
        """Says who may call, and follows the file until `stop`."""
        if self._file is None:
            log.info("no file of keys is set: everybody on this machine may call, and a key that is sent is ignored")
        else:
            self._tasks.spawn(self._follow(self._file))

    async def stop(self) -> None:
        self._stopping.set()
        await self._tasks.finish(POLL_S)

    async def _follow(self, file: Path) -> None:
        wait = waiting_for(self._stopping)
        while not self._stopping.is_set():
            await wait(POLL_S)
            try:
                found = await asyncio.to_thread(read_bytes, file)
                if found != self._read or self._wrong:
                    self._put_in_force(found)
            except KeysUnusable as error:
                if self._wrong != str(error):
                    log.error("%s: %s; the last good keys stay in force", _SETTING, error)
                self._wrong = str(error)
                self._metrics.keys_unusable.set(1)

    def _put_in_force(self, found: bytes) -> None:
        assert self._file is not None  # noqa: S101 - for the type checker
        assert self._keys is not None  # noqa: S101 - likewise
        keys = parse_keys(found, self._file)
        self._keys.replace(keys)
        self._read, self._wrong = found, ""
        self._metrics.keys.set(len(keys))
        self._metrics.keys_unusable.set(0)
        log.info("%d API keys are in force", len(keys))
        if not keys:
            log.warning("%s: %s holds no key: nobody may call", _SETTING, self._file)
        if is_writable_by_others(self._file):
            log.warning("%s: %s can be written by others than its owner; expected mode 0600", _SETTING, self._file)
