"""GET /metrics, for Prometheus: counts of all web processes, the queue, the workers, and available components."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, chain
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from falcon.asgi import Request, Response

from app.schemas.jobs import FINISHED
from app.schemas.verbs import VERBS, Verb
from app.serve.health_checks import OK, HealthChecks, Probe, run_in_thread
from app.serve.openapi.parts import NOTHING, TEXT, ResponseSpec
from app.serve.resources.route import route
from app.service import Service
from app.telemetry.metrics import HELP, LABELS, ServiceMetrics

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from app.queue.ledger.stats import QueueStats

Samples: TypeAlias = Iterable[tuple[Sequence[str], float]]
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
WAITING_STATES = ("PENDING", "RETRY", "STARTED")


class FittedVersions(NamedTuple):
    """The latest version of a model, and the versions that its aliases name."""

    latest: int
    aliases: Mapping[str, int]
    stand_in: int | None = None
    """The version that answers in this process while the current one cannot be loaded."""


@dataclass(frozen=True)
class Measure:
    """A gauge of an application, with a value for each value of its label."""

    description: str
    label: str
    read: Callable[[], Mapping[str, float]]
    """Called at each scrape, in a thread; while it hangs or fails, the gauge is left out."""

    def __call__(self) -> Mapping[str, float]:
        """Return the values."""
        return self.read()


class MetricsResource:
    """GET /metrics. It responds within the checks' timeout, even if a component hangs."""

    def __init__(
        self,
        metrics: ServiceMetrics,
        service: Service,
        components: HealthChecks,
        queue: Probe | None = None,
        measures: Mapping[str, Measure] = NOTHING,
    ) -> None:
        """`queue` returns the QueueStats of the ledger; None in sync mode. `measures` are those of applications."""
        self._metrics = metrics
        self._service = service
        self._queued = queue is not None
        self._components = components
        reads: dict[str, Probe] = {"store": self._versions} | ({"ledger": queue} if queue else {})
        self._reads = HealthChecks(reads, components.timeout_s)
        self._measures = measures
        self._measured = HealthChecks(measures, components.timeout_s)
        self._scrape: asyncio.Task[bytes] | None = None

    @route(
        "/metrics",
        "Counts and times of all processes, for Prometheus.",
        {200: ResponseSpec("The metrics.", {"text/plain": TEXT})},
        operation="metrics",
    )
    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        if self._scrape is None or self._scrape.done():
            self._scrape = asyncio.create_task(self._render())  # requests that come during it share its result
        resp.content_type = MEDIA_TYPE
        resp.data = await asyncio.shield(self._scrape)

    async def _render(self) -> bytes:
        self._metrics.settle()
        states, reads, measured = await asyncio.gather(
            self._components.states(), self._reads.run(), self._measured.run()
        )
        failed = {component for component, result in reads.items() if result.state != OK}
        up = {name: states.get(name, OK) == OK and name not in failed for name in states | reads}
        components = component_families(up, {} if "store" in failed else reads["store"].value)
        queue: Iterator[Metric] = iter(())
        if not self._queued:
            queue = queue_families(dict.fromkeys(VERBS, (0, 0, 0, 0.0)), 0, 0, {})
        elif "ledger" not in failed:
            stats: QueueStats = reads["ledger"].value
            fitted = () if "store" in failed else reads["store"].value
            names = sorted({*self._service.models.estimators, *fitted})
            queue = chain(queue_families(*stats), work_families(stats.counts, names))
        values = {name: found.value for name, found in measured.items() if found.state == OK}
        families = chain(queue, components, measured_families(self._measures, values))
        # reads files: not on the event loop
        return await run_in_thread(partial(self._metrics.exposition, families), "exposition")

    def _versions(self) -> dict[str, FittedVersions]:
        """Return the versions of each fitted model."""
        store = self._service.store
        found = {model: store.versions(model) for model in self._service.models.names()}
        stand_ins = {model: last for model, (_, last, _) in self._service.stand_ins().items()}
        return {
            model: FittedVersions(versions[-1], store.aliases(model), stand_ins.get(model))
            for model, versions in found.items()
            if versions
        }


def component_families(up: Mapping[str, bool], models: Mapping[str, FittedVersions]) -> Iterator[Metric]:
    """Yield the available components, and the latest version and the aliases of each fitted model."""
    yield _gauge("trinity_up", ["part"], (([part], int(answers)) for part, answers in up.items()))
    yield _gauge("trinity_model_version", ["model"], (([model], found.latest) for model, found in models.items()))
    named = [(model, alias, str(number)) for model, found in models.items() for alias, number in found.aliases.items()]
    yield _gauge("trinity_model_alias_info", ["model", "alias", "version"], ((labels, 1) for labels in named))
    stand_ins = (([model], found.stand_in) for model, found in models.items() if found.stand_in is not None)
    yield _gauge("trinity_model_stand_in_version", ["model"], stand_ins)


def measured_families(measures: Mapping[str, Measure], values: Mapping[str, Mapping[str, float]]) -> Iterator[Metric]:
    """Yield the gauges of applications whose values could be read."""
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415  see app/telemetry/multiprocess.py

    for name, found in values.items():
        family = GaugeMetricFamily(name, measures[name].description, labels=[measures[name].label])
        for label, value in found.items():
            family.add_metric([label], value)
        yield family


def queue_families(
    lanes: Mapping[Verb, tuple[int, int, int, float]], workers: int, processes: int, counts: Mapping[str, float]
) -> Iterator[Metric]:
    """Yield the state of the queue, given what QueueStats has; in sync mode, which has no queue, all is 0."""
    depths = (([verb], pending + retry) for verb, (pending, retry, *_) in lanes.items())
    yield _gauge("trinity_queue_depth", ["lane"], depths)
    ages = (([verb], oldest_s) for verb, (*_, oldest_s) in lanes.items())
    yield _gauge("trinity_queue_oldest_age_seconds", ["lane"], ages)
    jobs = (([verb, state], lane[at]) for verb, lane in lanes.items() for at, state in enumerate(WAITING_STATES))
    yield _gauge("trinity_jobs", ["lane", "state"], jobs)
    yield _gauge("trinity_workers", [], [([], workers)])
    yield _gauge("trinity_worker_processes", [], [([], processes)])
    yield _counter("trinity_lease_losses", [], [([], counts.get("lost", 0))])


def work_families(counts: Mapping[str, float], models: Sequence[str]) -> Iterator[Metric]:
    """Yield the workers' counts; they start at 0, so that their first event shows."""
    yield _counter("trinity_job_attempts", ["verb"], (([verb], counts.get(f"attempts:{verb}", 0)) for verb in VERBS))
    ends = [(verb, state) for verb in VERBS for state in sorted(FINISHED)]
    finished = ((end, counts.get(f"finished:{end[0]}:{end[1]}", 0)) for end in ends)
    yield _counter("trinity_jobs_finished", ["verb", "state"], finished)
    pairs = [(verb, model) for verb in VERBS for model in models]
    rows = ((pair, counts.get(f"rows:{pair[0]}:{pair[1]}", 0)) for pair in pairs)
    yield _counter("trinity_rows", ["verb", "model"], rows)
    yield _durations(counts, pairs)


def _durations(counts: Mapping[str, float], pairs: Iterable[tuple[str, str]]) -> Metric:
    from prometheus_client.core import HistogramMetricFamily  # noqa: PLC0415  see app/telemetry/multiprocess.py

    name = "trinity_work_duration_seconds"
    family = HistogramMetricFamily(name, HELP[name], labels=["verb", "model"])
    for verb, model in pairs:
        key = f"{verb}:{model}"
        sums = accumulate(counts.get(f"bucket:{key}:{label}", 0) for label in LABELS)
        family.add_metric([verb, model], list(zip(LABELS, sums, strict=True)), counts.get(f"seconds:{key}", 0))
    return family


def _family(name: str, labels: Sequence[str], samples: Samples, *, counter: bool) -> Metric:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415

    family = (CounterMetricFamily if counter else GaugeMetricFamily)(name, HELP[name], labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


_counter, _gauge = partial(_family, counter=True), partial(_family, counter=False)
