"""Plans the capacity for a billion events a day: `python -m bench.scale [NAME=NUMBER …]` prints docs/scale.md's tables.

Arithmetic over `ScaleInputs`, which are measured (results.csv), chosen, or prices: put in your own. `--write`
replaces the tables of the page, from the defaults; a test compares the page with them. Pure, but for `main`.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
DAY_S, MONTH_S = 86_400, 30 * 86_400
MB, GB = 1e6, 1e9
_MARKED = re.compile(r"(<!-- made: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class ScaleInputs:
    """The inputs of the tables; each comment names the source."""

    # Your traffic
    events_a_day: float = 1e9
    peak: float = 3.0  # the busiest minute to the mean: assumed
    busy: float = 0.6  # of a component's capacity, at the peak: the rest is for a restart, a rebalance, a slow hour
    # A worker
    own_us: float = 135.0  # CPU an event, without the classifier: `kafka x3, 1 worker, zeros`, cpu
    loop_us: float = 135.0  # of it on the event loop, one core at the most: all but some µs (`tidegate zeros`)
    classifier_us: float = 2727.0  # CPU a text: `cascade, made-up mix`; 117 for `screen, made-up mix`
    cores_a_worker: float = 8.0  # chosen: one for the event loop, the rest score
    partitions_a_worker: float = 2.0  # chosen: room to double the workers
    # Kafka
    completion_bytes: float = 1058.0  # `taken on completions`, plain: 700 characters at the median
    decision_bytes: float = 789.0  # `taken on decisions`, plain
    gzip_completion: float = 1.0  # of its bytes left; 1: not compressed
    gzip_decision: float = 1.0
    retention_days: float = 7.0  # both topics' default
    copies: float = 3.0
    readers: float = 1.0  # of `decisions`, beside nobody of ours
    broker_mb_s: float = 50.0  # written to one broker, copies and all: assumed; measure yours
    # Redis
    store_us: float = 5.0  # CPU an event, with full batches: `tidegate model` at c2a5a1f, store cpu
    calls: float = 0.02  # of scripts an event, with full batches: `taken of redis`
    field_bytes: float = 55.0  # of a counter in a bucket: `1000 scopes a kind`: 7.57 MiB for 12 x 12,004
    ruler_field_us: float = 2.76  # CPU of the ruler a counter it reads: 398 ms for 12 x 12,004
    live_scopes: float = 1000.0  # tenants, models, routes with completions in every bucket, of each: the limit
    counters: float = 4.0  # a scope: scored, allow, flag, one label
    bucket_s: float = 10.0
    kept_s: float = 910.0  # bucket + longest window + lateness, as policy.toml has them
    # Money: numbers to replace, not anybody's prices
    core_hour: float = 0.04
    ram_gb_month: float = 3.0
    disk_gb_month: float = 0.08
    moved_gb: float = 0.01  # between zones: each copy to another broker, each read


@dataclass(frozen=True)
class CapacityPlan:
    """The sizes and costs that follow from the inputs. `_s` is a second at the peak."""

    inputs: ScaleInputs

    @property
    def mean_s(self) -> float:
        return self.inputs.events_a_day / DAY_S

    @property
    def peak_s(self) -> float:
        return self.mean_s * self.inputs.peak

    # --- workers

    @property
    def worker_s(self) -> float:
        """Events of one worker, all busy: the least of its cores, its event loop, and the cores that score."""
        i = self.inputs
        cores = i.cores_a_worker * 1e6 / (i.own_us + i.classifier_us)
        scoring = (i.cores_a_worker - 1) * 1e6 / i.classifier_us if i.classifier_us else math.inf
        return min(cores, 1e6 / i.loop_us, scoring)

    @property
    def workers(self) -> int:
        return math.ceil(self.peak_s / (self.worker_s * self.inputs.busy))

    @property
    def cores(self) -> float:
        return self.workers * self.inputs.cores_a_worker

    @property
    def partitions(self) -> int:
        return math.ceil(self.workers * self.inputs.partitions_a_worker)

    # --- Kafka

    @property
    def record_bytes(self) -> float:
        """Bytes of a completion and its decision, as they are sent."""
        i = self.inputs
        return i.completion_bytes * i.gzip_completion + i.decision_bytes * i.gzip_decision

    @property
    def kafka_day_bytes(self) -> float:
        return self.inputs.events_a_day * self.record_bytes

    @property
    def disk_bytes(self) -> float:
        return self.kafka_day_bytes * self.inputs.retention_days * self.inputs.copies

    @property
    def written_s(self) -> float:
        """Bytes to all brokers' disks."""
        return self.peak_s * self.record_bytes * self.inputs.copies

    @property
    def brokers(self) -> int:
        i = self.inputs
        return max(3, math.ceil(self.written_s / (i.broker_mb_s * MB * i.busy)))

    @property
    def moved_day_bytes(self) -> float:
        """To the other copies, to the workers, to the readers of decisions."""
        i = self.inputs
        read = i.completion_bytes * i.gzip_completion + i.decision_bytes * i.gzip_decision * i.readers
        return self.kafka_day_bytes * (i.copies - 1) + i.events_a_day * read

    # --- Redis, and the ruler

    @property
    def fields(self) -> float:
        """Counters in a partition's bucket: of `all`, and of each tenant, model and route that was seen in it."""
        i = self.inputs
        seen = min(i.live_scopes, self.peak_s * i.bucket_s / self.partitions)
        return (1 + 3 * seen) * i.counters

    @property
    def redis_bytes(self) -> float:
        i = self.inputs
        return self.partitions * (i.kept_s / i.bucket_s) * self.fields * i.field_bytes

    @property
    def redis_busy(self) -> float:
        """Of one core of one Redis."""
        return self.peak_s * self.inputs.store_us / 1e6

    @property
    def redis_calls_s(self) -> float:
        return self.peak_s * self.inputs.calls

    @property
    def ruler_s(self) -> float:
        """CPU of one evaluation, on one worker: it reads each partition's newest bucket, once a second."""
        return self.partitions * self.fields * self.inputs.ruler_field_us / 1e6

    # --- bottlenecks, and money

    def shares(self) -> list[tuple[str, float, str]]:
        """Returns each component, its load at the peak, and what raises its limit; the fullest first."""
        i = self.inputs
        loads = [
            ("the ruler: one event loop", self.ruler_s, "fewer live scopes, or fewer and larger workers"),
            ("Redis: one core", self.redis_busy, "Redis Cluster"),
            ("a worker's event loop", self.peak_s / self.workers * i.loop_us / 1e6, "more workers"),
            ("a worker's cores", self.peak_s / self.workers / self.worker_s, "more workers"),
            ("a broker's disk", self.written_s / self.brokers / (i.broker_mb_s * MB), "more brokers, gzip"),
        ]
        return sorted(loads, key=lambda row: -row[1])

    def costs(self) -> list[tuple[str, float]]:
        """Returns the costs of 30 days, with the workers that the peak needs."""
        i = self.inputs
        return [
            ("workers", self.cores * MONTH_S / 3600 * i.core_hour),
            ("Redis and a replica", 2 * self.redis_bytes / GB * i.ram_gb_month),
            ("Kafka's disks", self.disk_bytes / GB * i.disk_gb_month),
            ("what is moved", self.moved_day_bytes * 30 / GB * i.moved_gb),
        ]


CASES = {
    "as measured": ScaleInputs(),
    "100 live scopes a kind": ScaleInputs(live_scopes=100),
    "decisions in gzip": ScaleInputs(gzip_decision=0.09),  # `taken on decisions`: 70 of 789 bytes
    "the screen alone": ScaleInputs(classifier_us=117.0),
}


def sizes(cases: dict[str, ScaleInputs]) -> str:
    """Returns the table of all sizes, a column a case."""
    plans = [CapacityPlan(given) for given in cases.values()]
    rows = [
        ("events a second, mean / peak", [f"{p.mean_s:,.0f} / {p.peak_s:,.0f}" for p in plans]),
        ("a worker can do, a second", [f"{p.worker_s:,.0f}" for p in plans]),
        ("workers / cores / partitions", [f"{p.workers} / {p.cores:,.0f} / {p.partitions}" for p in plans]),
        ("Kafka, a day, one copy", [f"{p.kafka_day_bytes / 1e12:.2f} TB" for p in plans]),
        ("Kafka's disks", [f"{p.disk_bytes / 1e12:.1f} TB" for p in plans]),
        ("brokers", [str(p.brokers) for p in plans]),
        ("Redis memory", [f"{p.redis_bytes / GB:.2f} GB" for p in plans]),
        ("Redis scripts a second / of one core", [f"{p.redis_calls_s:,.0f} / {p.redis_busy:.0%}" for p in plans]),
        ("an evaluation, of its second", [f"{p.ruler_s:.0%}" for p in plans]),
        ("fullest part", [p.shares()[0][0] for p in plans]),
    ]
    return _table(["", *cases], [[name, *values] for name, values in rows])


def bottlenecks(given: ScaleInputs) -> str:
    """Returns the table of bottlenecks, the fullest first."""
    rows = [
        [component, f"{share:.0%}", f"{1 / share:.1f} times the peak", cure]
        for component, share, cure in CapacityPlan(given).shares()
    ]
    return _table(["part", "at the peak", "full at", "what moves it"], rows)


def money(given: ScaleInputs) -> str:
    """Returns the table of costs, and their sum, of 30 days."""
    costs = CapacityPlan(given).costs()
    rows = [[component, f"{cost:,.0f}"] for component, cost in [*costs, ("all", sum(cost for _, cost in costs))]]
    return _table(["part", "30 days"], rows)


def inputs(given: ScaleInputs) -> str:
    """Returns the table of every input, by its name on the command line."""
    return _table(["name", "number"], [[f"`{f.name}`", f"{getattr(given, f.name):,.6g}"] for f in fields(given)])


TABLES = {
    "sizes": lambda: sizes(CASES),
    "firsts": lambda: bottlenecks(ScaleInputs()),
    "money": lambda: money(ScaleInputs()),
    "inputs": lambda: inputs(ScaleInputs()),
}


def fill_tables(page: str) -> str:
    """Returns the page with its tables replaced. Raises KeyError where a marker names no table."""
    return _MARKED.sub(lambda match: match[1] + "\n" + TABLES[match["name"]]() + "\n\n" + match[3], page)


def parse_inputs(arguments: Iterable[str]) -> ScaleInputs:
    """Returns the defaults, changed by each `NAME=NUMBER`. Raises ValueError that says what is wrong."""
    names = {field.name for field in fields(ScaleInputs)}
    changed = {}
    for argument in arguments:
        name, _, number = argument.partition("=")
        if name not in names:
            raise ValueError(f"{argument}: no such input; expected one of {', '.join(sorted(names))}")
        try:
            changed[name] = float(number)
        except ValueError:
            raise ValueError(f"{argument}: found {number!r}; expected a number") from None
        if not changed[name] >= 0:
            raise ValueError(f"{argument}: expected 0 or more")
    return replace(ScaleInputs(), **changed)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(arguments: list[str]) -> int:
    if arguments == ["--write"]:
        PAGE.write_text(fill_tables(PAGE.read_text()))
        print(f"{PAGE} written")
        return 0
    try:
        own = parse_inputs(arguments)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n\n".join([sizes({"yours": own}), bottlenecks(own), money(own), inputs(own)]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
