"""The bounds that the ledger keeps, and the words in which its scripts are told of them."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from app.errors import Failure, WorkerLost

TOMBSTONE_S = 86_400  # how long an expired job is remembered


class Limits(NamedTuple):
    """The bounds that the ledger keeps."""

    result_ttl_s: int
    max_pending: int
    max_attempts: int
    lease_s: float

    @property
    def ttls_s(self) -> tuple[int, int]:
        """How long a finished job is kept, and how long it is remembered."""
        return self.result_ttl_s, self.result_ttl_s + TOMBSTONE_S

    def requeue_arguments(self, what: str, *, uncounted: bool = False, worker_lost: bool = False) -> list[int | bytes]:
        """Return what `lose` is told before the jobs; `what` happened as often as it may when one of them fails."""
        failure = WorkerLost(f"{what} {self.max_attempts} times").failure()
        return [self.max_attempts, *self.ttls_s, encoded(failure), int(uncounted), int(worker_lost)]


def encoded(failure: Failure | None) -> bytes:
    """Return a failure as the ledger keeps it, nothing for none."""
    return msgspec.json.encode(failure) if failure else b""
