"""The ledger for web processes: accept, read, list, cancel and retry jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, cast

import msgspec
from redis import Redis

from app.errors import Cancelled, Conflict, Failure, Gone, NotFound, TrinityError, Unavailable
from app.queue.ended_jobs import OnEnded, ended_jobs, ignore_ended
from app.queue.ledger.acceptance import Duplicate, StoredWork, Submission, answered, is_alone, queue_full
from app.queue.ledger.limits import Limits
from app.queue.ledger.scripts import GONE, JOB, JOBS, LANE, LEASES, Scripts, redis_errors
from app.queue.ledger.stats import SCAN_LIMIT, SILENT_S, QueueStats, queue_stats
from app.schemas.decoding import decode_json
from app.schemas.jobs import Event, Job, JobQuery, Status
from app.schemas.requests import Work, pack
from app.schemas.verbs import VERBS, Verb
from app.storage.payload_store import Payloads

INLINE_BYTES = 65_536  # larger requests and results are stored as files, and the ledger keeps a reference
KEY_TTL_S = 86_400  # how long an idempotency key is kept
PAGE_SCAN = 200  # jobs read at once for a list
MAX_SCAN = 20_000  # jobs read in one request: a filter that rarely matches ends in a short page with a cursor


class Ledger:
    """Every transition takes many jobs and is one atomic step. All times come from Redis, so clocks cannot disagree."""

    def __init__(self, redis: Redis, payloads: Payloads, limits: Limits, on_ended: OnEnded = ignore_ended) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._payloads = payloads
        self._limits = limits
        self._on_ended = on_ended

    def ping(self) -> None:
        """Raise LedgerUnavailable unless Redis responds."""
        with redis_errors():
            self._redis.ping()

    def store_work(self, job_id: str, work: Work) -> StoredWork:
        """Pack work, and put large work into the store; raise Unavailable if the store does not take it."""
        content = pack(work)
        if len(content) <= INLINE_BYTES:
            return StoredWork(content)
        return StoredWork(b"", self._payloads.put(f"{job_id}.work", content))

    def discard_work(self, reference: str) -> None:
        """Remove work from the store if its job was not accepted."""
        with suppress(Unavailable):  # the payload cleanup will find it
            self._payloads.drop(reference)

    def accept(self, submissions: Sequence[tuple[Submission, StoredWork]]) -> list[Job | Duplicate | TrinityError]:
        """Commit jobs whose work is stored; return for each the job, the earlier one for a known key, or an error.

        The store is not used here, so that a slow store delays no other job.
        """
        arguments: list[Any] = [self._limits.max_pending, KEY_TTL_S]
        for each, stored in submissions:
            work = each.work
            arguments += [each.job_id, work.verb, work.model, work.version or "", *stored]
            arguments += [each.timeout_s, work.webhook or "", each.key, each.digest, int(is_alone(work, stored))]
            arguments += [each.request_id, each.trace, each.key_name]
        now, *answers = self._scripts("accept", *arguments)
        return [
            answered(each, answer, float(now), unbatched=is_alone(each.work, stored))
            for (each, stored), answer in zip(submissions, answers, strict=True)
        ]

    def job(self, job_id: str, *, with_result: bool = True) -> Job:
        """Return a job; raise NotFound if no job ever had that id, Gone if it has expired.

        Without `with_result` a result that is stored as a file is left out.
        """
        with redis_errors():
            values = cast("list[bytes | None]", self._redis.hmget(f"{JOB}{job_id}", FIELDS))
        job = self._read(job_id, values if with_result else [*values[:-1], None])
        if job is None:
            raise self._why_absent(job_id)
        if job.status in {"PENDING", "RETRY"}:
            with redis_errors():
                rank = self._redis.zrank(f"{LANE}{job.verb}", job_id)
            job.position = None if rank is None else cast("int", rank) + 1
        return job

    def status(self, job_id: str) -> Status:
        """Return a job's status; raise NotFound or Gone."""
        with redis_errors():
            status = cast("bytes | None", self._redis.hget(f"{JOB}{job_id}", "status"))
        if status is None:
            raise self._why_absent(job_id)
        return cast("Status", status.decode())

    def events(self, job_id: str, after: int) -> list[Event]:
        """Return the events of a job after event number `after`; raise NotFound or Gone."""
        with redis_errors():
            log = cast("bytes | None", self._redis.hget(f"{JOB}{job_id}", "log"))
        if log is None:
            raise self._why_absent(job_id)
        lines = (line.split(b" ", 1) for line in log.splitlines())
        return [Event(int(seq), data) for seq, data in lines if int(seq) > after]

    def jobs(self, query: JobQuery) -> tuple[list[Job], str | None]:
        """Return a page of jobs, newest first, without their results, and the cursor of the next page."""
        found: list[Job] = []
        scanned = 0
        for entries in self._newest_first(query.cursor, PAGE_SCAN if query.filtered else query.limit):
            for (_, position), job in zip(entries, self._headers([job_id for job_id, _ in entries]), strict=True):
                scanned += 1
                if job is not None and query.wants(job):
                    found.append(job)
                if len(found) == query.limit or scanned == MAX_SCAN:
                    return found, position
        return found, None

    def cancel(self, job_id: str) -> None:
        """Cancel a job; raise NotFound, Gone, or Conflict if it ended otherwise."""
        failure = msgspec.json.encode(Cancelled("the job was cancelled").failure())
        found, *cancelled = self._scripts("cancel", job_id, *self._limits.ttls_s, failure)
        self._on_ended(ended_jobs(cancelled), Cancelled.kind)
        before = found.decode()
        if not before:
            raise self._why_absent(job_id)
        if before == "COMMITTING":
            raise Conflict("the job is making its result visible at this moment, which can't be undone")
        if before in {"SUCCESS", "FAILURE"}:
            raise Conflict(f"the job is finished ({before})")

    def retry(self, job_id: str) -> Verb:
        """Queue a failed or cancelled job again, once until it ends; return its verb, for a message in any case.

        Raise NotFound, Gone, Conflict or QueueFull.
        """
        before, *verb = (word.decode() for word in self._scripts("retry", job_id, self._limits.max_pending))
        if not before:
            raise self._why_absent(job_id)
        if before == "FULL":
            raise queue_full(1)
        if not verb:
            raise Conflict(f"the job is {before}; only one that failed or was cancelled runs again")
        return cast("Verb", verb[0])

    def unfinished(self, model: str) -> int:
        """Return how many jobs of a model wait or run."""
        with redis_errors():
            pipe = self._redis.pipeline(transaction=True)
            for verb in VERBS:
                pipe.zrange(f"{LANE}{verb}", 0, -1)
            pipe.zrange(LEASES, 0, -1)
            job_ids = {job_id.decode() for found in pipe.execute() for job_id in found}
            pipe = self._redis.pipeline(transaction=False)
            for job_id in job_ids:
                pipe.hget(f"{JOB}{job_id}", "model")
            return sum(found == model.encode() for found in pipe.execute())

    def stats(self) -> QueueStats:
        """Return the state of the queue, and counters of what all workers have done; raise LedgerUnavailable."""
        return queue_stats(*self._scripts("stats", SILENT_S, SCAN_LIMIT))

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _why_absent(self, job_id: str) -> NotFound | Gone:
        with redis_errors():
            if self._redis.exists(f"{GONE}{job_id}"):
                return Gone(f"job {job_id[:64]!r} has expired with its result")
        return NotFound(f"no job {job_id[:64]!r}")

    def _newest_first(self, cursor: str | None, count: int) -> Iterator[list[tuple[str, str]]]:
        """Give the ids of all jobs with their cursors, `count` at a time, starting after `cursor`."""
        score, _, last = (cursor or "+inf").partition("_")
        offset = 0
        while True:
            with redis_errors():
                entries = self._redis.zrevrangebyscore(
                    JOBS, score, "-inf", offset, count, withscores=True, score_cast_func=bytes.decode
                )
            members = [(member.decode(), at) for member, at in cast("list[tuple[bytes, str]]", entries)]
            yield [(job_id, f"{at}_{job_id}") for job_id, at in members if at != score or not last or job_id < last]
            if len(members) < count:
                return
            lowest, at = members[-1]
            if at == score:
                offset += count
            else:  # continue from there, because new jobs are added at the top meanwhile
                score, last, offset = at, lowest, 0

    def _headers(self, job_ids: Sequence[str]) -> list[Job | None]:
        """Return jobs without their results, None for a job that has expired."""
        with redis_errors():
            pipe = self._redis.pipeline(transaction=False)
            for job_id in job_ids:
                pipe.hmget(f"{JOB}{job_id}", HEADER)
            rows = pipe.execute()
        return [self._read(job_id, [*values, None, None]) for job_id, values in zip(job_ids, rows, strict=True)]

    def _read(self, job_id: str, values: list[bytes | None]) -> Job | None:
        (*state, key_name, result, ref) = values
        status, verb, model, version, created, started, finished, attempts, progress, step, failure = state
        if status is None or verb is None or model is None or created is None:
            return None
        raw = self._payloads.get(ref.decode()) if ref else result
        return Job(
            id=job_id,
            verb=cast("Verb", verb.decode()),
            model=model.decode(),
            version=int(version) if version else None,
            status=cast("Status", status.decode()),
            created_s=float(created),
            started_s=float(started) if started else None,
            finished_s=float(finished) if finished else None,
            result=msgspec.Raw(raw) if raw else None,
            failure=decode_json(failure, Failure) if failure else None,
            attempts=int(attempts or 0),
            progress=float(progress) if progress else None,
            step=decode_json(step, str) if step and progress else "",
            key_name=key_name.decode() if key_name else "",
        )


HEADER = ["status", "verb", "model", "version", "created", "started", "finished", "attempts", "progress", "step"]
HEADER += ["failure", "key_name"]
FIELDS = [*HEADER, "result", "result_ref"]
