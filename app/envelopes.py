"""The envelope that every verb answers with, and the problem in it: the one table of error kinds and HTTP statuses."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from app.errors import Failure
from app.schemas import Envelope, Job, Problem

STATUSES: dict[str, HTTPStatus] = {
    "malformed": HTTPStatus.BAD_REQUEST,
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "forbidden": HTTPStatus.FORBIDDEN,
    "not-found": HTTPStatus.NOT_FOUND,
    "not-fitted": HTTPStatus.NOT_FOUND,
    "too-slow": HTTPStatus.REQUEST_TIMEOUT,
    "conflict": HTTPStatus.CONFLICT,
    "superseded": HTTPStatus.CONFLICT,
    "gone": HTTPStatus.GONE,
    "cancelled": HTTPStatus.GONE,
    "too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unsupported-media-type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "queue-full": HTTPStatus.TOO_MANY_REQUESTS,
    "model-failed": HTTPStatus.INTERNAL_SERVER_ERROR,
    "damaged": HTTPStatus.INTERNAL_SERVER_ERROR,
    "worker-lost": HTTPStatus.INTERNAL_SERVER_ERROR,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "timeout": HTTPStatus.GATEWAY_TIMEOUT,
}


def problem(failure: Failure) -> Problem:
    """Return the problem document of a failure."""
    status = STATUSES.get(failure.kind, HTTPStatus.INTERNAL_SERVER_ERROR)
    return Problem(f"urn:trinity:{failure.kind}", status.phrase, status, failure.detail, failure.errors)


def envelope(job: Job, *, queued: bool) -> Envelope:
    """Return the job in the form that every verb answers with."""
    links = {"self": f"/jobs/{job.id}", "result": f"/jobs/{job.id}/result"} if queued else {}
    if job.version is not None:
        links["model"] = f"/models/{job.model}/versions/{job.version}"
    created = datetime.fromtimestamp(job.created_s, UTC)
    told = Envelope(
        id=job.id,
        verb=job.verb,
        model=job.model,
        version=job.version,
        status=job.status,
        result=job.result,
        error=None if job.failure is None else problem(job.failure),
        created=created,
        started=created if job.started_s == job.created_s else _time(job.started_s),
        finished=_time(job.finished_s),
        links=links,
    )
    if job.attempts > 1:
        told.attempts = job.attempts
    if job.place is not None:
        told.place = job.place
    if job.progress is not None:
        told.progress = job.progress
    return told


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
