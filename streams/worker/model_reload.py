"""Another model without a restart: the manifest is watched, and what it names is loaded beside the model in force.

Everything that a start would refuse is refused here too, and then nothing changes: files that are not the registered
ones, golden texts that score otherwise, a label of the live policy that the model does not give.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tidegate.classifiers import ClassifierError, Scorer, require_labels
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.errors import SettingsError
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.scorer import LiveScorer

log = logging.getLogger(__name__)


class ManifestState(NamedTuple):
    """A manifest as it was seen: what changes when it is written, and what it says."""

    stat: tuple[int, int, int]  # mtime in ns, bytes, inode
    sha256: str


def manifest_state(manifest: Path, before: ManifestState | None = None) -> ManifestState | None:
    """The manifest as it is now; read only where it was written since `before`. None where it cannot be read."""
    try:
        found = manifest.stat()
        stat = (found.st_mtime_ns, found.st_size, found.st_ino)
        if before is not None and before.stat == stat:
            return before
        return ManifestState(stat, hashlib.sha256(manifest.read_bytes()).hexdigest())
    except OSError:
        return None


class ModelReloader:
    """The scorer in force, and what replaces it where the manifest changed."""

    def __init__(self, manifest: Path, load: Callable[[], Scorer], metrics: Metrics) -> None:
        """Loads the first one. Raises what `load` raises."""
        self._manifest, self._load, self._metrics = manifest, load, metrics
        self._seen = manifest_state(manifest)  # before it is loaded: what changes meanwhile is seen by the first look
        self._in_force = self._seen.sha256 if self._seen else ""  # of the manifest that the scorer was loaded by
        self.scorer = LiveScorer(load(), metrics.model_is)

    async def run(self, live: Callable[[], LivePolicy], stopping: asyncio.Event, poll_s: float) -> None:
        """Looks every `poll_s` until it is time to stop. Never where that is 0."""
        while poll_s and not stopping.is_set():
            await self.check(live)
            try:
                await asyncio.wait_for(stopping.wait(), poll_s)
            except TimeoutError:
                continue

    async def check(self, live: Callable[[], LivePolicy]) -> None:
        """Swaps where the manifest was written since the last look and says something else than the one in force.

        The next batch is scored by the new one; batches in flight end with the one that they began with. A change
        that is refused is said once; it is tried again when the manifest is written again, also with the same content.
        """
        before, self._seen = self._seen, await asyncio.to_thread(manifest_state, self._manifest, self._seen)
        if self._seen == before or (self._seen is not None and self._seen.sha256 == self._in_force):
            return
        old = self.scorer.loaded
        try:
            new = await asyncio.to_thread(self._load)
            require_labels(live().labels, new, f"policy {live().version}")
        except (ClassifierError, SettingsError) as error:
            return self._refuse(str(error).replace("\n", "; "), old)
        except Exception as error:  # noqa: BLE001 - whatever a file makes the runtime raise, the model in force stays
            return self._refuse(f"{self._manifest}: {type(error).__name__} while it was loaded", old)
        self._in_force = self._seen.sha256 if self._seen else ""
        if new.version != old.version:
            self.scorer.loaded = new
            self.scorer.under(live())
            log.info("model %s is in force, %s was before", new.version, old.version)

    def _refuse(self, why: str, old: Scorer) -> None:
        self._metrics.models_refused.inc()
        log.error("model not swapped: %s; %s stays in force", why, old.version)
