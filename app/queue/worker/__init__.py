"""A worker: runs jobs, and beside them maintains leases, deadlines, lost jobs, lost messages and webhooks."""

from app.queue.worker.exit_log import ExpectedExits
from app.queue.worker.lease_keeper import LeaseKeeper
from app.queue.worker.node import Node, children, exit_with_parent
from app.queue.worker.outbox import Outbox
from app.queue.worker.payload_cleanup import PayloadCleanup
from app.queue.worker.periodic import PeriodicThread
from app.queue.worker.reconciler import Reconciler

__all__ = [
    "ExpectedExits",
    "LeaseKeeper",
    "Node",
    "Outbox",
    "PayloadCleanup",
    "PeriodicThread",
    "Reconciler",
    "children",
    "exit_with_parent",
]
