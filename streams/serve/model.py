"""The model of `tidegate serve`: that of the settings, replaced without a restart when its manifest changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.local import moderator_of, read_live
from tidegate.streams.moderation.model_reload import ModelReloader
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.scorer import load_scorer
from tidegate.streams.serve.metrics import ServeMetrics
from tidegate.streams.settings.settings import Settings
from tidegate.streams.tasks import Tasks


class ServedModel:
    """Loads the moderator of a process, then follows the manifest. timeout_s: of a batch of texts."""

    def __init__(self, settings: Settings, metrics: ServeMetrics, timeout_s: float) -> None:
        self._settings, self._metrics, self._timeout_s = settings, metrics, timeout_s
        self._reloader: ModelReloader | None = None
        self._stopping, self._tasks = asyncio.Event(), Tasks()

    def load(self) -> Moderator:
        """Returns the moderator: beside Kafka without a policy, else under that of the file.

        Raises SettingsError, PolicyError, MissingLabelError.
        """
        s = self._settings
        live, where = (None, "") if s.has_kafka else read_live(s.policy_file)
        self._reloader = ModelReloader(
            s.classifier_manifest,
            lambda: load_scorer(s.classifier, s.classifier_manifest, s.score_threads),
            self._metrics.set_model,
            self._metrics.models_refused.inc,
        )
        return moderator_of(self._reloader.scorer, s.score_threads, self._timeout_s, live, where)

    def follow(self, live: Callable[[], LivePolicy]) -> None:
        """Looks at the manifest from now on. A model that lacks a label of the live policy is refused."""
        if self._reloader is not None and ":" not in self._settings.classifier:  # a custom scorer has no manifest
            self._tasks.spawn(self._reloader.run(live, self._stopping, self._settings.model_poll_s))

    async def stop(self) -> None:
        self._stopping.set()
        await self._tasks.finish(within_s=0)
