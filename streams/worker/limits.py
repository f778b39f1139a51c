"""What the settings allow, in the units of the code that obeys them: an ingest's limits, and a dead letter's bytes."""

from __future__ import annotations

from tidegate.streams.ingest.batches import IngestLimits
from tidegate.streams.settings.settings import Settings

LETTER_BYTES = 4096  # of a dead letter beside the input bytes in it, at the most


def ingest_limits(s: Settings) -> IngestLimits:
    """Returns the limits of one topic's ingest. inflight_batches: two more than are scored in parallel."""
    return IngestLimits(
        batch_events=s.batch_events,
        inflight_batches=s.concurrency + 2,
        inflight_events=s.inflight_events,
        inflight_bytes=s.inflight_bytes,
        session_timeout_s=s.session_timeout_s,
        heartbeat_s=s.heartbeat_s,
        commit_interval_s=s.commit_interval_s,
        skip_unreadable=s.unreadable_batch == "skip",
        unreadable_tries=s.unreadable_tries,
        unreadable_s=s.unreadable_minutes * 60,
        group_instance=s.group_instance or None,
    )


def dead_letter_input_bytes(s: Settings) -> int:
    """Returns the most bytes of its input that a dead letter carries; 0 where the setting says none."""
    return (s.max_record_bytes - LETTER_BYTES) * 3 // 4 if s.dead_letter_bytes else 0  # base64 adds a third
