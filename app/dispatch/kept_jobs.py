"""Sync mode: jobs whose results have files, kept in the store so that these can be downloaded."""

from __future__ import annotations

import msgspec

from app.schemas.decoding import decode_json
from app.schemas.jobs import Job
from app.storage.payload_store import KEPT, Payloads


class KeptJob(msgspec.Struct):
    """The stored part of a job."""

    model: str
    version: int | None
    created_s: float
    result: msgspec.Raw


class KeptJobs:
    """Stores jobs beside the files of their results. The names have the same suffix, so both are swept together."""

    def __init__(self, payloads: Payloads) -> None:
        self._payloads = payloads

    def keep(self, job: Job) -> None:
        """Store a job if its result has files."""
        if job.result is not None and f'"href":"/jobs/{job.id}/'.encode() in bytes(job.result):
            kept = KeptJob(job.model, job.version, job.created_s, job.result)
            self._payloads.put(_name(job.id), msgspec.json.encode(kept))

    def find(self, job_id: str) -> Job | None:
        """Return a stored job, or None if it is not in the store."""
        content = self._payloads.find(_name(job_id))
        if content is None:
            return None
        kept = decode_json(content, KeptJob)
        return Job(
            id=job_id,
            verb="predict",
            model=kept.model,
            version=kept.version,
            status="SUCCESS",
            created_s=kept.created_s,
            result=kept.result,
            queued=False,
        )


def _name(job_id: str) -> str:
    return f"{job_id}.{KEPT}"
