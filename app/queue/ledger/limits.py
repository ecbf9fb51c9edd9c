"""The limits of the ledger, in the form in which its scripts take them."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from app.errors import TrinityError

MAX_STOPS = 50  # how often the process of a job may be stopped by a signal: a model might send it to itself
TOMBSTONE_S = 86_400  # how long an expired job is remembered


class Limits(NamedTuple):
    """How long jobs are kept, how many may wait, how often one may start, and how long a lease lasts."""

    result_ttl_s: int
    max_pending: int
    max_attempts: int
    lease_s: float

    @property
    def ttls_s(self) -> tuple[int, int]:
        """How long a finished job is kept, and how long its id is remembered, in seconds."""
        return self.result_ttl_s, self.result_ttl_s + TOMBSTONE_S

    def requeue_arguments(
        self,
        error: TrinityError,
        *,
        count_attempt: bool = True,
        worker_lost: bool = False,
        unbatched: bool = False,
        stopped: bool = False,
    ) -> list[int | bytes]:
        """Return the arguments of requeue.lua before the jobs; `error` is that of a job that may not start again."""
        flags = int(count_attempt), int(worker_lost), int(unbatched), MAX_STOPS if stopped else 0
        return [self.max_attempts, *self.ttls_s, msgspec.json.encode(error.failure()), *flags]
