"""The metrics of a web process: requests, and in sync mode the work it does; their text for Prometheus.

Counting adds to plain lists, on the event loop's thread. `settle` moves the counts to the files that all processes
share, some times a second: that costs far more.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from app.schemas.jobs import Outcome
from app.schemas.requests import Work
from app.schemas.verbs import VERBS
from app.telemetry.multiprocess import FOLDER, SLOT, use_slot
from app.telemetry.traffic import TrafficRing

if TYPE_CHECKING:
    from prometheus_client.core import Metric

HELP = {
    "trinity_http_requests": "Requests answered.",
    "trinity_http_request_duration_seconds": "Seconds from a request's head to the end of its answer.",
    "trinity_http_requests_in_progress": "Requests that are being answered.",
    "trinity_web_processes": "Web processes that serve.",
    "trinity_jobs_finished": "Jobs that ended; in sync mode, requests for work that were done.",
    "trinity_job_attempts": "How often a job was started.",
    "trinity_lease_losses": "Jobs taken back from lost workers.",
    "trinity_work_duration_seconds": "Seconds that a job's work took; jobs done in one batch share its time.",
    "trinity_rows": "Rows of data fitted, predicted or scored with success.",
    "trinity_jobs": "Jobs of a lane that aren't finished, by their state.",
    "trinity_queue_depth": "Jobs of a lane that wait.",
    "trinity_queue_oldest_age_seconds": "Seconds since the oldest waiting job of a lane was accepted.",
    "trinity_workers": "Workers that report.",
    "trinity_worker_processes": "Processes of those workers.",
    "trinity_model_version": "The latest version of a model.",
    "trinity_model_alias_info": "Which version an alias of a model names; the champion is served, or else the latest.",
    "trinity_model_stand_in_version": "The version that answers, in the process asked, for one that cannot be loaded.",
    "trinity_up": "1 when a part of the service answers.",
}
BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the buckets of durations, in seconds; the last bucket, +Inf, has none. Web processes and workers have
the same, so that their histograms can be added."""
LABELS = (*map(str, BOUNDS_S), "+Inf")
_bucket = partial(bisect_left, BOUNDS_S)  # the index of a duration's bucket


class ServiceMetrics:
    """The metrics of one web process; `inline`: the models whose work it does itself."""

    def __init__(self, models: Iterable[str] = (), *, inline: bool = False) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram  # noqa: PLC0415  reads the environment

        use_slot()
        own: Any = CollectorRegistry()
        self._registry = own

        def histogram(name: str, labels: Sequence[str]) -> Histogram:
            return Histogram(name, HELP[name], labels, registry=own, buckets=BOUNDS_S)

        def counter(name: str, labels: Sequence[str]) -> Counter:
            return Counter(name, HELP[name], labels, registry=own)

        def gauge(name: str) -> Gauge:
            return Gauge(name, HELP[name], registry=own, multiprocess_mode="livesum")

        self.gather: Callable[[], None] = lambda: None
        """Collects counts that others still hold; called before the metrics are shown."""
        self._requests: defaultdict[tuple[str, str, int], list[float]] = defaultdict(list)
        """The durations of requests by method, route and status."""
        self._works: defaultdict[tuple[str, str, bool], list[tuple[float, int]]] = defaultdict(list)
        """The duration and the rows of each work, by verb, model and whether it was done."""
        folder = os.environ.get(FOLDER)
        self.traffic = TrafficRing(BOUNDS_S, Path(folder) if folder else None, os.environ.get(SLOT, "0"))
        self._answered = counter("trinity_http_requests", ["method", "route", "status"])
        self._seconds = histogram("trinity_http_request_duration_seconds", ["route"])
        self.in_progress = 0
        self._in_progress = gauge("trinity_http_requests_in_progress")
        gauge("trinity_web_processes").set(1)
        if inline:
            self._finished = counter("trinity_jobs_finished", ["verb", "state"])
            self._attempts = counter("trinity_job_attempts", ["verb"])
            self._rows = counter("trinity_rows", ["verb", "model"])
            self._working = histogram("trinity_work_duration_seconds", ["verb", "model"])
            self._begin(models)

    def requests(self, method: str, route: str, status: int, durations_s: Iterable[float]) -> None:
        """Count requests that were answered."""
        self._requests[method, route, status].extend(durations_s)

    def work(self, work: Work, outcome: Outcome) -> None:
        """Count a work that this process did."""
        done = outcome.failure is None
        # the name of a model that may not exist is not counted: requests choose it
        model = work.model if done or not work.estimator else ""
        self._works[work.verb, model, done].append((outcome.finished_s - outcome.started_s, outcome.rows))

    def settle(self) -> None:
        """Move the counts since the last call to the files that all processes share."""
        self.gather()
        requests, self._requests = self._requests, defaultdict(list)
        for (method, route, status), durations_s in requests.items():
            self._answered.labels(method, route, status).inc(len(durations_s))
            tally = _observe(self._seconds.labels(route), durations_s)
            self.traffic.add(route, [tally[bucket] for bucket in range(len(LABELS))])
        works, self._works = self._works, defaultdict(list)
        for (verb, model, done), each in works.items():
            self._finished.labels(verb, "SUCCESS" if done else "FAILURE").inc(len(each))
            self._attempts.labels(verb).inc(len(each))
            if model:
                _observe(self._working.labels(verb, model), [took_s for took_s, _ in each])
            if done:
                self._rows.labels(verb, model).inc(sum(rows for _, rows in each))
        self._in_progress.set(self.in_progress)

    def exposition(self, more: Iterable[Metric]) -> bytes:
        """Return the metrics of all processes, and `more`, in Prometheus' text format. It reads files."""
        from prometheus_client import generate_latest, multiprocess  # noqa: PLC0415

        folder = os.environ.get(FOLDER)
        shared: Any = multiprocess.MultiProcessCollector  # without types
        own = self._registry if folder is None else shared(None, folder)
        known: Any = SimpleNamespace(collect=lambda: more)
        return generate_latest(own) + generate_latest(known)

    def _begin(self, models: Iterable[str]) -> None:
        """Create all series at 0: Prometheus misses the first increase of a series that did not exist before."""
        names = list(models)
        for verb in VERBS:
            self._attempts.labels(verb)
            for state in ("SUCCESS", "FAILURE"):
                self._finished.labels(verb, state)
            for model in names:
                self._rows.labels(verb, model)
                self._working.labels(verb, model)


def bucket_of(seconds: float) -> str:
    """Return the upper bound of the bucket of a duration, as Prometheus writes it."""
    return LABELS[_bucket(seconds)]


def _observe(histogram: Any, durations_s: Sequence[float]) -> Tally[int]:
    """Add durations, and return how many are in each bucket; the library takes them only one by one."""
    tally = Tally(map(_bucket, durations_s))
    for bucket, count in tally.items():
        histogram._buckets[bucket].inc(count)  # noqa: SLF001  see above
    histogram._sum.inc(sum(durations_s))  # noqa: SLF001
    return tally
