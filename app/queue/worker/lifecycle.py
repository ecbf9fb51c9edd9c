"""Connects a worker to Celery's signals: checks at the start, maintenance threads, and how it stops."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from celery import signals

from app.queue import parts
from app.queue.broker import Broker
from app.queue.webhooks.urls import named_hosts
from app.queue.worker.exit_log import ExpectedExits
from app.queue.worker.job_log import JobLog
from app.queue.worker.lease_keeper import LeaseKeeper
from app.queue.worker.node import Node, children, exit_with_parent
from app.queue.worker.outbox import MAX_CONCURRENT, Outbox
from app.queue.worker.payload_cleanup import PayloadCleanup
from app.queue.worker.periodic import PeriodicThread
from app.queue.worker.reconciler import Reconciler
from app.queue.worker.runner import JobRunner
from app.service import Components
from app.settings import Settings, SettingsError
from app.telemetry.logs import install, line_sink, stderr
from app.telemetry.tracing_setup import tracing, wanted

if TYPE_CHECKING:
    from app.telemetry.tracing import Tracing

LEASE_CHECK_S = 0.5  # how often a worker checks its own jobs
RECONCILE_S = 1.0  # and those of all workers
OUTBOX_S = 0.5
CLEANUP_S = 600.0


class WorkerLifecycle:
    """One worker. `build` makes its components in each process anew: connections must not be shared across a fork."""

    def __init__(
        self, settings: Callable[[], Settings], build: Callable[[Settings], Components], broker: Broker
    ) -> None:
        self._settings = settings
        self._build = build
        self._broker = broker
        self._node = Node()

    def connect(self) -> None:
        """Have Celery call this object; by strong references, because nothing else holds the methods."""
        signals.setup_logging.connect(self._set_up_logging, weak=False)
        signals.worker_init.connect(self._check, weak=False)
        signals.worker_ready.connect(self._start_maintenance, weak=False)
        signals.worker_shutting_down.connect(self._release_jobs, weak=False)
        signals.worker_process_init.connect(self._prepare_process, weak=False)
        signals.worker_process_shutdown.connect(self._flush, weak=False)

    @cached_property
    def runner(self) -> JobRunner:
        """The runner of this process."""
        components = self._build(self._settings())
        settings = components.settings
        ledger = parts.worker_ledger(settings, components.payloads, self._node.name, str(os.getpid()))
        runner = JobRunner(components.service, ledger, tracing=self._tracing)
        if settings.logs_each_request:
            runner.on_finished = JobLog(line_sink(settings))
        return runner

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

    def _check(self, **_: object) -> None:
        """End the worker before it takes jobs if it could not run them."""
        try:
            components = self._build(self._settings())
            components.check_store()
            wanted(components.settings)
            self._node.assign_name()
        except SettingsError as error:
            raise SystemExit(f"Trinity can't start:\n{error}") from None

    def _start_maintenance(self, **_: object) -> None:
        """Start the threads that maintain the jobs of this worker's processes."""
        components = self._build(self._settings())
        settings, node, broker = components.settings, self._node.name, self._broker
        exits = ExpectedExits()
        exits.install()
        lease_keeper = LeaseKeeper(parts.maintenance(settings, node), children, exits.kill)
        reconciler = Reconciler(parts.maintenance(settings, node), broker.publish, broker.depth, settings.lease)
        cleanup = PayloadCleanup(parts.maintenance(settings, node), components.payloads)
        threads = [
            PeriodicThread("lease-keeper", lease_keeper.step, LEASE_CHECK_S),
            PeriodicThread("reconciler", reconciler.step, RECONCILE_S),
            PeriodicThread("payload-cleanup", cleanup.step, CLEANUP_S),
        ]
        if settings.webhook_secret is not None:
            hosts = named_hosts(settings.webhook_hosts)
            jobs = parts.ledger(settings, components.payloads)
            pool = ThreadPoolExecutor(MAX_CONCURRENT, thread_name_prefix="webhook")
            outbox = Outbox(parts.maintenance(settings, node), jobs, pool, settings.webhook_secret, hosts)
            threads.append(PeriodicThread("outbox", outbox.step, OUTBOX_S))
        self._node.start(threads, lease_keeper.release_all)

    def _release_jobs(self, **_: object) -> None:
        """Leave jobs that don't end soon to other workers."""
        self._node.schedule_release()

    def _prepare_process(self, **_: object) -> None:
        """Import and build everything before the first job."""
        exit_with_parent(self._node.pid or os.getppid())  # a spawned process does not know the pid
        self.runner  # noqa: B018  built now

    def _flush(self, **_: object) -> None:
        """Write the last log lines: the process ends right after this."""
        if self._tracing is not None:
            self._tracing.close()
        stderr().flush()
