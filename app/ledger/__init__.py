"""The ledger: every queued job in Redis, from acceptance to result; each step of many jobs is one atomic script."""

from app.ledger.claims import Claim, Claims
from app.ledger.keeping import Held, Keeping
from app.ledger.ledger import Event, Ledger, Limits, Submission
from app.ledger.scripts import LedgerUnavailable, connect

__all__ = ["Claim", "Claims", "Event", "Held", "Keeping", "Ledger", "LedgerUnavailable", "Limits", "Submission", "connect"]
