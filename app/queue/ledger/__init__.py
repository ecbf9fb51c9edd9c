"""The ledger: every queued job in Redis, from acceptance to result."""
