"""What both ways of dispatch share: the interface, and what does the work and never raises."""

from __future__ import annotations

import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from logging import getLogger
from typing import NamedTuple, Protocol

import msgspec

from app.disk import Permit, permitted
from app.errors import Failure, ModelFailed, TrinityError
from app.schemas import Event, Job, Outcome, Page, Table, Work
from app.service import Service

logger = getLogger(__name__)
Clock = Callable[[], float]
BOARD_JOBS = 20  # of the newest jobs, shown to all who watch
MOMENT_S = 0.02  # how long a result may wait for those that are done after it
_encoder = msgspec.json.Encoder()


class IdempotencyKey(NamedTuple):
    """Digests of a request's Idempotency-Key and of the request itself, in hexadecimal."""

    key: str
    request: str


class Dispatcher(Protocol):
    """Has work done, and tells how far it is."""

    async def submit(self, work: Work, key: IdempotencyKey | None = None, *, numbers: bool = False) -> Job:
        """Accept the work, once for a key; return its job, which is finished where work is done inline.

        With `numbers` the job of a prediction that is done inline has these in place of a result in JSON.
        """

    def at_once(self, work: Work) -> Job | None:
        """Do work that costs less than waiting for it and return its finished job; None for any other."""

    async def job(self, job_id: str, wait_s: float, past_stop_s: float = 0) -> Job:
        """Return a job, finished or as it is after `wait_s` seconds; raise NotFound or Gone.

        Once the process is to stop, the wait goes on for `past_stop_s` seconds at the most.
        """

    def events(self, job_id: str, after: int) -> AsyncIterator[Event | None]:
        """Give what happens to a job after event number `after`, to its end; None shows that the stream lives."""

    async def jobs(self, page: Page) -> tuple[list[Job], str | None]:
        """Return a page of jobs, newest first, without their results, and the cursor of the next page."""

    def board(self) -> AsyncIterator[list[Job] | None]:
        """Give the newest jobs whenever they have changed; None shows that the stream lives. Raise NotFound."""

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job that isn't cancelled yet; raise NotFound, Gone, or Conflict when it ended otherwise."""

    async def retry(self, job_id: str) -> Job:
        """Queue a failed or cancelled job again, once until it ends; raise NotFound, Gone, Conflict or QueueFull."""

    def stop_waiting(self) -> None:
        """Return jobs soon as they are from now on, to those who wait already too: the process is about to stop."""

    async def close(self) -> None:
        """Release what was opened."""


def execute(
    service: Service,
    work: Work,
    job_id: str,
    clock: Clock = time.time,
    permit: Permit = permitted,
    *,
    numbers: bool = False,
) -> Outcome:
    """Do the work, time it, and turn whatever the model raises into a failure.

    What a fit made is published if `permit` lets it; the error that it refuses with is the failure.
    With `numbers` the outcome of a prediction has these in place of a result in JSON.
    """
    started = clock()
    try:
        if numbers:
            version, y = service.predict(work)
            return Outcome(started, clock(), version, rows=len(y), numbers=y)
        version, result = service.run(work, job_id, started, permit)
        return Outcome(started, clock(), version, msgspec.Raw(_encoder.encode(result)), None, service.rows(work))
    except TrinityError as error:
        failure = error.failure()
    except BaseException as error:  # noqa: BLE001  a model is anybody's code (it may even exit), and its job must end
        failure = _bug(work, error)
    return Outcome(started, clock(), failure=failure)


def execute_together(
    service: Service, works: Sequence[tuple[str, Work]], clock: Clock = time.time
) -> Iterator[list[tuple[int, Outcome]]]:
    """Do several works, each with the id of its job, as `execute` does; give their places and outcomes as they end.

    Predictions of one version are stacked, end together and share their times; where that fails, each is done alone and
    no job fails by its neighbour. Fits are better given to `execute`, each with its permit.
    """
    for places, stackable in _stacks(service, works):
        stack = [works[place] for place in places]
        done = _stacked(service, [work for _, work in stack], clock) if stackable else None
        if done is not None:
            yield list(zip(places, done, strict=True))
        else:
            yield from _one_by_one(service, zip(places, stack, strict=True), clock)


def _one_by_one(
    service: Service, works: Iterable[tuple[int, tuple[str, Work]]], clock: Clock
) -> Iterator[list[tuple[int, Outcome]]]:
    """Do works of one version, which take about as long each; those that end within a moment are given together."""
    ended: list[tuple[int, Outcome]] = []
    begun_s = clock()
    for place, (job_id, work) in works:
        ended.append((place, execute(service, work, job_id, clock)))
        if clock() - begun_s >= MOMENT_S:
            yield ended
            ended, begun_s = [], clock()
    if ended:
        yield ended


def _stacks(service: Service, works: Sequence[tuple[str, Work]]) -> Iterator[tuple[list[int], bool]]:
    """Sort works, by their places, into stacks, and say whether a stack can be done at once, or else one by one."""
    groups: dict[tuple[str, int | None], list[tuple[int, int]]] = {}
    for place, (_, work) in enumerate(works):
        if work.verb == "predict" and isinstance(work.data, Table):
            groups.setdefault((work.model, work.version), []).append((place, len(work.data.X)))
        else:
            yield [place], False
    for group in groups.values():
        room = _room(service, works[group[0][0]][1]) if len(group) > 1 else 0
        if room:
            yield from ((stack, len(stack) > 1) for stack in _cut(group, room))
        else:
            yield [place for place, _ in group], False


def _cut(group: list[tuple[int, int]], room: int) -> Iterator[list[int]]:
    """Cut a group of places and their rows into stacks of at most `room` rows; a place that has more stands alone."""
    stack: list[int] = []
    height = 0
    for place, rows in group:
        if stack and height + rows > room:
            yield stack
            stack, height = [], 0
        stack.append(place)
        height += rows
    yield stack


def _room(service: Service, work: Work) -> int:
    """Return how many rows may be stacked; none when that can't be told: the works themselves will end in the why."""
    try:
        return service.stack_rows(work)
    except BaseException:  # noqa: BLE001  a version is restored by its model, which is anybody's code
        return 0


def _stacked(service: Service, works: Sequence[Work], clock: Clock) -> list[Outcome] | None:
    """Predict for several works at once; None when that fails, whoever is at fault."""
    started = clock()
    try:
        lines = _encoder.encode_lines(service.predict_together(works)).splitlines()  # JSON has no line ends of its own
    except TrinityError:
        return None
    except BaseException as error:  # noqa: BLE001  as in `execute`
        _bug(works[0], error)
        return None
    finished = clock()
    return [
        Outcome(started, finished, work.version, msgspec.Raw(line), None, service.rows(work))
        for work, line in zip(works, lines, strict=True)
    ]


def _bug(work: Work, error: BaseException) -> Failure:
    """Log what a model shouldn't have raised, the stack without the message: messages may quote data."""
    logger.error(
        "%s of %s raised %s\n%s",
        work.verb,
        work.model,
        type(error).__name__,
        "".join(traceback.format_tb(error.__traceback__)),
    )
    return ModelFailed(f"the model {work.model!r} raised {type(error).__name__}").failure()


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
        numbers=outcome.numbers,
    )
