"""Queued jobs: how far they are, what came of them, what happens to them; and their cancellation and second chance."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import msgspec
from falcon.asgi import Request, Response, SSEvent

from app.dispatch.dispatcher import Dispatcher
from app.errors import Invalid
from app.schemas.jobs import Event, Job, JobQuery, envelope
from app.schemas.verbs import VERBS
from app.serve.bodies.npy_body import as_npy, prefers_npy
from app.serve.responses import send_accepted, send_json, send_npy, send_result

STATUSES = ("PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED")
PAGE_JOBS = 50
MAX_PAGE_JOBS = 200
RECONNECT_MS = 2000  # how long a client waits before it comes back
_CURSOR = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?_[0-9a-f]{32}")


class JobList:
    """GET /jobs[?status=&verb=&model=&limit=&cursor=]."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def on_get(self, req: Request, resp: Response) -> None:
        """Return a page of jobs, newest first, without their results."""
        found, cursor = await self._dispatcher.jobs(_page(req))
        send_json(resp, {"jobs": [envelope(job, queued=True) for job in found], "next": cursor})


class JobResource:
    """GET /jobs/{id}[?wait=S] and DELETE /jobs/{id}."""

    def __init__(self, dispatcher: Dispatcher, max_wait_s: int) -> None:
        self._dispatcher = dispatcher
        self._max_wait_s = max_wait_s

    async def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Return the job's envelope, when it is finished or after `wait` seconds."""
        job = await self._dispatcher.job(job_id, wait_seconds(req, self._max_wait_s))
        send_json(resp, envelope(job, queued=True))

    async def on_delete(self, req: Request, resp: Response, job_id: str) -> None:  # noqa: ARG002  Falcon's signature
        """Cancel the job, whether it waits or runs; when it is cancelled already, say so again."""
        send_json(resp, envelope(await self._dispatcher.cancel(job_id), queued=True))


class JobResult:
    """GET /jobs/{id}/result[?wait=S]."""

    def __init__(self, dispatcher: Dispatcher, max_wait_s: int, pool: ThreadPoolExecutor) -> None:
        self._dispatcher = dispatcher
        self._max_wait_s = max_wait_s
        self._pool = pool

    async def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Return the result alone, the problem of a failed job, or 202 while there is neither.

        Of a prediction the result may be npy.
        """
        job = await self._dispatcher.job(job_id, wait_seconds(req, self._max_wait_s))
        if not VERBS[job.verb].needs_y and job.status == "SUCCESS" and prefers_npy(req):
            send_npy(resp, job, await as_npy(job, self._pool))
        else:
            send_result(resp, job)


class JobRetry:
    """POST /jobs/{id}/retry."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def on_post(self, req: Request, resp: Response, job_id: str) -> None:  # noqa: ARG002  Falcon's signature
        """Queue a job again that failed or was cancelled; until it ends, once however often that is asked."""
        send_accepted(resp, await self._dispatcher.retry(job_id))


class JobFeedEvents:
    """GET /jobs/events: the newest jobs as server-sent events, for those who watch them all."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002  Falcon's signature
        """Tell the newest jobs, and again whenever one of them has changed."""
        resp.set_header("X-Accel-Buffering", "no")  # nginx would keep events back
        resp.sse = _board(self._dispatcher.board())


class JobEvents:
    """GET /jobs/{id}/events: server-sent events (WHATWG HTML §9.2)."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        """Tell what happens to the job until it is finished, from after `Last-Event-ID` on."""
        await self._dispatcher.job(job_id, 0)  # an unknown job is a 404, and not a stream without an event
        resp.set_header("X-Accel-Buffering", "no")  # nginx would keep events back
        resp.sse = _stream(self._dispatcher.events(job_id, _last_seen(req)), job_id)


def wait_seconds(req: Request, max_wait_s: int) -> float:
    """Return ?wait=S, bounded; raise Invalid when S is not a number of seconds."""
    return min(_whole_number(req, "wait", "0"), max_wait_s)


async def _stream(events: AsyncIterator[Event | None], job_id: str) -> AsyncIterator[SSEvent | None]:
    async for event in events:
        if event is None:
            yield None  # Falcon makes it a comment, which shows that the stream lives
            continue
        told: dict[str, Any] = msgspec.json.decode(event.data)
        told["at"] = datetime.fromtimestamp(told["at"], UTC)
        kind = "progress" if "progress" in told else "state"
        yield SSEvent(msgspec.json.encode({"id": job_id, **told}), event=kind, event_id=str(event.seq))


async def _board(changes: AsyncIterator[list[Job] | None]) -> AsyncIterator[SSEvent | None]:
    async for jobs in changes:
        if jobs is None:
            yield None
        else:
            told = {"jobs": [envelope(job, queued=True) for job in jobs]}
            yield SSEvent(msgspec.json.encode(told), event="jobs", retry=RECONNECT_MS)


def _last_seen(req: Request) -> int:
    text = req.get_header("Last-Event-ID") or "0"
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0  # noqa: PLR2004


def _page(req: Request) -> JobQuery:
    cursor = req.get_param("cursor")
    if cursor is not None and not _CURSOR.fullmatch(cursor):
        raise Invalid.at("/cursor", "cursor is what `next` was in the page before")
    limit = _whole_number(req, "limit", str(PAGE_JOBS))
    if not 1 <= limit <= MAX_PAGE_JOBS:
        raise Invalid.at("/limit", f"limit is a whole number from 1 to {MAX_PAGE_JOBS}")
    return JobQuery(
        limit, cursor, _one_of(req, "status", STATUSES), _one_of(req, "verb", tuple(VERBS)), req.get_param("model")
    )


def _one_of(req: Request, name: str, words: tuple[str, ...]) -> str | None:
    word = req.get_param(name)
    if word is not None and word not in words:
        raise Invalid.at(f"/{name}", f"{name} is one of {', '.join(words)}")
    return word


def _whole_number(req: Request, name: str, default: str) -> int:
    text = req.get_param(name) or default
    if not text.isascii() or not text.isdigit() or len(text) > 9:  # noqa: PLR2004  nobody waits 30 years
        raise Invalid.at(f"/{name}", f"{name} is a whole number" + (" of seconds" if name == "wait" else ""))
    return int(text)
