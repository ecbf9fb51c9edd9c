"""GET /jobs/{id}/events and /jobs/events: server-sent events (WHATWG HTML §9.2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from falcon.asgi import Request, Response, SSEvent

from app.dispatch.dispatcher import Dispatcher
from app.errors import TrinityError
from app.schemas.jobs import Event, Job, envelope
from app.serve.openapi.parts import Parameter, ResponseSpec
from app.serve.resources.jobs import NO_JOB, SHORT_JOB
from app.serve.resources.route import queued_route, route

RECONNECT_MS = 2000  # how long a client waits before it connects again


class ServerEvent(msgspec.Struct):
    """One event of the stream; `data` is JSON with id, status or progress and step, and at (the time, RFC 3339)."""

    id: str
    event: Literal["state", "progress"]
    data: str


class JobEvents:
    """GET /jobs/{id}/events and, for the page, /jobs/events."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    @queued_route(
        "/jobs/{job_id}/events",
        "What happens to a job, as server-sent events.",
        {**NO_JOB, 200: ResponseSpec("Events until the job ends.", {"text/event-stream": ServerEvent})},
        parameters=(Parameter("Last-Event-ID", str, "Send only events after this one.", "header"),),
        operation="watch_job",
        streams=True,
        setup=SHORT_JOB,
        example_path="$job/events",
    )
    async def on_get(self, req: Request, resp: Response, job_id: str) -> None:
        await self._dispatcher.job(job_id, 0)  # an unknown job is a 404, and not a stream without events
        resp.set_header("X-Accel-Buffering", "no")  # nginx would buffer events
        resp.sse = _events(self._dispatcher.events(job_id, _last_event_id(req)), job_id)

    @route("/jobs/events", "The newest jobs, at each change.", public=False, streams=True)
    async def on_get_feed(self, req: Request, resp: Response) -> None:
        resp.set_header("X-Accel-Buffering", "no")  # nginx would buffer events
        resp.sse = _feed_events(self._dispatcher.latest_jobs(), req.root_path)


async def _events(events: AsyncIterator[Event | None], job_id: str) -> AsyncIterator[SSEvent | None]:
    with suppress(TrinityError):  # the ledger is unavailable: the stream ends, and the client reconnects
        async for event in events:
            if event is None:
                yield None  # Falcon makes it a comment, which shows that the stream lives
                continue
            data: dict[str, Any] = msgspec.json.decode(event.data)
            data["at"] = datetime.fromtimestamp(data["at"], UTC)
            kind = "progress" if "progress" in data else "state"
            yield SSEvent(msgspec.json.encode({"id": job_id, **data}), event=kind, event_id=str(event.seq))


async def _feed_events(changes: AsyncIterator[list[Job] | None], root_path: str) -> AsyncIterator[SSEvent | None]:
    with suppress(TrinityError):  # as above
        async for jobs in changes:
            if jobs is None:
                yield None
            else:
                data = {"jobs": [envelope(job, root_path) for job in jobs]}
                yield SSEvent(msgspec.json.encode(data), event="jobs", retry=RECONNECT_MS)


def _last_event_id(req: Request) -> int:
    text = req.get_header("Last-Event-ID") or "0"
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0  # noqa: PLR2004
