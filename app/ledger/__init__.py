"""The ledger: every queued job in Redis, from acceptance to result; each step of many jobs is one atomic script."""

from app.ledger.claims import Claim, Claims, Finished
from app.ledger.figures import Counting, Figures, Lane
from app.ledger.keeping import Held, Keeping, Webhook
from app.ledger.ledger import INLINE_BYTES, Earlier, Kept, Ledger, Submission
from app.ledger.limits import Limits
from app.ledger.scripts import WORKER_TIMEOUT_S, LedgerUnavailable, connect

__all__ = [
    "INLINE_BYTES",
    "WORKER_TIMEOUT_S",
    "Claim",
    "Claims",
    "Counting",
    "Earlier",
    "Figures",
    "Finished",
    "Held",
    "Keeping",
    "Kept",
    "Lane",
    "Ledger",
    "LedgerUnavailable",
    "Limits",
    "Submission",
    "Webhook",
    "connect",
]
