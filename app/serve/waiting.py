"""Waiting for the end of a submitted job, as a request prefers it (RFC 7240 §4.3)."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from app.dispatch.dispatcher import Dispatcher
from app.errors import Unavailable
from app.schemas.jobs import Job
from app.serve.preferences import Preference, was_cut_short


async def awaited(dispatcher: Dispatcher, job: Job, preferred: Preference) -> tuple[Job, Preference]:
    """Return the job at its end or after the preferred seconds; a wait that ended early was not applied."""
    if not preferred.wait_s or job.finished:
        return job, preferred
    started_s = asyncio.get_running_loop().time()
    with suppress(Unavailable):  # the job is accepted, whether or not it can be watched
        job = await dispatcher.job(job.id, preferred.wait_s)
    waited = job.finished or not was_cut_short(started_s, preferred.wait_s)
    return job, preferred if waited else preferred._replace(wait_s=None)
