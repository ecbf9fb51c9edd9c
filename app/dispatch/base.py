"""What both ways of dispatch share: the interface, and `execute`, which does the work and never raises."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from logging import getLogger
from typing import Protocol

import msgspec

from app.errors import ModelFailed, TrinityError
from app.schemas import Job, Outcome, Work
from app.service import Service

logger = getLogger(__name__)
Clock = Callable[[], float]


class Dispatcher(Protocol):
    """Has work done, and tells how far it is."""

    async def submit(self, work: Work, wait_s: float) -> Job:
        """Accept the work; return its job when it is finished or after `wait_s` seconds, whichever is first."""

    def at_once(self, work: Work) -> Job | None:
        """Do work that costs less than waiting for it and return its finished job; None for any other."""

    async def job(self, job_id: str, wait_s: float) -> Job:
        """Return a job, finished or as it is after `wait_s` seconds; raise NotFound."""

    def stop_waiting(self) -> None:
        """Return jobs as they are from now on, to those who wait already too: the process is about to stop."""

    async def close(self) -> None:
        """Release what was opened."""


def execute(service: Service, work: Work, job_id: str, clock: Clock = time.time) -> Outcome:
    """Do the work, time it, and turn whatever the model raises into a failure: the one broad except."""
    started = clock()
    try:
        version, result = service.run(work, job_id, started)
        return Outcome(started, clock(), version, msgspec.Raw(msgspec.json.encode(result)))
    except TrinityError as error:
        failure = error.failure()
    except BaseException as error:  # noqa: BLE001  a model is anybody's code (it may even exit), and its job must end
        # the stack without the message: messages may quote data
        logger.error(  # noqa: TRY400
            "%s of %s raised %s\n%s",
            work.verb,
            work.model,
            type(error).__name__,
            "".join(traceback.format_tb(error.__traceback__)),
        )
        failure = ModelFailed(f"the model {work.model!r} raised {type(error).__name__}").failure()
    return Outcome(started, clock(), failure=failure)


def finished_job(job_id: str, work: Work, created_s: float, outcome: Outcome) -> Job:
    """Return the job of work that ended."""
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
    )
