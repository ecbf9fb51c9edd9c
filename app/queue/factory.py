"""Builds the objects of async mode from the settings. Nothing connects before its first use."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from app.queue.broker import Broker
from app.queue.dispatcher import QueuedDispatcher
from app.queue.ended_jobs import OnEnded, ignore_ended, log_ended
from app.queue.ledger.claims import WorkerLedger
from app.queue.ledger.ledger import Ledger
from app.queue.ledger.limits import Limits
from app.queue.ledger.maintenance import LedgerMaintenance
from app.queue.ledger.scripts import WORKER_TIMEOUT_S, connect
from app.queue.notifications import JobNotifications
from app.queue.publisher import Publisher
from app.schemas.verbs import VERBS, Verb
from app.settings import Settings, SettingsError
from app.storage.payload_store import Payloads
from app.telemetry.logs import line_sink

if TYPE_CHECKING:
    from app.telemetry.tracing import Tracing


def dispatcher(settings: Settings, ledger: Ledger, broker: Broker, tracing: Tracing | None) -> QueuedDispatcher:
    """Return the dispatcher of a web process."""
    timeouts_s: dict[Verb, float] = {verb: settings.timeout_of(verb) for verb in VERBS}
    readers = ThreadPoolExecutor(settings.threads, thread_name_prefix="ledger")
    notifications, publisher = JobNotifications(_ledger_url(settings)), Publisher(broker.publish)
    return QueuedDispatcher(ledger, notifications, publisher, readers, timeouts_s, settings.max_held, tracing)


def ledger(settings: Settings, payloads: Payloads) -> Ledger:
    """Return the ledger for a web process."""
    return Ledger(connect(_ledger_url(settings)), payloads, _limits(settings), _on_ended(settings))


def worker_ledger(settings: Settings, payloads: Payloads, node: str, child: str) -> WorkerLedger:
    """Return the ledger for a worker's process."""
    redis = connect(_ledger_url(settings), WORKER_TIMEOUT_S)
    return WorkerLedger(redis, payloads, _limits(settings), node, child, _on_ended(settings))


def maintenance(settings: Settings, node: str) -> LedgerMaintenance:
    """Return the ledger for a worker's maintenance threads."""
    return LedgerMaintenance(
        connect(_ledger_url(settings), WORKER_TIMEOUT_S), _limits(settings), node, _on_ended(settings)
    )


def _on_ended(settings: Settings) -> OnEnded:
    """Return the writer of log lines for jobs that ran in another process and are ended by this one."""
    return partial(log_ended, line_sink(settings)) if settings.logs_each_request else ignore_ended


def _limits(settings: Settings) -> Limits:
    return Limits(settings.result_ttl, settings.max_pending, settings.max_attempts, settings.lease)


def _ledger_url(settings: Settings) -> str:
    """Return the URL of the ledger; raise SettingsError if it is not set."""
    if settings.ledger_url is None:
        raise SettingsError("TRINITY_LEDGER_URL: a queue needs a ledger")
    return settings.ledger_url
