"""What watches over queued jobs beside a worker's processes: leases, deadlines, lost jobs and lost messages."""

from app.keeper.beat import Beat
from app.keeper.ended import Ended
from app.keeper.keeper import Keeper
from app.keeper.node import Node, children, end_with_parent
from app.keeper.outbox import Outbox
from app.keeper.reconciler import Reconciler
from app.keeper.sweep import Sweep

__all__ = ["Beat", "Ended", "Keeper", "Node", "Outbox", "Reconciler", "Sweep", "children", "end_with_parent"]
