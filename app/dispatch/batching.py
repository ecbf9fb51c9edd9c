"""Do several pieces of work, predictions of one version in one call of the model."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from app.dispatch.execute import Clock, execute, model_failure
from app.errors import TrinityError
from app.schemas.jobs import Outcome
from app.schemas.requests import Table, Work
from app.schemas.verbs import VERBS
from app.service import Service

BATCH_WINDOW_S = 0.02  # how long a result may wait for those that are done after it


_encoder = msgspec.json.Encoder()


def execute_batch(
    service: Service, works: Sequence[tuple[str, Work]], clock: Clock = time.time
) -> Iterator[list[tuple[int, Outcome]]]:
    """Do several works, each with the id of its job, as `execute` does; give their places and outcomes as they end.

    Predictions of one version are stacked, end together and share their times; where that fails, each is done alone and
    no job fails by its neighbour. Fits are better given to `execute`, each with its permit.
    """
    for places, stackable in _batches(service, works):
        stack = [works[place] for place in places]
        done = _predict_batch(service, [work for _, work in stack], clock) if stackable else None
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
        if clock() - begun_s >= BATCH_WINDOW_S:
            yield ended
            ended, begun_s = [], clock()
    if ended:
        yield ended


def _batches(service: Service, works: Sequence[tuple[str, Work]]) -> Iterator[tuple[list[int], bool]]:
    """Sort works, by their places, into stacks, and say whether a stack can be done at once, or else one by one."""
    groups: dict[tuple[str, int | None], list[tuple[int, int]]] = {}
    for place, (_, work) in enumerate(works):
        if VERBS[work.verb].batchable and isinstance(work.data, Table):
            groups.setdefault((work.model, work.version), []).append((place, len(work.data.X)))
        else:
            yield [place], False
    for group in groups.values():
        room = _max_batch_rows(service, works[group[0][0]][1]) if len(group) > 1 else 0
        if room:
            yield from ((stack, len(stack) > 1) for stack in _split(group, room))
        else:
            yield [place for place, _ in group], False


def _split(group: list[tuple[int, int]], room: int) -> Iterator[list[int]]:
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


def _max_batch_rows(service: Service, work: Work) -> int:
    """Return how many rows may be stacked; none when that can't be told: the works themselves will end in the why."""
    try:
        return service.max_batch_rows(work)
    except BaseException:  # noqa: BLE001  a version is restored by its model, which is anybody's code
        return 0


def _predict_batch(service: Service, works: Sequence[Work], clock: Clock) -> list[Outcome] | None:
    """Predict for several works at once; None when that fails, whoever is at fault."""
    started = clock()
    try:
        lines = _encoder.encode_lines(service.predict_batch(works)).splitlines()  # JSON has no line ends of its own
    except TrinityError:
        return None
    except BaseException as error:  # noqa: BLE001  as in `execute`
        model_failure(works[0], error)
        return None
    finished = clock()
    return [
        Outcome(started, finished, work.version, msgspec.Raw(line), None, service.rows(work))
        for work, line in zip(works, lines, strict=True)
    ]
