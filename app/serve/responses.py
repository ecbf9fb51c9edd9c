"""Jobs as HTTP answers: the envelope, and the headers that belong to a job; links lead below the root path."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from falcon.asgi import Response

from app.schemas.jobs import Job, envelope, result_below
from app.schemas.problems import problem
from app.serve.bodies.answers import Answer
from app.serve.preferences import NONE, Preference
from app.serve.problems import send_problem, set_retry_after

POLL_S = 1  # when a client should look again at a job that isn't finished
_encode = msgspec.json.Encoder().encode


def send_json(resp: Response, content: object) -> None:
    """Answer with any value that msgspec encodes; JSON is the media type that the app has by default."""
    resp.data = _encode(content)


def send_submitted(
    resp: Response, job: Job, preferred: Preference, answer: Answer | None = None, *, root_path: str
) -> None:
    """Respond to a fit, predict or score: 200 with the result, the problem of a failed job, or 202 with the job's URL.

    `answer` is a prediction in another format than JSON; it is sent without an envelope, whose other values are in the
    headers.
    """
    if job.queued:
        _set_location(resp, job, preferred, root_path)
    if job.failure is not None:
        send_problem(resp, problem(job.failure))
    elif answer is not None:
        send_answer(resp, job, answer, root_path)
    elif job.finished:
        send_json(resp, envelope(job, root_path))
    else:
        _send_unfinished(resp, job, root_path)


def send_answer(resp: Response, job: Job, answer: Answer, root_path: str) -> None:
    """Answer with a prediction alone, and with a link (RFC 8288) to the version that made it."""
    resp.content_type, resp.data = answer
    resp.set_header("Link", f'<{root_path}/models/{job.model}/versions/{job.version}>; rel="related"')


def send_accepted(resp: Response, job: Job, *, root_path: str) -> None:
    """Answer that a job waits, and where to look."""
    _set_location(resp, job, NONE, root_path)
    _send_unfinished(resp, job, root_path)


def send_result(resp: Response, job: Job, answer: Answer | None = None, *, root_path: str) -> None:
    """Answer with nothing but the result, the problem document of a failure, or 202 while there is neither."""
    if job.failure is not None:
        send_problem(resp, problem(job.failure))
    elif answer is not None:
        send_answer(resp, job, answer, root_path)
    elif job.result is not None:
        send_json(resp, result_below(job, root_path))
    else:
        _send_unfinished(resp, job, root_path)


def _send_unfinished(resp: Response, job: Job, root_path: str) -> None:
    resp.status = HTTPStatus.ACCEPTED
    set_retry_after(resp, POLL_S)
    send_json(resp, envelope(job, root_path))


def _set_location(resp: Response, job: Job, preferred: Preference, root_path: str) -> None:
    """Say where the job is, and which preferences were honoured (RFC 7240 §3)."""
    resp.set_header("Content-Location" if job.finished else "Location", f"{root_path}/jobs/{job.id}")
    applied = ["respond-async"] * preferred.respond_async
    if preferred.wait_s is not None:
        applied.append(f"wait={preferred.wait_s}")
    if applied:
        resp.set_header("Preference-Applied", ", ".join(applied))
