"""Jobs as HTTP answers: the envelope, and the headers of an answer that is still to come."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from falcon.asgi import Response

from app.schemas.jobs import Job, envelope
from app.schemas.problems import problem
from app.serve.bodies.npy_body import NPY
from app.serve.preferences import Preference
from app.serve.problems import send_problem

RETRY_AFTER_S = "1"
_encode = msgspec.json.Encoder().encode


def send_json(resp: Response, content: object) -> None:
    """Answer with any value that msgspec encodes."""
    resp.content_type = "application/json"
    resp.data = _encode(content)


def envelope_json(job: Job, *, queued: bool = False) -> bytes:
    """Return the envelope of a job as JSON."""
    return _encode(envelope(job, queued=queued))


def send_submitted(resp: Response, job: Job, asked: Preference, *, queued: bool) -> None:
    """Answer a fit, predict or score: 200 with the result, the problem it ended in, or 202 and where to look."""
    if queued:
        _set_location(resp, job, asked)
    if job.failure is not None:
        send_problem(resp, problem(job.failure))
        return
    if not job.finished:
        resp.status = HTTPStatus.ACCEPTED
        resp.set_header("Retry-After", RETRY_AFTER_S)
    send_json(resp, envelope(job, queued=queued))


def send_array(resp: Response, job: Job, npy: bytes, asked: Preference, *, queued: bool) -> None:
    """Answer a predict with y alone, as npy; what the envelope would say of it is in the headers."""
    if queued:
        _set_location(resp, job, asked)
    send_npy(resp, job, npy)


def send_npy(resp: Response, job: Job, npy: bytes) -> None:
    """Answer with the numbers, and with a link (RFC 8288) to the version that they are from."""
    resp.content_type = NPY
    resp.data = npy
    resp.set_header("Link", f'</models/{job.model}/versions/{job.version}>; rel="related"')


def send_accepted(resp: Response, job: Job) -> None:
    """Answer that a job waits, and where to look."""
    resp.status = HTTPStatus.ACCEPTED
    resp.set_header("Location", f"/jobs/{job.id}")
    resp.set_header("Retry-After", RETRY_AFTER_S)
    send_json(resp, envelope(job, queued=True))


def send_result(resp: Response, job: Job) -> None:
    """Answer with nothing but the result, the problem document of a failure, or 202 while there is neither."""
    if job.failure is not None:
        send_problem(resp, problem(job.failure))
    elif job.result is not None:
        send_json(resp, job.result)
    else:
        resp.status = HTTPStatus.ACCEPTED
        resp.set_header("Retry-After", RETRY_AFTER_S)
        send_json(resp, envelope(job, queued=True))


def _set_location(resp: Response, job: Job, asked: Preference) -> None:
    """Say where the job is, and which preferences were honoured (RFC 7240 §3)."""
    resp.set_header("Content-Location" if job.finished else "Location", f"/jobs/{job.id}")
    applied = ["respond-async"] * asked.respond_async + [f"wait={asked.wait_s}"] * (asked.wait_s is not None)
    if applied:
        resp.set_header("Preference-Applied", ", ".join(applied))
