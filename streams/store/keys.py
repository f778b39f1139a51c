"""Every Redis key Tidegate writes, in one place. The braces are hash tags: one Redis Cluster slot a partition.

| key | type | what | size | expiry |
| --- | --- | --- | --- | --- |
| `ns:{topic-p}:checkpoint` | hash | next offset, last record, owner, progress | 20 fields | never |
| `ns:{topic-p}:totals` | hash | counter -> n for ever | 9 fields | never |
| `ns:{topic-p}:touch` | hash | bucket start -> record range that wrote it | a field a live bucket | with its bucket |
| `ns:{topic-p}:b:<start>` | hash | series -> n | live scopes x counters seen | `keep_ms` after its last write |
| `ns:{topic-p}:u:<start>:<series>` | HyperLogLog | hashed users among the hits | 12 kB at the most | as its bucket |
| `ns:{topic-p}:u:merged` | HyperLogLog | a partition's users over a window, while counted | 12 kB | at once |
| `ns:{topic-p}:strikes:<tenant:hash>` | string | their sum, and when it was that | 180 bytes | 8 d after it is 0 |
| `ns:{topic-p}:outbox` | list | crossings to be published | 200 bytes each | once published |
| `ns:{topic-p}:copy:<origin>` | string | hash and offset of its copy that was decided | 30 bytes | 7 d: COPY_MS |
| `ns:{ruler}:lease` | hash | who runs the ruler | 3 fields | never (holds a time) |
| `ns:{ruler}:alerts` | hash | fingerprint -> alert state | one a live alert | an hour after it resolved |
| `ns:{ruler}:users:<n>` | HyperLogLog | a partition's sketch, for one count | 12 kB | 10 s |
| `ns:{scopes}:<kind>` | hash | live scope name -> last seen, ms | at most live_scopes | quiet names are removed |
| `ns:policies` | hash | what the `policies` log last said | some kB | never |
| `ns:workers` | hash | worker -> its last word of itself | a field a worker | silent ones are removed |
| `ns:meta` | hash | fingerprint of the user key | 1 field | never |

No key lives by a time that an event has: `longest_ms` says how long one has at the most, and tests hold Redis to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.tables import LONGEST_WINDOW_S
from tidegate.streams.core.times import AHEAD_MS
from tidegate.streams.store import KEPT_MS

COUNTED_MS = 10_000  # a sketch that is copied to be counted
# What `core/rates.keep_ms` comes to under the widest policy: a bucket, the longest window, a day ahead.
LONGEST_KEPT_MS = (60 + LONGEST_WINDOW_S + 86_400) * 1000 + AHEAD_MS
LONGEST_STRIKES_MS = 64 * 2_592_000_000  # of half-lives of 30 days: no sum is 2^64 times what is negligible

# As long as `dead-letters` keeps what may be sent again (its retention in topics.py): from the copy's decision on, no
# other copy of an origin can be made for longer than that.
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

    def users_merged(self, partition: TopicPartition) -> str:
        return self._partition(partition, "u:merged")

    def strikes(self, partition: TopicPartition, user: str) -> str:
        return self._partition(partition, f"strikes:{user}")

    def outbox(self, partition: TopicPartition) -> str:
        return self._partition(partition, "outbox")

    def copy(self, partition: TopicPartition, origin: int) -> str:
        return self._partition(partition, f"copy:{origin}")

    def users_counted(self, n: int) -> str:
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
    """How long a key has to live at the most, as the table above states it; None: it never expires.

    keep_ms: of buckets under the live policy. strikes_ms: until what a user's key holds is negligible; both by default
    the longest that any policy can ask for. Raises LookupError where the key is none of Tidegate's.
    """
    within, _, rest = key.removeprefix(keys.namespace + ":").partition(":")
    if key.startswith(f"{keys.namespace}:{{ruler}}:users:"):
        return COUNTED_MS
    if within in ("{ruler}", "{scopes}") or key in (keys.policies, keys.workers, keys.meta):
        return None
    if rest in ("checkpoint", "totals", "touch", "outbox", "u:merged"):
        return None
    if rest.startswith(("b:", "u:")):
        return keep_ms
    if rest.startswith("copy:"):
        return COPY_MS
    if struck(key) is not None:
        return KEPT_MS + strikes_ms
    raise LookupError(f"{key}: no key of the table in streams/store/keys.py")


def every_strikes(keys: Keys) -> str:
    """The pattern that finds every key of `Keys.strikes`."""
    return f"{keys.namespace}:{{*}}:strikes:*"


def struck(key: str) -> tuple[TopicPartition, str] | None:
    """Part and user of a key of `Keys.strikes`; None where it is none."""
    found = _STRIKES.fullmatch(key)
    return None if found is None else (TopicPartition(found["topic"], int(found["partition"])), found["user"])
