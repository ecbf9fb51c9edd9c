"""The ledger for a worker's processes: claim jobs under a lease, report progress, commit, finish."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from logging import getLogger
from typing import NamedTuple

import msgspec
from redis import Redis

from app.errors import Failure, Invalid, Superseded, TrinityError, Unavailable, WorkerLost
from app.queue.ended_jobs import OnEnded, ended_jobs, ignore_ended
from app.queue.ledger.ledger import INLINE_BYTES
from app.queue.ledger.limits import Limits
from app.queue.ledger.scripts import JOB, Scripts, redis_errors
from app.schemas.decoding import json_decoder
from app.schemas.jobs import Outcome, Status
from app.schemas.requests import Work, stored_files, unpack
from app.storage.payload_store import Payloads
from app.telemetry.context import RequestContext
from app.telemetry.metrics import bucket_of

logger = getLogger(__name__)

SUPERSEDED = "the job was cancelled, or given to another worker"

_claimed = json_decoder(list[tuple[str, int, str, int, str, str, str]])  # as claim.lua returns it


class Claim(NamedTuple):
    """A job that only this process may finish; a later claim of the job has a larger `fence`."""

    job_id: str
    fence: int
    work: Work
    reference: str
    attempts: int
    request_id: str = ""
    trace: str = ""
    key_name: str = ""

    @property
    def asked(self) -> RequestContext:
        """The request that created the job."""
        return RequestContext(self.request_id, self.trace, self.key_name)


class FinishResult(NamedTuple):
    """What the ledger stored: whether the claim was still valid (`counted`), and the failure, which may be new."""

    counted: bool
    failure: Failure | None


class _FinishArgs(NamedTuple):
    """The arguments of finish.lua for one job, in its order."""

    job_id: str
    fence: int
    status: Status
    version: int | str = ""  # '': keep it
    result: bytes = b""
    reference: str = ""
    failure: bytes = b""
    took_s: float | str = ""  # '': unknown
    bucket: str = ""
    rows: int = 0


class WorkerLedger:
    """The claims of one process, the `child` of a `node`. The node renews their leases while the child lives."""

    def __init__(
        self, redis: Redis, payloads: Payloads, limits: Limits, node: str, child: str, on_ended: OnEnded = ignore_ended
    ) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._payloads = payloads
        self._limits = limits
        self._node = node
        self._child = child
        self._on_ended = on_ended

    def claim(self, job_ids: Sequence[str]) -> list[Claim]:
        """Claim the jobs that still wait; unknown, claimed and finished jobs are left out."""
        claimed, *contents = self._scripts("claim", self._node, self._child, self._limits.lease_s, *job_ids) or [b"[]"]
        claims = []
        for row, content in zip(_claimed.decode(claimed), contents, strict=True):
            job_id, fence, reference, attempts, *asked = row
            work = self._work(job_id, fence, content, reference)
            if work is not None:
                claims.append(Claim(job_id, fence, work, reference, attempts, *asked))
        return claims

    def progress(self, claim: Claim, fraction: float, step: str = "") -> None:
        """Store the progress of a job and its current step."""
        shown = msgspec.json.encode(step) if step else b""
        self._scripts("progress", claim.job_id, claim.fence, f"{fraction:.4g}", shown)

    def commit(self, claim: Claim) -> None:
        """Get permission to make the job's effect visible; raise Superseded if this claim is no longer valid."""
        if not self._scripts("commit", claim.job_id, claim.fence):
            raise Superseded(SUPERSEDED)

    def check(self, claim: Claim) -> None:
        """Raise Superseded if a claim is no longer valid."""
        with redis_errors():
            found = self._redis.hmget(f"{JOB}{claim.job_id}", ["status", "fence"])
        if found != [b"STARTED", b"%d" % claim.fence]:
            raise Superseded(SUPERSEDED)

    def finish(self, outcomes: Sequence[tuple[Claim, Outcome]]) -> list[FinishResult]:
        """Store how claimed jobs ended; return what was stored, because a result that can't be stored is a failure.

        The ledger counts for each job an equal share of the time that all of them took.
        """
        span_s = max(o.finished_s for _, o in outcomes) - min(o.started_s for _, o in outcomes)
        finished = [self._arguments(claim, outcome, span_s / len(outcomes)) for claim, outcome in outcomes]
        counted = self._finish([arguments for arguments, _ in finished])
        for (claim, _), (arguments, failure), done in zip(outcomes, finished, counted, strict=True):
            with suppress(Unavailable):  # the payload cleanup will find it
                if arguments.reference and not done:
                    self._payloads.drop(arguments.reference)
                if claim.reference and done and not arguments.failure:
                    self._payloads.drop(claim.reference)
                for file in stored_files(claim.work) if done and not _may_be_retried(failure) else ():
                    self._payloads.drop(file.reference)
        return [FinishResult(done, failure) for done, (_, failure) in zip(counted, finished, strict=True)]

    def _finish(self, finished: Sequence[_FinishArgs]) -> list[bool]:
        values = [value for arguments in finished for value in arguments]
        return [bool(done) for done in self._scripts("finish", self._node, *self._limits.ttls_s, *values)]

    def _arguments(self, claim: Claim, outcome: Outcome, took_s: float) -> tuple[_FinishArgs, Failure | None]:
        """Return the arguments for a job; a job whose result can't be stored has failed."""
        result, reference, failure = bytes(outcome.result or b""), "", outcome.failure
        if len(result) > INLINE_BYTES:
            try:
                result, reference = b"", self._payloads.put(f"{claim.job_id}.{claim.fence}.result", result)
            except Unavailable as error:
                result, failure = b"", error.failure()
        spent: tuple[float | str, str, int] = took_s, bucket_of(took_s), 0 if failure else outcome.rows
        if failure and claim.work.estimator:  # the model may not exist, and requests choose its name
            spent = "", "", 0
        if failure:
            version = claim.work.version or ""
            return _FinishArgs(
                claim.job_id, claim.fence, "FAILURE", version, b"", "", msgspec.json.encode(failure), *spent
            ), failure
        version = outcome.version or ""
        return _FinishArgs(claim.job_id, claim.fence, "SUCCESS", version, result, reference, b"", *spent), None

    def _work(self, job_id: str, fence: int, content: bytes, reference: str) -> Work | None:
        """Return the work of a job; if it can't be read, fail the job or queue it again."""
        try:
            return unpack(self._payloads.get(reference) if reference else content)
        except Unavailable:  # the store may be back when the job is tried again
            lost = WorkerLost(f"the request could not be read {self._limits.max_attempts} times")
            _, *failed = self._scripts("requeue", *self._limits.requeue_arguments(lost), job_id, fence)
            self._on_ended(ended_jobs(failed), lost.kind)
            return None
        except (TrinityError, msgspec.MsgspecError, ValueError) as error:
            failure = error.failure() if isinstance(error, TrinityError) else UNREADABLE
            logger.warning("job %s failed before it began: %s", job_id, failure.kind)
            content = msgspec.json.encode(failure)
            failed = self._scripts("fail", job_id, fence, *self._limits.ttls_s, content, 1)
            self._on_ended(ended_jobs(failed), failure.kind)
            return None


def _may_be_retried(failure: Failure | None) -> bool:
    """Whether the file of a job may be needed again; a file that was refused for its content is not."""
    return failure is not None and failure.kind != Invalid.kind


UNREADABLE = TrinityError("the ledger holds the job in a form that can't be read").failure()
