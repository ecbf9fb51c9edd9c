"""What watches over queued jobs from inside every worker, beside its processes: leases, deadlines, lost jobs and messages."""

from app.keeper.keeper import Keeper
from app.keeper.reconciler import Reconciler

__all__ = ["Keeper", "Reconciler"]
