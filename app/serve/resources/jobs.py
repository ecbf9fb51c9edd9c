"""GET /jobs…: the jobs of async mode, their results; cancelling a job and running it again."""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args

from falcon.asgi import Request, Response
from msgspec import Meta

from app.dispatch.dispatcher import Dispatcher
from app.errors import Invalid
from app.schemas.jobs import JobQuery, Status, envelope
from app.schemas.media_types import CSV, JSON
from app.schemas.verbs import VERBS
from app.serve.bodies.answers import PredictionFormats
from app.serve.bodies.npy_body import NPY
from app.serve.openapi import parts
from app.serve.openapi.parts import Parameter, ResponseSpec, ResponseSpecs
from app.serve.openapi.schemas import ANY_JOB, ANY_RESULT, JOB_PAGE
from app.serve.resources.route import queued_route
from app.serve.responses import send_accepted, send_json, send_result

STATUSES: tuple[str, ...] = get_args(Status)
PAGE_JOBS = 50
MAX_PAGE_JOBS = 200
PAGE_SIZE = Annotated[int, Meta(ge=1, le=MAX_PAGE_JOBS)]
CURSOR = r"[0-9]{1,12}(\.[0-9]{1,9})?_[0-9a-f]{32}"
_CURSOR = re.compile(CURSOR)

# How a shell gets a job to try a route with: one that ends at once, and one that runs long enough to be cancelled.
SHORT_JOB = "job=$(curl -s -o /dev/null -w '%header{location}' -X POST {base}/fit)"
LONG_FIT = '{"data": {"source": "dummy", "params": {"number": 5000000}}}'
LONG_JOB = f"{SHORT_JOB[:-1]} -H 'Content-Type: {JSON}' -d '{LONG_FIT}')"
NO_JOB: ResponseSpecs = {
    404: ResponseSpec("There is no such job."),
    410: ResponseSpec("The job existed, and is no longer kept."),
    503: parts.LEDGER_DOWN,
}


class JobResource:
    """GET /jobs; GET and DELETE /jobs/{id}; GET /jobs/{id}/result; POST /jobs/{id}/retry."""

    def __init__(self, dispatcher: Dispatcher, max_wait_s: int, formats: PredictionFormats) -> None:
        self._dispatcher = dispatcher
        self._max_wait_s = max_wait_s
        self._formats = formats

    @queued_route(
        "/jobs",
        "The jobs, newest first; ?status=, ?verb=, ?model=, ?limit=, ?cursor=.",
        {
            200: ResponseSpec("A page of jobs, without their results.", {JSON: JOB_PAGE}),
            422: ResponseSpec("A filter value is not allowed."),
            503: parts.LEDGER_DOWN,
        },
        parameters=(
            Parameter("status", Literal[STATUSES], "Only jobs in this state."),
            Parameter("verb", Literal[tuple(VERBS)], "Only jobs of this verb."),
            Parameter("model", str, "Only jobs of this model."),
            Parameter("limit", PAGE_SIZE, f"The number of jobs on a page, by default {PAGE_JOBS}."),
            Parameter("cursor", Annotated[str, Meta(pattern=f"^{CURSOR}$")], "The value of `next` of the last page."),
        ),
        operation="list_jobs",
    )
    async def on_get(self, req: Request, resp: Response) -> None:
        found, cursor = await self._dispatcher.jobs(_query(req))
        send_json(resp, {"jobs": [envelope(job, req.root_path) for job in found], "next": cursor})

    @queued_route(
        "/jobs/{job_id}",
        "A job's state; ?wait=S waits up to S seconds for its end.",
        {
            **NO_JOB,
            200: ResponseSpec("The job.", {JSON: ANY_JOB}),
            422: ResponseSpec("wait is not a whole number of seconds."),
        },
        parameters=(parts.WAIT,),
        operation="get_job",
        setup=SHORT_JOB,
        example_path="$job?wait=10",
    )
    async def on_get_job(self, req: Request, resp: Response, job_id: str) -> None:
        job = await self._dispatcher.job(job_id, wait_seconds(req, self._max_wait_s))
        send_json(resp, envelope(job, req.root_path))

    @queued_route(
        "/jobs/{job_id}",
        "Cancels a job that waits or runs; may be sent twice.",
        {
            **NO_JOB,
            200: ResponseSpec("The job is REVOKED.", {JSON: ANY_JOB}),
            409: ResponseSpec("The job ended before it could be cancelled."),
        },
        operation="cancel_job",
        setup=LONG_JOB,
        example_path="$job",
    )
    async def on_delete_job(self, req: Request, resp: Response, job_id: str) -> None:
        send_json(resp, envelope(await self._dispatcher.cancel(job_id), req.root_path))

    @queued_route(
        "/jobs/{job_id}/result",
        "A job's result alone, or the problem that it ended in.",
        {
            **NO_JOB,
            **parts.JOB_ERRORS,
            200: ResponseSpec("The result.", {JSON: ANY_RESULT, NPY: parts.BYTES, CSV: parts.TEXT}),
            202: ResponseSpec("The job has not ended.", {JSON: ANY_JOB}, parts.RETRY_AFTER),
            410: ResponseSpec("The job was cancelled, or is no longer kept."),
            422: ResponseSpec("The model refused the data; or wait is not a whole number of seconds."),
        },
        parameters=(parts.WAIT,),
        operation="get_job_result",
        setup=SHORT_JOB,
        example_path="$job/result?wait=10",
    )
    async def on_get_result(self, req: Request, resp: Response, job_id: str) -> None:
        job = await self._dispatcher.job(job_id, wait_seconds(req, self._max_wait_s))
        send_result(resp, job, await self._formats.encode(job, self._formats.preferred(req)), root_path=req.root_path)

    @queued_route(
        "/jobs/{job_id}/retry",
        "Runs a failed or cancelled job again; may be sent twice.",
        {
            **NO_JOB,
            202: parts.accepted_response("The job is queued again.", ANY_JOB),
            409: ResponseSpec("The job has neither failed nor been cancelled."),
            429: parts.QUEUE_FULL,
        },
        operation="retry_job",
        setup=f'{LONG_JOB}; curl -s -o /dev/null -X DELETE "{{base}}$job"',
        example_path="$job/retry",
    )
    async def on_post_retry(self, req: Request, resp: Response, job_id: str) -> None:
        send_accepted(resp, await self._dispatcher.retry(job_id), root_path=req.root_path)


def wait_seconds(req: Request, max_wait_s: int) -> float:
    """Return ?wait=S, at most `max_wait_s`; raise Invalid when S is not a number of seconds."""
    return min(_whole_number(req, "wait", "0"), max_wait_s)


def _query(req: Request) -> JobQuery:
    cursor = req.get_param("cursor")
    if cursor is not None and not _CURSOR.fullmatch(cursor):
        raise Invalid.at("/cursor", "cursor must be the value of `next` of the page before")
    limit = _whole_number(req, "limit", str(PAGE_JOBS))
    if not 1 <= limit <= MAX_PAGE_JOBS:
        raise Invalid.at("/limit", f"limit must be a whole number from 1 to {MAX_PAGE_JOBS}")
    status, verb = _one_of(req, "status", STATUSES), _one_of(req, "verb", tuple(VERBS))
    return JobQuery(limit, cursor, status, verb, req.get_param("model"))


def _one_of(req: Request, name: str, words: tuple[str, ...]) -> str | None:
    word = req.get_param(name)
    if word is not None and word not in words:
        raise Invalid.at(f"/{name}", f"{name} must be one of {', '.join(words)}")
    return word


def _whole_number(req: Request, name: str, default: str) -> int:
    text = req.get_param(name, default=default)
    if not text.isascii() or not text.isdigit() or len(text) > 9:  # noqa: PLR2004  nobody waits 30 years
        raise Invalid.at(f"/{name}", f"{name} must be a whole number" + (" of seconds" if name == "wait" else ""))
    return int(text)
