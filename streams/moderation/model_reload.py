"""Reloads the model without a restart: polls the manifest, and loads what it names beside the model in force.

All that a start would refuse is refused here too, and the model in force stays: files that are not the registered
ones, golden texts that score otherwise, a label of the live policy that the model does not give.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tidegate.classifiers import DEFAULT_MANIFEST, ClassifierError, Scorer, require_labels
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.errors import SettingsError
from tidegate.streams.moderation.scorer import LiveScorer

log = logging.getLogger(__name__)


class ManifestState(NamedTuple):
    """A manifest as it was read: its file status, which changes when it is written, and its hash."""

    stat: tuple[int, int, int]  # mtime in ns, bytes, inode
    sha256: str


def read_manifest_state(manifest: Path, before: ManifestState | None = None) -> ManifestState | None:
    """Returns the manifest's state, read again only if it was written since `before`. None if it cannot be read."""
    try:
        status = manifest.stat()
        stat = (status.st_mtime_ns, status.st_size, status.st_ino)
        if before is not None and before.stat == stat:
            return before
        return ManifestState(stat, hashlib.sha256(manifest.read_bytes()).hexdigest())
    except OSError:
        return None


class ModelReloader:
    """Holds the scorer in force, and replaces it when the manifest changes.

    manifest: None, and it is the one that Tidegate carries. changed: called with the version that decisions record from
    now on. refused: called where a model was not taken.
    """

    def __init__(
        self,
        manifest: Path | None,
        load: Callable[[], Scorer],
        changed: Callable[[str], None],
        refused: Callable[[], None],
    ) -> None:
        """Loads the first model. Raises what `load` raises."""
        self._manifest, self._load, self._refused = manifest or DEFAULT_MANIFEST, load, refused
        self._seen = read_manifest_state(self._manifest)  # before the load: the first poll sees a change during it
        self._in_force = self._seen.sha256 if self._seen else ""  # of the manifest that the scorer was loaded by
        self.scorer = LiveScorer(load(), changed)

    async def run(self, live: Callable[[], LivePolicy], stopping: asyncio.Event, poll_s: float) -> None:
        """Polls every `poll_s` until `stopping` is set. Never where that is 0."""
        while poll_s and not stopping.is_set():
            await self.check(live)
            try:
                await asyncio.wait_for(stopping.wait(), poll_s)
            except TimeoutError:
                continue

    async def check(self, live: Callable[[], LivePolicy]) -> None:
        """Swaps the model where the manifest was written since the last poll and differs from the one in force.

        The next batch is scored by the new model; batches in flight end with the one that they began with. A refused
        change is logged once, and tried again when the manifest is written again, also with the same content.
        """
        before, self._seen = self._seen, await asyncio.to_thread(read_manifest_state, self._manifest, self._seen)
        if self._seen == before or (self._seen is not None and self._seen.sha256 == self._in_force):
            return
        old = self.scorer.loaded
        try:
            new = await asyncio.to_thread(self._load)
            require_labels(live().labels, new, f"policy {live().version}")
        except (ClassifierError, SettingsError) as error:
            return self._refuse(str(error).replace("\n", "; "), old)
        except Exception as error:  # noqa: BLE001 - whatever the runtime raises on a file, the model in force stays
            return self._refuse(f"{self._manifest}: {type(error).__name__} while it was loaded", old)
        self._in_force = self._seen.sha256 if self._seen else ""
        if new.version != old.version:
            self.scorer.loaded = new
            self.scorer.under(live())
            log.info("model %s is in force, %s was before", new.version, old.version)

    def _refuse(self, why: str, old: Scorer) -> None:
        self._refused()
        log.error("model not swapped: %s; %s stays in force", why, old.version)
