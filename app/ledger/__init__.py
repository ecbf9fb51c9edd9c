"""The ledger: every queued job in Redis, from acceptance to result; each step of many jobs is one atomic script."""

from app.ledger.ledger import Claim, Ledger, LedgerUnavailable, connect

__all__ = ["Claim", "Ledger", "LedgerUnavailable", "connect"]
