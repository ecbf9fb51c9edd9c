"""Async mode: jobs in a ledger, run by Celery workers. This module stays empty: sync mode loads no Redis."""
