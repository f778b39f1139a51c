"""What workers kept of the `policies` log, for commands: where the log lost its beginning, they begin there too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tidegate.streams.core.policy.log import Verdict
from tidegate.streams.core.policy.snapshot import FoldStart
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.store.redis import RedisStore

if TYPE_CHECKING:
    from tidegate.streams.cli.policy.log import Entry
    from tidegate.streams.policy_log.reader import PolicyLogReader
    from tidegate.streams.settings.settings import Settings

ANSWER_S = 2.0  # a whole log needs no Redis: a command must not wait long for one


class Recall:
    """Asks Redis. Where that is unavailable the log is read alone, and `needed` says whether that will do."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._unavailable: StoreUnavailable | None = None

    async def __call__(self) -> str | None:
        store = RedisStore(self._settings.store, self._settings.namespace, ANSWER_S)
        try:
            return await store.load_policies()
        except StoreUnavailable as error:
            self._unavailable = error
            return None
        finally:
            await store.close()

    def needed(self, policies: PolicyLogReader) -> None:
        """Raises StoreUnavailable where Redis is unavailable and the log by itself makes no policy: one may be kept there."""
        if self._unavailable is not None and policies.log.live is None:
            unavailable = str(self._unavailable).removesuffix("; waiting for it")
            raise StoreUnavailable(
                f"{unavailable}; the policies log names no policy by itself, and one may be kept there"
            )


def entries(begun: FoldStart) -> Iterator[Entry]:
    """The policy and the shadow that stand as they were kept, as if the log still held who made them."""
    from tidegate.streams.cli.policy.log import Entry

    live = begun.snapshot.log.live
    for made, verdict in ((live, Verdict.APPLIED), (live.shadow if live else None, Verdict.SHADOWED)):
        if made is not None:
            yield Entry(
                offset=int(made.version.partition("-")[0]),
                verdict=verdict,
                why="",
                made=made,
                kind="policy" if verdict is Verdict.APPLIED else "shadow",
                parent=None,
                author="-",
                reason="kept in Redis; the log lost the record of it",
                at_ms=0,
            )
