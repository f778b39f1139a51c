"""One soak: measures the workers' capacity, loads them with 70% of it, and breaks something every minute."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time

from tests.drills.fleet import Fleet, positions
from tests.drills.soak.report import HEAD, SoakReport, minute_line, say
from tests.drills.soak.tally import alert_states, disagreements, redis_counts, tally
from tests.drills.soak.traffic import BAD_TENANT, TrafficProducer
from tests.drills.soak.troubles import Troubles
from tests.drills.soak.watch import Watch, flatness

# Short windows, so that buckets expire during the soak: a bucket lives 10 + 60 + 60 s.
BUCKET_S = 10
POLICY = f"""
schema_version = 1
labels = {{ toxicity = {{ flag = 0.5, review = 0.7, block = 0.9 }}, stereotype = {{ flag = 0.5 }} }}
windows = {{ bucket_s = {BUCKET_S}, rate_window_s = 60, late_s = 60 }}
limits = {{ longest_window_s = 60 }}

[alerts.incident]
of = "action.block"
by = ["tenant"]
kind = "share"
above = 0.5
resolve_below = 0.3
window_s = 30
for_s = 10
min_total = 20
"""
INCIDENT = f"tenant={BAD_TENANT}"  # it fires once and never resolves
LOAD = 0.7  # of what was measured
# A machine is shared: where a drill is not over after LATE_S, the backlog shows the capacity of the moment, and the
# load becomes 70% of what was counted in BACKLOG_S. A minute later it rises again, up to 70% of the first measure.
LATE_S, BACKLOG_S = 45.0, 15.0
RISES = 1.25
MEASURE_S, WARM_S = 60.0, 20.0  # the first seconds, while workers warm up, are not measured
IN_FLIGHT = 4_000  # completions beyond the checkpoints during the measure: no worker waits for one
DRILL_EVERY_S = 60.0  # a drill begins only after the last is over
RECOVER_WITHIN_S = 240.0
SAMPLE_EVERY_S = 5.0


class Soak:
    """Runs the traffic, the drills and the account."""

    def __init__(
        self, workers: Fleet, watch: Watch, traffic: TrafficProducer, troubles: Troubles, report: SoakReport
    ) -> None:
        self._workers, self._watch, self._traffic = workers, watch, traffic
        self._troubles, self.report = troubles, report
        self._oldest = min(workers.workers)
        self._load = 0  # at most
        self._recovered: float | None = None

    async def run(self) -> None:
        """Fills the report. `report.wrong` is empty where the soak passed."""
        report, began = self.report, time.monotonic()
        sending = asyncio.create_task(self._traffic.run())
        sampling = asyncio.create_task(self._sample_forever())
        try:
            report.capacity_per_s = round(await self._measure())
            self._traffic.per_s = self._load = round(LOAD * report.capacity_per_s)
            say(f"measured {report.capacity_per_s:,.0f} completions/s; {self._load:,}/s from here on")
            await self._wait_for_alert()
            await self._drills(began + report.minutes * 60)
            report.load_per_s = round(statistics.mean(report.loads))
            await self._check_alert_and_memory()
            self._traffic.end()
            await sending
            await self._check_account()
        except (AssertionError, TimeoutError) as error:
            report.wrong.append(str(error) or type(error).__name__)
        finally:
            for task in (sending, sampling):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        report.took_s = round(time.monotonic() - began, 1)

    async def _wait_for_alert(self, within_s: float = 120) -> None:
        deadline = time.monotonic() + within_s
        while "firing" not in await alert_states(self._watch.stack.kafka, INCIDENT):
            assert time.monotonic() < deadline, f"the alert on {BAD_TENANT} did not fire in {within_s:g} s"
            await asyncio.sleep(1)

    # --- load

    async def _measure(self) -> float:
        """Completions counted a second, under a backlog."""
        began, first = time.monotonic(), (0.0, 0)
        while (at := time.monotonic() - began) < MEASURE_S:
            await asyncio.sleep(1)
            await self._watch.read_checkpoints()
            counted = self._watch.counted
            self._traffic.burst(max(0, IN_FLIGHT - (self._traffic.generated - counted)))
            if at < WARM_S:
                first = (time.monotonic(), counted)
        return (self._watch.counted - first[1]) / (time.monotonic() - first[0])

    # --- drills

    async def _drills(self, until: float) -> None:
        minute, names, printing = 0, self._troubles.in_turn(), None
        say(HEAD)
        while time.monotonic() < until - DRILL_EVERY_S:
            minute += 1
            name = next(names)
            ends = time.monotonic() + DRILL_EVERY_S
            printing = asyncio.create_task(self._print_minute(minute, name, ends))
            self.report.drills.append({"minute": minute, "drill": name, "recovered_s": await self._drill(name)})
            await asyncio.sleep(max(0.0, ends - time.monotonic()))
            await printing
            self._traffic.per_s = min(self._load, round(self._traffic.per_s * RISES))
        found = [r for d in self.report.drills if isinstance(r := d["recovered_s"], float)]
        self.report.recovered_s = max(found, default=None)

    async def _drill(self, name: str) -> float:
        """Seconds from a drill's begin until every partition counted a record that was sent after its end."""
        self._recovered = None
        began = time.monotonic()
        await self._troubles.drills[name]()
        self._traffic.mark_start()
        backlog: tuple[float, int] | None = None
        while left := {
            p
            for p in range(self._watch.partitions)
            if self._watch.checkpoints.get(p, 0) <= self._traffic.first_since.get(p, 1 << 62)
        }:
            await asyncio.sleep(0.2)
            await self._watch.read_checkpoints()
            if time.monotonic() - began > LATE_S:
                backlog = self._lower_load(backlog)
            if time.monotonic() - began > RECOVER_WITHIN_S:
                raise AssertionError(f"{name}: partitions {sorted(left)} did not move in {RECOVER_WITHIN_S:g} s")
        assert not self._workers.ended(), f"{name}: ended by themselves: {self._workers.ended()}"
        self._recovered = round(time.monotonic() - began, 1)
        return self._recovered

    def _lower_load(self, backlog: tuple[float, int] | None) -> tuple[float, int]:
        """Lowers the load where a backlog lasted BACKLOG_S. Returns the start of the measure, and the count at it."""
        here = (time.monotonic(), self._watch.counted)
        since, counted = backlog or here
        took_s, can = here[0] - since, here[1] - counted
        if took_s < BACKLOG_S:
            return since, counted
        self._traffic.per_s = max(10, min(self._traffic.per_s, round(LOAD * can / took_s)))
        return here

    # --- the line a minute

    async def _print_minute(self, minute: int, name: str, ends: float) -> None:
        sent, counted, began = self._traffic.sent, self._watch.counted, time.monotonic()
        await asyncio.sleep(max(0.0, ends - time.monotonic()))
        await self._watch.read_checkpoints()
        self.report.loads.append(self._traffic.per_s)
        took_s, sample = time.monotonic() - began, self._watch.samples[-1]
        minute_line(
            minute=minute,
            load_per_s=self._traffic.per_s,
            sent_per_s=(self._traffic.sent - sent) / took_s,
            counted_per_s=(self._watch.counted - counted) / took_s,
            lag=self.lag,
            oldest_mb=sample.rss_mb.get(self._oldest, 0),
            others_mb=[mb for worker, mb in sorted(sample.rss_mb.items()) if worker != self._oldest],
            redis_mb=sample.redis_mb or 0,
            buckets=sample.buckets,
            drill=name,
            recovered_s=self._recovered,
        )

    @property
    def lag(self) -> int:
        """Acknowledged completions that are not counted yet."""
        return sum(self._traffic.end_offsets.values()) - self._watch.counted

    async def _sample_forever(self) -> None:
        while True:
            await self._watch.sample()
            await asyncio.sleep(SAMPLE_EVERY_S)

    # --- the end

    async def _check_alert_and_memory(self) -> None:
        """Checks what holds only under traffic: without it, the alert resolves as quiet and buckets expire."""
        report, samples = self.report, list(self._watch.samples)
        states = await alert_states(self._watch.stack.kafka, INCIDENT)
        report.alert = "fired once, never resolved"
        if states.count("firing") != 1 or "resolved" in states:
            report.alert = f"went {' '.join(states)}"
            report.wrong.append(f"one incident, all the while: its alert {report.alert}")
        growths, wrong = flatness(samples, self._oldest)
        report.grew = {name: None if by is None else round(by, 4) for name, by in growths.items()}
        report.wrong += wrong

    async def _check_account(self) -> None:
        report, watch = self.report, self._watch
        deadline = time.monotonic() + 30
        while self.lag > 0 and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
            await watch.read_checkpoints()
        report.lag_at_end = max(0, self.lag)
        if report.lag_at_end:
            report.wrong.append(f"{report.lag_at_end:,} completions not counted 30 s after the last was sent")
        totals, buckets = await redis_counts(watch.stack.redis)  # first: buckets expire while the topics are read
        sent = await positions(watch.stack.kafka)
        seen = await tally(watch.stack.kafka, BUCKET_S * 1000)
        report.sent, report.decided = len(sent), len(seen.best)
        report.faults = sum(counts.outcome == "fault" for counts in seen.best.values())
        report.decided -= report.faults
        report.dead_letters, report.duplicates = len(seen.dead), seen.duplicates
        report.wrong += disagreements(sent, seen, totals, buckets)
        if lost := self._traffic.lost(sent):
            report.wrong.append(f"Kafka lost {lost} records that it had acknowledged")
        rss = [s.rss_mb[self._oldest] for s in watch.samples if self._oldest in s.rss_mb]
        redis = [s.redis_mb for s in watch.samples if s.redis_mb is not None]
        report.rss_mb = {"first": rss[0], "last": rss[-1], "most": max(rss)}
        report.redis_mb = {"first": redis[0], "last": redis[-1], "most": max(redis)}
