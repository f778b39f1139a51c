"""What ops can see of `tidegate serve`: Prometheus metrics, with bounded labels. Never a tenant, a key or an id."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tidegate.streams.core.events import Action
from tidegate.streams.installed import python, release
from tidegate.streams.moderation.moderator import Moderated

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class ServeMetrics:
    """Every metric of the process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "tidegate_http_requests", "Requests answered, by path and status.", ("path", "status"), registry=registry
        )
        self.seconds = Histogram(
            "tidegate_http_request_seconds", "From a request's headers to its reply.", ("path",),
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.actions = Counter("tidegate_http_actions", "Texts answered, by action.", ("action",), registry=registry)
        self.faults = Counter(
            "tidegate_http_faults", "Texts that could not be scored, by reason.", ("reason",), registry=registry
        )
        self.guarded = Counter(
            "tidegate_guard_prompts", "Prompts answered by /v1/guard, by action.", ("action",), registry=registry
        )
        self.counted = Counter(
            "tidegate_http_counted", "Moderations that Kafka acknowledged, to be counted.", registry=registry
        )
        self.uncounted = Counter(
            "tidegate_http_uncounted",
            "Moderations that are not counted, by why: the buffer was full, Kafka did not acknowledge, or we stopped.",
            ("reason",), registry=registry,
        )  # fmt: skip
        self.kept = Counter(
            "tidegate_http_texts_kept", "Texts that Kafka acknowledged, kept for evidence.", registry=registry
        )
        self.unkept = Counter(
            "tidegate_http_texts_unkept",
            "Texts that are not kept, by why: too large for a record, the buffer was full, Kafka, or we stopped.",
            ("reason",), registry=registry,
        )  # fmt: skip
        self.merged = Counter(
            "tidegate_http_merged", "Moderations that are part of one counted later: calls about a text that grew.",
            registry=registry,
        )  # fmt: skip
        self.growing = Gauge("tidegate_http_growing", "Texts that may still grow, not counted yet.", registry=registry)
        self.batch = Histogram(
            "tidegate_http_batch_texts", "Texts scored in one batch.", buckets=_SIZES, registry=registry
        )
        self.waiting = Gauge("tidegate_http_queue_requests", "Requests accepted, not answered yet.", registry=registry)
        self.chars = Gauge("tidegate_http_queue_characters", "Their characters.", registry=registry)
        self.ready = Gauge("tidegate_ready", "1 where the process answers.", registry=registry)
        self.keys = Gauge("tidegate_api_keys", "API keys in force; 0 also where none is asked for.", registry=registry)
        self.keys_unusable = Gauge(
            "tidegate_api_keys_unusable", "1 where their file cannot be read: the last good ones are in force.",
            registry=registry,
        )  # fmt: skip
        self.policy = Gauge("tidegate_policy_info", "1 for the policy's version.", ("version",), registry=registry)
        self.model = Gauge("tidegate_model_info", "1 for the classifier's version.", ("version",), registry=registry)
        self.models_refused = Counter(
            "tidegate_model_refused", "Changes of the manifest that were refused.", registry=registry
        )
        build = Gauge("tidegate_build_info", "1 for the version that runs.", ("version", "python"), registry=registry)
        build.labels(release(), python()).set(1)
        self.answered = 0  # requests, whatever the status
        self._policy = ""
        self._of_request: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._of_action = {action: self.actions.labels(action.value) for action in Action}

    def count_request(self, path: str, status: int, took_s: float) -> None:
        """Counts a request that was answered. path: a route's, or `other`."""
        self.answered += 1
        row = self._of_request.get((path, status))  # finding a row by its labels takes longer than counting
        if row is None:
            row = self._of_request[path, status] = self.requests.labels(path, str(status)), self.seconds.labels(path)
        row[0].inc()
        row[1].observe(took_s)

    def count_moderated(self, rows: Sequence[Moderated]) -> None:
        """Counts texts that were judged; faults apart from actions."""
        for row in rows:
            if row.judged.fault is None:
                self._of_action[row.verdict.action].inc()
            else:
                self.faults.labels(row.judged.fault.value).inc()
            self.set_policy(row.verdict.policy_version)

    def set_policy(self, version: str) -> None:
        """Makes that policy the one whose info is 1."""
        if version != self._policy:
            self._policy = version
            self.policy.clear()
            self.policy.labels(version).set(1)

    def set_model(self, version: str) -> None:
        """Makes that model the one whose info is 1."""
        self.model.clear()
        self.model.labels(version).set(1)
