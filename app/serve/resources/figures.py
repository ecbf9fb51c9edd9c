"""What Prometheus is told beside this process's own numbers: the queue, the workers, the models, the parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, TypeAlias

from app.schemas.jobs import FINISHED
from app.schemas.verbs import VERBS
from app.telemetry.buckets import LABELS
from app.telemetry.metrics import HELP

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from app.queue.ledger import QueueStats

Rows: TypeAlias = Iterable[tuple[Sequence[str], float]]


def component_families(up: Mapping[str, bool], versions: Mapping[str, int]) -> Iterator[Metric]:
    """Give which parts answer, and the latest version of each model that has one."""
    yield _gauge("trinity_up", ["part"], (([part], int(answers)) for part, answers in up.items()))
    yield _gauge("trinity_model_version", ["model"], (([model], number) for model, number in versions.items()))


def no_queue_families() -> Iterator[Metric]:
    """Give what is true of the queue where there is none: nothing waits, and nobody works it off."""
    for name in ("trinity_queue_depth", "trinity_queue_oldest_age_seconds"):
        yield _gauge(name, ["lane"], (([verb], 0) for verb in VERBS))
    states = ("PENDING", "RETRY", "STARTED")
    yield _gauge("trinity_jobs", ["lane", "state"], (([verb, state], 0) for verb in VERBS for state in states))
    yield from (_gauge(name, [], [([], 0)]) for name in ("trinity_workers", "trinity_worker_processes"))
    yield _counter("trinity_lease_losses", [], [([], 0)])


def queue_families(figures: QueueStats, models: Iterable[str]) -> Iterator[Metric]:
    """Give how the queue stands, and what the workers have done, from the start at 0 for what may be counted."""
    lanes = figures.lanes.items()
    yield _gauge("trinity_queue_depth", ["lane"], (([verb], lane.pending + lane.retry) for verb, lane in lanes))
    yield _gauge("trinity_queue_oldest_age_seconds", ["lane"], (([verb], lane.oldest_s) for verb, lane in lanes))
    jobs = [
        ([verb, state], number)
        for verb, lane in lanes
        for state, number in (("PENDING", lane.pending), ("RETRY", lane.retry), ("STARTED", lane.started))
    ]
    yield _gauge("trinity_jobs", ["lane", "state"], jobs)
    yield _gauge("trinity_workers", [], [([], figures.workers)])
    yield _gauge("trinity_worker_processes", [], [([], figures.processes)])
    yield from _of_work(figures.counts, sorted(models))


def _of_work(counts: Mapping[str, float], models: Sequence[str]) -> Iterator[Metric]:
    yield _counter("trinity_lease_losses", [], [([], counts.get("lost", 0))])
    yield _counter("trinity_job_attempts", ["verb"], (([verb], counts.get(f"attempts:{verb}", 0)) for verb in VERBS))
    ends = [(verb, state) for verb in VERBS for state in sorted(FINISHED)]
    finished = ((list(end), counts.get(f"finished:{end[0]}:{end[1]}", 0)) for end in ends)
    yield _counter("trinity_jobs_finished", ["verb", "state"], finished)
    kinds = [(verb, model) for verb in VERBS for model in models]
    rows = ((list(kind), counts.get(f"rows:{kind[0]}:{kind[1]}", 0)) for kind in kinds)
    yield _counter("trinity_rows", ["verb", "model"], rows)
    yield _durations(counts, kinds)


def _durations(counts: Mapping[str, float], kinds: Iterable[tuple[str, str]]) -> Metric:
    from prometheus_client.core import HistogramMetricFamily  # noqa: PLC0415  see app/telemetry/multiprocess.py

    name = "trinity_work_duration_seconds"
    told = HistogramMetricFamily(name, HELP[name], labels=["verb", "model"])
    for verb, model in kinds:
        of = f"{verb}:{model}"
        sums = accumulate(counts.get(f"bucket:{of}:{label}", 0) for label in LABELS)
        told.add_metric([verb, model], list(zip(LABELS, sums, strict=True)), counts.get(f"seconds:{of}", 0))
    return told


def _gauge(name: str, labels: Sequence[str], rows: Rows) -> Metric:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

    told = GaugeMetricFamily(name, HELP[name], labels=labels)
    for values, value in rows:
        told.add_metric(values, value)
    return told


def _counter(name: str, labels: Sequence[str], rows: Rows) -> Metric:
    from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415

    told = CounterMetricFamily(name, HELP[name], labels=labels)
    for values, value in rows:
        told.add_metric(values, value)
    return told
