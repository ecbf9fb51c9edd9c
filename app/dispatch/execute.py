"""Run one piece of work; a model's error becomes a failure, and nothing is raised."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from logging import getLogger
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw

from app.errors import Failure, ModelFailed, TrinityError
from app.schemas.jobs import Job, Outcome
from app.schemas.parts import PART, clear, to_json
from app.schemas.requests import Work
from app.service import Service
from app.storage.durable_files import Permit, always_permit
from app.telemetry.context import REQUEST

logger = getLogger(__name__)

Clock = Callable[[], float]

OURS = Path(__file__).parents[1]

encoder = msgspec.json.Encoder()
_encode = encoder.encode


def execute(
    service: Service,
    work: Work,
    job_id: str,
    clock: Clock = time.time,
    permit: Permit = always_permit,
    *,
    as_array: bool = False,
) -> Outcome:
    """Run and time the work, and turn any error of the model into a failure.

    A fit is published if `permit` allows it; otherwise its error is the failure.
    With `as_array` the outcome of a numeric prediction has an array instead of JSON.
    """
    started = clock()
    try:
        if as_array and (found := service.predict_array(work)):
            version, y = found
            return Outcome(started, clock(), version, rows=len(y), array=y)
        version, result = service.run(work, job_id, started, permit)
        return Outcome(started, clock(), version, _encoded(result), None, service.rows(work))
    except TrinityError as error:
        _log_refusal(work, job_id, error)
        failure = error.failure()
    except BaseException as error:  # noqa: BLE001  a model's code may raise anything (even exit), and its job must end
        failure = _model_failure(work, job_id, error)
    return Outcome(started, clock(), failure=failure)


def _encoded(result: dict[str, Any]) -> Raw:
    """Return a result as JSON, and free the memory of its long lists."""
    for name, value in result.items():
        if isinstance(value, list) and len(value) > PART:
            result[name] = to_json(value)
            clear(value)
    return Raw(_encode(result))


def _model_failure(work: Work, job_id: str, error: BaseException) -> Failure:
    """Log an unexpected error of a model, with its stack but without its message, which may quote data."""
    logger.error(
        "%s of %s raised %s\n%s",
        work.verb,
        work.model,
        type(error).__name__,
        "".join(traceback.format_tb(error.__traceback__)),
        extra=_origin(job_id, error),
    )
    return ModelFailed(f"the model {work.model!r} raised {type(error).__name__}").failure()


def _log_refusal(work: Work, job_id: str, error: TrinityError) -> None:
    """Log where a model's own code, or a library that it uses, rejected the data, because this may be a bug.

    The caller gets the message, which may quote data. For Trinity's own models that message is enough.
    """
    cause = error.__cause__
    if not isinstance(cause, ValueError):
        return
    place = traceback.extract_tb(cause.__traceback__)[-1]
    if OURS not in Path(place.filename).parents:
        what = "%s of %s refused its data: %s at %s:%s in %s"
        where = place.filename, place.lineno, place.name
        logger.warning(what, work.verb, work.model, type(cause).__name__, *where, extra=_origin(job_id, cause))


def _origin(job_id: str, error: BaseException) -> dict[str, str]:
    """Return the members about the job for the log line of an error."""
    return {"job_id": job_id, "request_id": REQUEST.get().request_id, "error": type(error).__name__}


def finished_job(job_id: str, work: Work, created_s: float, outcome: Outcome) -> Job:
    """Return the job of work that ran without a queue."""
    return Job(
        id=job_id,
        verb=work.verb,
        model=work.model,
        version=outcome.version if outcome.failure is None else work.version,
        status="SUCCESS" if outcome.failure is None else "FAILURE",
        created_s=created_s,
        started_s=outcome.started_s,
        finished_s=outcome.finished_s,
        result=outcome.result,
        failure=outcome.failure,
        array=outcome.array,
        key_name=REQUEST.get().key_name,
        queued=False,
    )
