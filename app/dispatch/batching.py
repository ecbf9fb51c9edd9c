"""Run several pieces of work: predictions of one version in one call of the model."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from app.dispatch.execute import Clock, encoder, execute
from app.errors import TrinityError
from app.model.progress import Check, Report, always_wanted, ignore, reporting, wanted_while
from app.schemas.jobs import Outcome
from app.schemas.requests import Work, stacked_rows
from app.schemas.verbs import VERBS
from app.service import Service
from app.telemetry.context import RequestContext, on_behalf_of

BATCH_WINDOW_S = 0.02  # how long a result may wait for the results of later works


class JobWork(NamedTuple):
    """A work with the id of its job and the context of its request."""

    job_id: str
    work: Work
    asked: RequestContext = RequestContext()
    report: Report = ignore
    """Receives the progress of the work if it runs alone."""
    check: Check = always_wanted
    """Ends the work if it runs alone and its job was cancelled."""

    def execute(self, service: Service, clock: Clock) -> Outcome:
        """Run the work alone."""
        with on_behalf_of(self.asked), reporting(self.report), wanted_while(self.check):
            return execute(service, self.work, self.job_id, clock)


def execute_batch(
    service: Service, works: Sequence[JobWork], clock: Clock = time.time
) -> Iterator[list[tuple[int, Outcome]]]:
    """Run several works as `execute` does; yield indices and outcomes as they end.

    Predictions of one version run in `predict_together`. Fits belong to `execute`, each with its permit.
    """
    for indices, together in _batches(service, works):
        batch = [works[index] for index in indices]
        if together:
            for ended in predict_together(service, batch, clock):
                yield [(indices[place], outcome) for place, outcome in ended]
        else:
            yield from _one_by_one(service, zip(indices, batch, strict=True), clock)


def predict_together(
    service: Service, works: Sequence[JobWork], clock: Clock = time.time
) -> Iterator[list[tuple[int, Outcome]]]:
    """Run predictions of one version in one call, so that they end together and share their durations.

    If a call fails, each half of its works runs in a call of its own, down to single works. So no work fails because
    of another, and one bad work of n costs at most 2·log2(n) + 2 calls. Yield indices and outcomes as they end.
    """
    yield from _halved(service, list(enumerate(works)), clock, fails=False)


def _halved(
    service: Service, works: list[tuple[int, JobWork]], clock: Clock, *, fails: bool
) -> Generator[list[tuple[int, Outcome]], None, bool]:
    """Run works in one call, unless it is known that this `fails`; return whether it succeeded."""
    if len(works) == 1:
        ((index, single),) = works
        outcome = single.execute(service, clock)
        yield [(index, outcome)]
        return outcome.failure is None
    if not fails:
        outcomes = _predict_batch(service, [each.work for _, each in works], clock)
        if outcomes is not None:
            yield [(index, outcome) for (index, _), outcome in zip(works, outcomes, strict=True)]
            return True
    middle = len(works) // 2
    first_did = yield from _halved(service, works[:middle], clock, fails=False)
    yield from _halved(service, works[middle:], clock, fails=first_did)
    return False


def _one_by_one(
    service: Service, works: Iterable[tuple[int, JobWork]], clock: Clock
) -> Iterator[list[tuple[int, Outcome]]]:
    """Run works of one version, of similar duration each; yield together those that end within BATCH_WINDOW_S."""
    ended: list[tuple[int, Outcome]] = []
    started_s = clock()
    for index, each in works:
        ended.append((index, each.execute(service, clock)))
        if clock() - started_s >= BATCH_WINDOW_S:
            yield ended
            ended, started_s = [], clock()
    if ended:
        yield ended


def _batches(service: Service, works: Sequence[JobWork]) -> Iterator[tuple[list[int], bool]]:
    """Sort works, by their indices, into batches; yield each with whether one call of the model can do it."""
    groups: dict[tuple[str, int | None], list[tuple[int, int]]] = {}
    for index, work in enumerate(each.work for each in works):
        if VERBS[work.verb].batchable and (rows := stacked_rows(work)):
            groups.setdefault((work.model, work.version), []).append((index, rows))
        else:
            yield [index], False
    for group in groups.values():
        max_rows = _max_batch_rows(service, works[group[0][0]].work) if len(group) > 1 else 0
        if max_rows:
            yield from ((batch, len(batch) > 1) for batch in _split(group, max_rows))
        else:
            yield [index for index, _ in group], False


def _split(group: list[tuple[int, int]], max_rows: int) -> Iterator[list[int]]:
    """Split indices with their rows into batches of at most `max_rows` rows; a work with more is a batch of its own."""
    batch: list[int] = []
    batch_rows = 0
    for index, rows in group:
        if batch and batch_rows + rows > max_rows:
            yield batch
            batch, batch_rows = [], 0
        batch.append(index)
        batch_rows += rows
    yield batch


def _max_batch_rows(service: Service, work: Work) -> int:
    """Return how many rows one call may have.

    Return 0 if the model cannot be loaded; running each job alone then reports the error.
    """
    try:
        return service.max_batch_rows(work)
    except BaseException:  # noqa: BLE001  a version is restored by its model, whose code may raise anything
        return 0


def _predict_batch(service: Service, works: Sequence[Work], clock: Clock) -> list[Outcome] | None:
    """Predict for several works in one call; return None if it fails."""
    started = clock()
    try:
        lines = encoder.encode_lines(service.predict_batch(works)).splitlines()  # JSON has no line ends of its own
    except TrinityError:
        return None
    except BaseException:  # noqa: BLE001  as in `execute`, which logs the error of each work alone
        return None
    finished = clock()
    return [
        Outcome(started, finished, work.version, msgspec.Raw(line), None, service.rows(work))
        for work, line in zip(works, lines, strict=True)
    ]
