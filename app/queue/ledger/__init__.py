"""The ledger: every queued job in Redis, from acceptance to result."""

from app.queue.ledger.claims import Claim, WorkerLedger
from app.queue.ledger.ledger import INLINE_BYTES, Duplicate, Ledger, StoredWork, Submission
from app.queue.ledger.limits import Limits
from app.queue.ledger.maintenance import DueWebhook, HeldJob, LedgerMaintenance
from app.queue.ledger.scripts import WORKER_TIMEOUT_S, LedgerUnavailable, connect
from app.queue.ledger.stats import LedgerStats, QueueStats

__all__ = [
    "INLINE_BYTES",
    "WORKER_TIMEOUT_S",
    "Claim",
    "DueWebhook",
    "Duplicate",
    "HeldJob",
    "Ledger",
    "LedgerMaintenance",
    "LedgerStats",
    "LedgerUnavailable",
    "Limits",
    "QueueStats",
    "StoredWork",
    "Submission",
    "WorkerLedger",
    "connect",
]
