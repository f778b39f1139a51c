"""What ops can see: Prometheus metrics under standard names and units.

Labels are bounded: never a user or an id. A tenant only in `times_replaced`, where the operator must know whose
producer to correct: tenants with a live scope name, up to their limit (`replaced.py`); all others count as `other`.
"""

from __future__ import annotations

import collections
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from tidegate.streams.core.events import Action, DeadLetter, Decision, EventTime
from tidegate.streams.core.strikes import NewStrikes
from tidegate.streams.installed import python, release
from tidegate.streams.ruler.stats import Stats

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SCORES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1)
_SIZES = (1, 4, 16, 64, 128, 256, 512, 1024)
_TOO_LATE = EventTime.TOO_LATE  # named once: Python 3.11 looks a member up at the price of a function call


class FastHistogram:
    """One histogram: the number of values at or below each bound, and their sum."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds, self._counts, self._sum = bounds, [0] * (len(bounds) + 1), 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def write(self, family: HistogramMetricFamily, labels: list[str]) -> None:
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        family.add_metric(labels, list(zip(names, accumulate(self._counts), strict=True)), self._sum)


class FastHistograms(Collector):
    """Histograms by one label, for values that come with every event: a tenth of `Histogram`'s cost a value.

    Without its lock: only the event loop adds and collects.
    """

    def __init__(self, name: str, about: str, bounds: tuple[float, ...], label: str) -> None:
        self._name, self._about, self._bounds, self._label = name, about, bounds, label
        self._of: dict[str, FastHistogram] = {}

    def of(self, value: str) -> FastHistogram:
        """Returns the histogram of one value of the label."""
        histogram = self._of.get(value)
        if histogram is None:
            histogram = self._of[value] = FastHistogram(self._bounds)
        return histogram

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self._name, self._about, labels=[self._label])
        for value, histogram in self._of.items():
            histogram.write(family, [value])
        yield family


class Metrics:
    """Every metric, in a registry of its own so that two workers in one process do not collide."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"tidegate_{name}", about, labels, registry=registry)

        def gauge(name: str, about: str, *labels: str) -> Gauge:
            return Gauge(f"tidegate_{name}", about, labels, registry=registry)

        def histogram(name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"tidegate_{name}", about, labels, buckets=buckets, registry=registry)

        def fast_histograms(name: str, about: str, bounds: tuple[float, ...], label: str) -> FastHistograms:
            histograms = FastHistograms(f"tidegate_{name}", about, bounds, label)
            registry.register(histograms)
            return histograms

        self.events = counter("events", "Records read and finished, by source topic.", "topic")
        self.decisions = counter("decisions", "Decisions published, by action.", "action")
        self.would = counter("would_decisions", "Decisions that the shadow policy would make, by action.", "action")
        self.reasons = counter("reasons", "Labels among the reasons of decisions.", "label", "action")
        self.faults = counter("faults", "Completions that could not be scored.", "reason")
        self.producer_failed = counter("producer_failed", "Completions that their producer reports as failed.")
        self.dropped = counter("dropped_fields", "Fields of decided completions that could not be read: left out.")
        self.dead_letters = counter("dead_letters", "Input that could not be read.", "topic", "reason")
        self.origins_ignored = counter(
            "origins_ignored", "Records whose tidegate-origin is not true.", "topic", "reason"
        )
        self.texts = counter("texts_scored", "Choices and prompts scored.")
        self.sent = counter("texts_sent", "Texts scored of which the encoder of a cascade read something.")
        self.explained = counter("texts_explained", "Choices asked for the spans of a label.", "outcome")
        self.scores = fast_histograms("score", "Scores of completions.", _SCORES, "label")
        self.batch = histogram("batch_events", "Records in a batch.", _SIZES, "topic")
        self.stage = histogram("stage_seconds", "Time a batch spends in a stage.", _SECONDS, "topic", "stage")
        self.latency = fast_histograms(
            "end_to_end_seconds", "From a record's timestamp to its decision's acknowledgement.", _SECONDS, "topic"
        )
        self.lag = gauge(
            "lag_records", "Consumer lag: records of the log that are not applied yet.", "topic", "partition"
        )
        self.skipped = counter("redelivered_events", "Records read again that had been counted before.", "topic")
        self.gaps = counter("gaps", "Times the store was behind, or held by another owner.", "topic", "outcome")
        self.takeovers = counter(
            "takeovers", "Takeovers of partitions, by the trust in the stored checkpoint.", "topic", "checkpoint"
        )
        self.rebuilt = counter("rebuilt_events", "Completions counted again from decisions: Redis had lost them.")
        self.rebuilding = gauge(
            "rebuilding_partitions", "Partitions that wait for what Redis lost to be counted again."
        )
        self.unreadable = counter("unreadable_batches", "Tries at batches that cannot be decoded.", "topic", "outcome")
        self.unreadable_now = gauge(
            "unreadable_partitions", "Partitions that stand at a batch that cannot be decoded.", "topic"
        )
        self.unavailable = counter(
            "unavailable", "Calls that found a dependency unavailable and were tried again.", "dependency"
        )
        self.overflow = gauge("scope_names_overflowed", "Names counted as other: too many live ones.", "kind")
        self.too_late = counter("too_late_events", "Events too late for any window.", "topic")
        self.unverified = counter(
            "unverified", "Moderations published as `serve` gave them: their policy is on the log no longer."
        )
        self.replaced = counter(
            "times_replaced", "Times that were replaced or read in another unit.", "tenant", "time", "why"
        )
        self.strikes = counter("strikes", "Strikes added to users, by what they are for.", "reason")
        self.enforcements = counter("enforcements", "Enforcements published by this worker.", "action")
        self.enforcements_waiting = gauge("enforcements_waiting", "Crossings not published yet, in its partitions.")
        self.stuck = gauge("stuck_score_threads", "Scoring threads that never returned.")
        self.alerts = gauge("alerts", "Alerts by state.", "state")
        self.transitions = counter("alert_transitions", "Transitions published by this worker.", "rule", "state")
        self.ruler = gauge("ruler_seconds", "Time the last evaluation of the ruler took.", "stage")
        self.incomplete = gauge("windows_incomplete", "1 where a partition lags or has no owner: alerts hold.")
        self._transitions: collections.Counter[tuple[str, str]] = collections.Counter()  # published when last counted
        self.policy = gauge("policy_info", "1 for the live policy's version.", "version")
        self.shadow = gauge("shadow_info", "1 for the shadow policy's version; absent where none runs.", "version")
        self.model = gauge("model_info", "1 for the classifier's version.", "version")
        self.models_refused = counter("model_refused", "Changes of the manifest that were refused.")
        self.refused = counter("policy_records_skipped", "Records of the policies log that were skipped.", "verdict")
        self.log_incomplete = gauge("policies_log_incomplete", "1 where the policies log was truncated.")
        self.ready = gauge("ready", "1 where the worker can do its job.")
        self.build = gauge("build_info", "1 for the version that runs, and Python's.", "version", "python")
        self.build.labels(release(), python()).set(1)

    def count_decisions(self, decisions: Iterable[Decision], topic: str, now_ms: float) -> None:
        """Counts decisions that were published and applied. topic: where their records came from."""
        latency, scores = self.latency.of(topic), self.scores
        actions: collections.Counter[Action] = collections.Counter()
        would: collections.Counter[Action] = collections.Counter()
        reasons: collections.Counter[tuple[str, Action]] = collections.Counter()
        too_late = failed = unverified = 0
        for decision in decisions:
            latency.add(max(0.0, (now_ms - decision.came_ms) / 1000))
            if decision.time is _TOO_LATE:
                too_late += 1
            if decision.status == "failed":
                failed += 1
            unverified += decision.unverified
            if decision.dropped:
                self.dropped.inc(len(decision.dropped))
            if decision.fault is not None:
                self.faults.labels(decision.fault.value).inc()
                continue
            actions[decision.action] += 1
            if decision.would_be is not None:
                would[decision.would_be.action] += 1
            for reason in decision.reasons:
                reasons[reason.label, reason.action] += 1
            for label, score in decision.scores.items():
                scores.of(label).add(score)
        self.too_late.labels(topic).inc(too_late)
        self.unverified.inc(unverified)
        self.producer_failed.inc(failed)
        for action, n in actions.items():
            self.decisions.labels(action.value).inc(n)
        for action, n in would.items():
            self.would.labels(action.value).inc(n)
        for (label, action), n in reasons.items():
            self.reasons.labels(label, action.value).inc(n)

    def count_dead_letters(self, letters: Iterable[DeadLetter]) -> None:
        """Counts dead letters that were published and applied."""
        for letter in letters:
            self.dead_letters.labels(letter.source.topic, letter.reason.value).inc(letter.offsets)

    def count_times_replaced(self, tenant: str, whose: str, why: str, n: int) -> None:
        """Counts times that were replaced or read in another unit. tenant: the caller bounds these."""
        self.replaced.labels(tenant, whose, why).inc(n)

    def count_strikes(self, added: NewStrikes) -> None:
        """Counts strikes that were added."""
        for strike in added.strikes:
            self.strikes.labels(strike.reason).inc()

    def set_ruler(self, stats: Stats, alerts: Mapping[str, int], transitions: Mapping[tuple[str, str], int]) -> None:
        """Sets the ruler's metrics, on the worker that holds its lease."""
        self.incomplete.set(stats.incomplete)
        for stage, took_s in stats.took_s.items():
            self.ruler.labels(stage).set(took_s)
        for state in ("pending", "firing", "resolved"):
            self.alerts.labels(state).set(alerts.get(state, 0))
        for (rule, state), n in transitions.items():
            self.transitions.labels(rule, state).inc(n - self._transitions[rule, state])
            self._transitions[rule, state] = n

    def count_texts(self, texts: int, sent: int) -> None:
        """Counts texts that were scored, and those of them that went to the encoder."""
        self.texts.inc(texts)
        self.sent.inc(sent)

    def set_model(self, version: str) -> None:
        """Makes `version` the one model whose info is 1."""
        self.model.clear()
        self.model.labels(version).set(1)

    def set_shadow(self, version: str | None) -> None:
        """Makes `version` the one shadow whose info is 1; None: no shadow runs."""
        self.shadow.clear()
        if version is not None:
            self.shadow.labels(version).set(1)

    def set_policy(self, version: str) -> None:
        """Makes `version` the one policy whose info is 1."""
        self.policy.clear()
        self.policy.labels(version).set(1)
