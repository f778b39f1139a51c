"""The group's consumer, and what aiokafka does not show: answered heartbeats, and a name that another member took.

Two workers with one group.instance.id would replace each other for ever, since each joins again. So the one that was
there first ends.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from tidegate.streams.errors import NameTaken
from tidegate.streams.ingest.batches import IngestLimits
from tidegate.streams.kafka.client import Kafka, client_options
from tidegate.streams.kafka.consumer import CheckedConsumer
from tidegate.streams.tasks import exit_refused

log = logging.getLogger(__name__)

# Kafka's error codes: a member that the group does not know; a group.instance.id that another member has by now.
_UNKNOWN_MEMBER, _FENCED_NAME = 25, 82
_OFFSET_COMMIT, _JOIN_GROUP = 8, 11
_NAMES_SINCE = 5  # the version of JoinGroup that has group.instance.id


def group_consumer(kafka: Kafka | str, group: str, limits: IngestLimits) -> Consumer:
    """Returns a consumer of that group, not started. It commits nothing by itself."""
    session_ms = int(limits.session_timeout_s * 1000)
    return Consumer(
        Membership(group, limits),
        **client_options(kafka),
        group_id=group,
        group_instance_id=limits.group_instance,
        partition_assignment_strategy=(_sticky_assignor(),),
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


def _sticky_assignor() -> type[StickyPartitionAssignor]:
    """Returns aiokafka's sticky assignor, a new class for each consumer: an assignment is stored in the class.

    Its protocol name is that of the default assignor, which workers had before: so both can be in one group during an
    upgrade. The old assignment is sent in a field that the default leaves empty and does not read.
    """
    return type("Sticky", (StickyPartitionAssignor,), {"name": "roundrobin"})


class Membership:
    """Whether the group still has this consumer as a member, by the coordinator's responses."""

    def __init__(self, group: str, limits: IngestLimits) -> None:
        self._group, self._name, self._session_s = group, limits.group_instance, limits.session_timeout_s
        self._answered_at = float("-inf")
        self._broker_has_names = True

    def watch(self, coordinator: Any) -> None:
        """Watches a coordinator's responses from now on. Call it before the first join."""
        heartbeat, send = coordinator._do_heartbeat, coordinator._send_req

        async def watched_heartbeat() -> bool:
            sent_at = time.monotonic()  # the response may have waited in the socket of a frozen process
            ok: bool = await heartbeat()
            if ok:
                self._answered_at = max(self._answered_at, sent_at)
            return ok

        async def watched_send(request: Any) -> Any:
            response = await send(request)
            if self._name is not None:
                self._check_response(response, self._name)
            return response

        coordinator._do_heartbeat, coordinator._send_req = watched_heartbeat, watched_send

    def mark_alive(self) -> None:
        """Records that we are a member now."""
        self._answered_at = time.monotonic()

    def alive(self) -> bool:
        """Returns False if the session may have expired, and the group may have given our partitions away."""
        return time.monotonic() - self._answered_at < self._session_s

    def _check_response(self, response: Any, name: str) -> None:
        if response.API_KEY == _JOIN_GROUP and response.API_VERSION < _NAMES_SINCE and self._broker_has_names:
            self._broker_has_names = False
            log.warning(
                "%s: this broker knows no names of members; TIDEGATE_GROUP_INSTANCE=%s changes nothing here",
                self._group,
                name,
            )
        if response.API_KEY == _OFFSET_COMMIT:
            codes = {code for _, partitions in response.topics for _, code in partitions}
        else:
            codes = {getattr(response, "error_code", 0)}
        # A member whose session expired is unknown too, with or without a name: it joins again.
        if _FENCED_NAME in codes or (_UNKNOWN_MEMBER in codes and self.alive()):
            exit_refused(
                NameTaken(
                    f"{self._group}: another worker joined as {name}, or somebody removed that member; expected a "
                    "TIDEGATE_GROUP_INSTANCE of its own for each worker; this one, which was there before, ends"
                )
            )


class Consumer(CheckedConsumer):
    """aiokafka's consumer, whose coordinator is watched from its creation: `start` creates it and joins at once."""

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
