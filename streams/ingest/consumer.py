"""An aiokafka consumer as an ingest needs it, and what aiokafka keeps to itself: heartbeats, and a name that is taken.

Two workers under one name would throw each other out for ever, since each that is thrown out joins again: the one that
was there first ends.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from tidegate.streams.errors import NameTaken
from tidegate.streams.ingest.batches import IngestLimits
from tidegate.streams.kafka.client import Kafka, connect
from tidegate.streams.kafka.consumer import CheckedConsumer
from tidegate.streams.tasks import exit_refused

log = logging.getLogger(__name__)

# Of Kafka's protocol. A member that the group does not know; a name whose member is another by now.
_UNKNOWN_MEMBER, _FENCED_NAME = 25, 82
_OFFSET_COMMIT, _JOIN_GROUP = 8, 11
_NAMES_SINCE = 5  # version of JoinGroup


def make(kafka: Kafka | str, group: str, limits: IngestLimits) -> Consumer:
    """A consumer of that group, not started. It commits nothing by itself."""
    session_ms = int(limits.session_timeout_s * 1000)
    return Consumer(
        Membership(group, limits),
        **connect(kafka),
        group_id=group,
        group_instance_id=limits.group_instance,
        partition_assignment_strategy=(_sticky(),),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=session_ms,
        heartbeat_interval_ms=int(limits.heartbeat_s * 1000),
        rebalance_timeout_ms=max(60_000, session_ms),
        max_poll_interval_ms=600_000,
        fetch_max_wait_ms=50,
        max_partition_fetch_bytes=2 << 20,
        fetch_max_bytes=16 << 20,
        request_timeout_ms=max(40_000, session_ms + 5_000),
    )


def _sticky() -> type[StickyPartitionAssignor]:
    """aiokafka's sticky assignor, one for each consumer: it keeps what a consumer had in its class.

    Its name in the group is that of the default, which workers had before: so both can be in one group during an
    upgrade. What a member had travels in a field that the default leaves empty and does not read.
    """
    return type("Sticky", (StickyPartitionAssignor,), {"name": "roundrobin"})


class Membership:
    """What the group's coordinator answers one consumer, as it comes."""

    def __init__(self, group: str, limits: IngestLimits) -> None:
        self._group, self._name, self._session_s = group, limits.group_instance, limits.session_timeout_s
        self._answered_at = float("-inf")
        self._names_known = True

    def watch(self, coordinator: Any) -> None:
        """From now on, before the first join."""
        heartbeat, send = coordinator._do_heartbeat, coordinator._send_req

        async def watched_heartbeat() -> bool:
            asked = time.monotonic()  # its answer may have waited in the socket of a process that was frozen
            ok: bool = await heartbeat()
            if ok:
                self._answered_at = max(self._answered_at, asked)
            return ok

        async def watched_send(request: Any) -> Any:
            response = await send(request)
            if self._name is not None:
                self._look(response, self._name)
            return response

        coordinator._do_heartbeat, coordinator._send_req = watched_heartbeat, watched_send

    def answered(self) -> None:
        """Says that the group knows us now."""
        self._answered_at = time.monotonic()

    def alive(self) -> bool:
        """Whether the group can not yet have given our partitions away for our silence."""
        return time.monotonic() - self._answered_at < self._session_s

    def _look(self, response: Any, name: str) -> None:
        if response.API_KEY == _JOIN_GROUP and response.API_VERSION < _NAMES_SINCE and self._names_known:
            self._names_known = False
            log.warning(
                "%s: this broker knows no names of members; TIDEGATE_GROUP_INSTANCE=%s changes nothing here",
                self._group,
                name,
            )
        if response.API_KEY == _OFFSET_COMMIT:
            codes = {code for _, partitions in response.topics for _, code in partitions}
        else:
            codes = {getattr(response, "error_code", 0)}
        # A member that was silent for too long is unknown too, under whatever name: it joins again.
        if _FENCED_NAME in codes or (_UNKNOWN_MEMBER in codes and self.alive()):
            exit_refused(
                NameTaken(
                    f"{self._group}: another worker joined as {name}, or somebody removed that member; expected a "
                    "TIDEGATE_GROUP_INSTANCE of its own for each worker; this one, which was there before, ends"
                )
            )


class Consumer(CheckedConsumer):
    """aiokafka's, whose coordinator is watched from its making: `start` makes it and joins at once."""

    def __init__(self, membership: Membership, **options: Any) -> None:
        self.membership = membership
        super().__init__(**options)

    @property
    def _coordinator(self) -> Any:
        return self._watched

    @_coordinator.setter
    def _coordinator(self, coordinator: Any) -> None:
        self._watched = coordinator
        if coordinator is not None:
            self.membership.watch(coordinator)
