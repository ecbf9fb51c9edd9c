"""Connects a worker to Celery's signals: checks at the start, maintenance threads, and how it stops."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from celery import signals
from celery.concurrency import get_available_pool_names, get_implementation
from celery.concurrency.prefork import TaskPool

from app.queue import factory
from app.queue.broker import Broker
from app.queue.webhooks.registry_events import STEP_S as EVENTS_S
from app.queue.webhooks.registry_events import registry_events
from app.queue.webhooks.urls import named_hosts
from app.queue.worker.job_log import log_jobs
from app.queue.worker.lease_keeper import LeaseKeeper
from app.queue.worker.node import (
    ExpectedExits,
    StoppedProcesses,
    end_on_signals,
    exit_with_parent,
    new_name,
    release_jobs,
    release_later,
)
from app.queue.worker.outbox import MAX_CONCURRENT, Outbox
from app.queue.worker.periodic import start_periodic
from app.queue.worker.reconciler import Reconciler
from app.queue.worker.runner import JobRunner
from app.schemas.verbs import Verb
from app.service import Components
from app.service.preloading import Preload
from app.service.version_checks import VersionChecks
from app.settings import Settings, SettingsError
from app.telemetry.logs import install, line_sink, stderr
from app.telemetry.tracing_setup import tracing, wanted

if TYPE_CHECKING:
    from app.telemetry.tracing import Tracing

LEASE_CHECK_S = 0.5  # how often a worker checks its own jobs
RECONCILE_S = 1.0  # and those of all workers
OUTBOX_S = 0.5
CLEANUP_S = 600.0
NEEDS_PROCESSES = (
    "Trinity can't start: a job that is cancelled or out of time is ended with its process, so a worker needs the pool "
    "`prefork` (Celery's default), not `{}`"
)
PAYLOAD_AGE_S = 3_600.0  # far more than it takes from the writing of a file to its job in the ledger


class WorkerLifecycle:
    """One worker. `build` makes its components in each process anew: connections must not be shared across a fork."""

    def __init__(
        self, settings: Callable[[], Settings], build: Callable[[Settings], Components], broker: Broker
    ) -> None:
        self._settings = settings
        self._build = build
        self._broker = broker
        self._node, self._pid = "", 0  # set before the worker forks its processes, which share them
        self._release_all: Callable[[], None] | None = None

    def connect(self) -> None:
        """Have Celery call this object; by strong references, because nothing else holds the methods."""
        signals.setup_logging.connect(self._set_up_logging, weak=False)
        signals.worker_init.connect(self._check, weak=False)
        signals.worker_ready.connect(self._start_maintenance, weak=False)
        signals.worker_shutting_down.connect(self._release_soon, weak=False)
        signals.worker_shutdown.connect(self._release_rest, weak=False)
        signals.worker_process_init.connect(self._prepare_process, weak=False)
        signals.worker_process_shutdown.connect(self._flush, weak=False)

    def run(self, verb: Verb, job_ids: Sequence[str]) -> None:
        """Run the jobs of a message in this process."""
        end_on_signals()
        self.runner.run(verb, job_ids)

    @cached_property
    def runner(self) -> JobRunner:
        """The runner of this process."""
        components = self._components
        settings = components.settings
        ledger = factory.worker_ledger(settings, components.payloads, self._node, str(os.getpid()))
        runner = JobRunner(components.service, ledger, tracing=self._tracing)
        if settings.logs_each_request:
            runner.on_finished = partial(log_jobs, line_sink(settings))
        return runner

    @cached_property
    def _components(self) -> Components:
        """The components with which this process runs jobs."""
        return self._build(self._settings())

    @cached_property
    def _tracing(self) -> Tracing | None:
        return tracing(self._settings(), "trinity-worker")

    def _set_up_logging(self, loglevel: int | str | None, logfile: str | None, **_: object) -> None:
        """Write Celery's records in Trinity's format; --loglevel and --logfile apply to them."""
        install(self._settings())
        root = logging.getLogger()
        root.setLevel(loglevel or logging.WARNING)
        if logfile:
            root.addHandler(logging.FileHandler(logfile))

    def _check(self, sender: Any, **_: object) -> None:
        """End the worker before it takes jobs if it could not run them; `sender` is Celery's worker."""
        pool = get_implementation(sender.pool_cls)
        if not issubclass(pool, TaskPool):
            names = [name for name in get_available_pool_names() if name.startswith(pool.__module__.rpartition(".")[2])]
            raise SystemExit(NEEDS_PROCESSES.format(*names or [pool.__qualname__]))
        try:
            components = self._build(self._settings())
            components.check_store()
            wanted(components.settings)
        except SettingsError as error:
            raise SystemExit(f"Trinity can't start:\n{error}") from None
        self._node, self._pid = new_name(), os.getpid()

    def _start_maintenance(self, **_: object) -> None:
        """Start the threads that maintain the jobs of this worker's processes."""
        components = self._build(self._settings())
        settings, payloads = components.settings, components.payloads
        maintenance = factory.maintenance(settings, self._node)
        exits, processes = ExpectedExits(), StoppedProcesses()
        exits.install()
        lease_keeper = LeaseKeeper(maintenance, processes.children, exits.kill, was_stopped=processes.was_stopped)
        self._release_all = lease_keeper.release_all
        reconciler = Reconciler(maintenance, self._broker.publish, self._broker.depth, settings.lease)
        start_periodic("lease-keeper", lease_keeper.step, LEASE_CHECK_S)
        start_periodic("reconciler", reconciler.step, RECONCILE_S)
        sweep = partial(payloads.sweep, maintenance.needs_payload, PAYLOAD_AGE_S)
        start_periodic("payload-cleanup", lambda: sweep(time.time()), CLEANUP_S)
        if settings.webhook_secret is not None:
            hosts = named_hosts(settings.webhook_hosts)
            ledger = factory.ledger(settings, payloads)
            pool = ThreadPoolExecutor(MAX_CONCURRENT, thread_name_prefix="webhook")
            outbox = Outbox(maintenance, ledger, pool, settings.webhook_secret, hosts)
            start_periodic("outbox", outbox.step, OUTBOX_S)
        if settings.events_url is not None:
            events = registry_events(settings, components.store.registry)
            start_periodic("registry-events", events.step, EVENTS_S)

    def _release_soon(self, **_: object) -> None:
        """Release jobs that don't end soon to other workers."""
        if self._release_all is not None:
            release_later(self._release_all)

    def _release_rest(self, **_: object) -> None:
        """Release the jobs of processes that were stopped together with this one to other workers, before it ends."""
        if self._release_all is not None:
            release_jobs(self._release_all)

    def _prepare_process(self, **_: object) -> None:
        """Import and build everything before the first job, and begin to load versions.

        Each process loads its own: libraries with threads of OpenMP hang in the child of a process that has used them.
        """
        exit_with_parent(self._pid or os.getppid())  # `_pid` is 0 in a spawned process
        self.runner  # noqa: B018  built now
        if self._components.settings.preload:
            service = self._components.service
            Preload(service, VersionChecks(service.models, service.store)).start()

    def _flush(self, **_: object) -> None:
        """Write the last log lines: the process ends right after this."""
        if self._tracing is not None:
            self._tracing.close()
        stderr().flush()
