"""The metrics of several processes on one page: each sample with the number of its process. Nothing is summed here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector


class MergedMetrics(Collector):
    """pages: returns what each process that runs said last, as Prometheus text, by its number."""

    def __init__(self, pages: Callable[[], Mapping[int, str]]) -> None:
        self._pages = pages

    def collect(self) -> Iterable[Metric]:
        families: dict[str, Metric] = {}
        for process, page in sorted(self._pages().items()):
            for family in text_string_to_metric_families(page):
                merged = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                merged.samples += [
                    sample._replace(labels={**sample.labels, "process": str(process)}) for sample in family.samples
                ]
        return families.values()


class ParentMetrics:
    """What the parent knows itself, beside its processes' own."""

    def __init__(self, pages: Callable[[], Mapping[int, str]], processes: int) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(MergedMetrics(pages))
        self.up = Gauge(
            "tidegate_serve_process_up", "1 where the process runs, and says so.", ("process",), registry=self.registry
        )
        self.restarts = Counter(
            "tidegate_serve_process_restarts", "Processes that ended by themselves, and were started again.",
            ("process",), registry=self.registry,
        )  # fmt: skip
        for process in range(processes):
            self.up.labels(str(process))
            self.restarts.labels(str(process))
