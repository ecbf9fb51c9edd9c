"""The jobs as a worker's processes see them: claim under a lease, report, commit, finish."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec
from redis import Redis

from app.errors import Failure, Superseded, TrinityError, Unavailable, WorkerLost
from app.ledger.ledger import INLINE_BYTES, TOMBSTONE_S, Limits
from app.ledger.scripts import Scripts
from app.payloads import Payloads
from app.schemas import Outcome, Work, unpack


class Claim(NamedTuple):
    """A job that this process, and no other, may finish; `fence` tells its claim from earlier and later ones."""

    job_id: str
    fence: int
    work: Work
    reference: str
    attempts: int


class Claims:
    """The claims of one process, the `child` of a `node`, whose keeper renews them for as long as the child lives."""

    def __init__(self, redis: Redis, payloads: Payloads, limits: Limits, node: str, child: str) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._payloads = payloads
        self._limits = limits
        self._node = node
        self._child = child

    def claim(self, job_ids: Sequence[str]) -> list[Claim]:
        """Take the jobs that still wait; those that are unknown, taken or finished are left out."""
        taken = self._scripts("claim", self._node, self._child, self._limits.lease_s, *job_ids)
        claims = []
        for job_id, fence, content, reference, attempts in taken:
            work = self._work(job_id.decode(), fence, content, reference.decode())
            if work is not None:
                claims.append(Claim(job_id.decode(), fence, work, reference.decode(), attempts))
        return claims

    def progress(self, claim: Claim, fraction: float) -> None:
        """Note how far a job is."""
        self._scripts("progress", claim.job_id, claim.fence, f"{fraction:.4g}")

    def commit(self, claim: Claim) -> None:
        """Ask leave to make the job's effect visible; raise Superseded when this claim counts no more."""
        if not self._scripts("commit", claim.job_id, claim.fence):
            raise Superseded("the job was cancelled, or given to another worker")

    def finish(self, outcomes: Sequence[tuple[Claim, Outcome]]) -> list[bool]:
        """Store how claimed jobs ended; return which of the claims still counted."""
        arguments: list[Any] = [self._limits.result_ttl_s, self._limits.result_ttl_s + TOMBSTONE_S]
        kept = []
        span_s = max(o.finished_s for _, o in outcomes) - min(o.started_s for _, o in outcomes)
        for claim, outcome in outcomes:
            result, reference, failure = self._kept(claim, outcome)
            kept.append((reference, failure))
            version = claim.work.version if failure else outcome.version
            arguments += [claim.job_id, claim.fence, "FAILURE" if failure else "SUCCESS", version or "", result]
            arguments += [reference, msgspec.json.encode(failure) if failure else b""]
            arguments += [span_s / len(outcomes)]
        counted = [bool(done) for done in self._scripts("finish", *arguments)]
        for (claim, _), (reference, failure), done in zip(outcomes, kept, counted, strict=True):
            with suppress(Unavailable):  # the sweep will find it
                if reference and not done:
                    self._payloads.drop(reference)
                if claim.reference and done and failure is None:
                    self._payloads.drop(claim.reference)
        return counted

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _kept(self, claim: Claim, outcome: Outcome) -> tuple[bytes, str, Failure | None]:
        """Return the result, where it is kept instead, and the failure; a result that can't be kept is one."""
        result = bytes(outcome.result or b"")
        if len(result) <= INLINE_BYTES:
            return result, "", outcome.failure
        try:
            return b"", self._payloads.put(f"{claim.job_id}.{claim.fence}.result", result), outcome.failure
        except Unavailable as error:
            return b"", "", error.failure()

    def _work(self, job_id: str, fence: int, content: bytes, reference: str) -> Work | None:
        """Return the work of a job; when it can't be read, the job fails."""
        try:
            return unpack(self._payloads.get(reference) if reference else content)
        except Unavailable:  # the store may be back when the job is tried again
            lost = WorkerLost(f"the request could not be read {self._limits.max_attempts} times").failure()
            limits = [self._limits.max_attempts, self._limits.result_ttl_s, self._limits.result_ttl_s + TOMBSTONE_S]
            self._scripts("lose", *limits, msgspec.json.encode(lost), 0, job_id, fence)
            return None
        except (TrinityError, msgspec.MsgspecError, ValueError) as error:
            failure = error.failure() if isinstance(error, TrinityError) else UNREADABLE
            arguments = [job_id, fence, "FAILURE", "", b"", "", msgspec.json.encode(failure), ""]
            self._scripts("finish", self._limits.result_ttl_s, self._limits.result_ttl_s + TOMBSTONE_S, *arguments)
            return None


UNREADABLE = TrinityError("the ledger holds the job in a form that can't be read").failure()
