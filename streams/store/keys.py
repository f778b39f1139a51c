"""Every Redis key that Tidegate writes. The braces are hash tags: one Redis Cluster slot for each partition.

| key | type | what | size | expiry |
| --- | --- | --- | --- | --- |
| `ns:{topic-p}:checkpoint` | hash | next offset, marker, owner, progress | up to 18 fields | never |
| `ns:{topic-p}:totals` | hash | counter -> n | up to 6 fields | never |
| `ns:{topic-p}:touch` | hash | bucket start -> epoch:end of its last write | a field a live bucket | with its bucket |
| `ns:{topic-p}:b:<start>` | hash | series -> n | live scopes x counters seen | `keep_ms` after its last write |
| `ns:{topic-p}:u:<start>:<series>` | HyperLogLog | hashed users among the hits | at most 12 kB | as its bucket |
| `ns:{topic-p}:u:merged` | HyperLogLog | a partition's users over a window, for one count | 12 kB | at once |
| `ns:{topic-p}:strikes:<tenant:hash>` | string | sum, its time, last undo | 180 bytes | 8 d after it is negligible |
| `ns:{topic-p}:outbox` | list | crossings not published yet | 200 bytes each | once published |
| `ns:{topic-p}:copy:<origin>` | string | hash and offset of its decided copy | 30 bytes | 7 d: COPY_MS |
| `ns:{ruler}:lease` | hash | worker, epoch, until_ms of the ruler's lease | 3 fields | never |
| `ns:{ruler}:alerts` | hash | fingerprint -> alert state | a field a live alert | an hour after it resolved |
| `ns:{ruler}:users:<n>` | HyperLogLog | a copy of a partition's sketch, for one count | 12 kB | 10 s |
| `ns:{scopes}:<kind>` | hash | live scope name -> last seen, ms | at most live_scopes | quiet names are removed |
| `ns:policies` | hash | snapshot of the `policies` log, next offset | some kB | never |
| `ns:workers` | hash | worker -> time and status | a field a worker | old ones are removed |
| `ns:meta` | hash | fingerprint of the user key | 1 field | never |

No expiry depends on an event's time. `longest_ms` returns the longest that a key may have, and tests hold Redis to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.tables import LONGEST_WINDOW_S
from tidegate.streams.core.times import AHEAD_MS
from tidegate.streams.store import KEPT_MS

SKETCH_COPY_MS = 10_000  # a sketch that is copied for one count
# `keep_ms` of core/rates/rates.py under the widest policy: a bucket, the longest window, a day ahead.
LONGEST_KEPT_MS = (60 + LONGEST_WINDOW_S + 86_400) * 1000 + AHEAD_MS
LONGEST_STRIKES_MS = 64 * 2_592_000_000  # of half-lives of 30 days: no sum is 2^64 times what is negligible

# The retention of `dead-letters` (topics.py): for no longer than that after a copy was decided can another copy of its
# origin be sent.
COPY_MS = 7 * 86_400_000

_STRIKES = re.compile(r"[^{]*\{(?P<topic>[^}]+)-(?P<partition>\d+)\}:strikes:(?P<user>.+)")


@dataclass(frozen=True, slots=True)
class Keys:
    """Names of keys under one namespace."""

    namespace: str

    def _partition(self, partition: TopicPartition, rest: str) -> str:
        return f"{self.namespace}:{{{partition.topic}-{partition.partition}}}:{rest}"

    def checkpoint(self, partition: TopicPartition) -> str:
        return self._partition(partition, "checkpoint")

    def totals(self, partition: TopicPartition) -> str:
        return self._partition(partition, "totals")

    def touch(self, partition: TopicPartition) -> str:
        return self._partition(partition, "touch")

    def bucket(self, partition: TopicPartition, start_ms: int) -> str:
        return self._partition(partition, f"b:{start_ms}")

    def users(self, partition: TopicPartition, start_ms: int, series: str) -> str:
        return self._partition(partition, f"u:{start_ms}:{series}")

    def merged_sketch(self, partition: TopicPartition) -> str:
        return self._partition(partition, "u:merged")

    def strikes(self, partition: TopicPartition, user: str) -> str:
        return self._partition(partition, f"strikes:{user}")

    def outbox(self, partition: TopicPartition) -> str:
        return self._partition(partition, "outbox")

    def copy(self, partition: TopicPartition, origin: int) -> str:
        return self._partition(partition, f"copy:{origin}")

    def sketch_copy(self, n: int) -> str:
        return f"{self.namespace}:{{ruler}}:users:{n}"

    @property
    def lease(self) -> str:
        return f"{self.namespace}:{{ruler}}:lease"

    @property
    def alerts(self) -> str:
        return f"{self.namespace}:{{ruler}}:alerts"

    def names(self, kind: str) -> str:
        return f"{self.namespace}:{{scopes}}:{kind}"

    @property
    def policies(self) -> str:
        return f"{self.namespace}:policies"

    @property
    def workers(self) -> str:
        return f"{self.namespace}:workers"

    @property
    def meta(self) -> str:
        return f"{self.namespace}:meta"


def longest_ms(
    keys: Keys, key: str, keep_ms: int = LONGEST_KEPT_MS, strikes_ms: int = LONGEST_STRIKES_MS
) -> int | None:
    """Returns the longest expiry of a key, as the table above states it; None: it never expires.

    keep_ms: of buckets under the live policy. strikes_ms: until a user's strikes are negligible. The default of both is
    the longest that any policy can ask for. Raises LookupError if the key is not Tidegate's.
    """
    within, _, rest = key.removeprefix(keys.namespace + ":").partition(":")
    if key.startswith(f"{keys.namespace}:{{ruler}}:users:"):
        return SKETCH_COPY_MS
    if within in ("{ruler}", "{scopes}") or key in (keys.policies, keys.workers, keys.meta):
        return None
    if rest in ("checkpoint", "totals", "touch", "outbox", "u:merged"):
        return None
    if rest.startswith(("b:", "u:")):
        return keep_ms
    if rest.startswith("copy:"):
        return COPY_MS
    if parse_strikes_key(key) is not None:
        return KEPT_MS + strikes_ms
    raise LookupError(f"{key}: no key of the table in streams/store/keys.py")


def strikes_pattern(keys: Keys) -> str:
    """Returns the SCAN pattern of every key of `Keys.strikes`."""
    return f"{keys.namespace}:{{*}}:strikes:*"


def parse_strikes_key(key: str) -> tuple[TopicPartition, str] | None:
    """Returns the partition and user of a key of `Keys.strikes`; None if it is another key."""
    match = _STRIKES.fullmatch(key)
    return None if match is None else (TopicPartition(match["topic"], int(match["partition"])), match["user"])
