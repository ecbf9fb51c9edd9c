"""Unit tests: one part each, on fakes and injected clocks; only the ledger meets a real server."""
