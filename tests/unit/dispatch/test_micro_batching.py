"""Predictions of one version share calls while it runs; an idle version starts at once; a bad row fails alone."""

import asyncio
import itertools
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import numpy as np
import pytest

from app.dispatch.batching import JobWork
from app.dispatch.micro_batching import MAX_GATHER_S, MAX_STEPS, Gathering, MicroBatcher
from app.errors import Invalid
from app.schemas.jobs import Outcome
from app.schemas.requests import Work
from app.schemas.tables import Table
from app.service import Service
from tests.support.fakes import Clock, FakeService, Gate, eventually, passed, run

MAX_ROWS = 8
BAD = 13.0


class StackedService(FakeService):
    """Predicts the first number of each row, and remembers the rows of each call; `before` is called first."""

    def __init__(self, before: Callable[[list[float]], object] = lambda _: None) -> None:
        super().__init__(lambda work: {"y": self._predict([work])[0]})
        self.calls: list[list[float]] = []
        self._before = before

    def predict_batch(self, works: Sequence[Work]) -> list[dict[str, Any]]:
        self.threads.append(threading.current_thread())
        return [{"y": y} for y in self._predict(works)]

    def _predict(self, works: Sequence[Work]) -> list[list[float]]:
        rows = [table.X[:, 0].tolist() for work in works if isinstance(table := work.data, Table)]
        stacked = [value for each in rows for value in each]
        self.calls.append(stacked)
        self._before(stacked)
        if BAD in stacked:
            raise Invalid.at("/data", "a bad row")
        return rows


def asked(*values: float, version: int = 1) -> JobWork:
    return JobWork(f"job {values}", Work("predict", "mean", version, {}, Table(np.array([values]).T)))


@asynccontextmanager
async def stacking(
    service: FakeService, done: Callable[[Work, Outcome], None] | None = None
) -> AsyncIterator[Callable[..., "asyncio.Task[Outcome]"]]:
    """Yield what starts a prediction, as a task."""
    batcher = MicroBatcher(cast("Service", service), Clock(), done or (lambda *_: None))

    def predict(*values: float, version: int = 1) -> "asyncio.Task[Outcome]":
        return asyncio.create_task(batcher.predict(asked(*values, version=version), MAX_ROWS))

    try:
        yield predict
    finally:
        await batcher.close()


def results(outcomes: Sequence[Outcome]) -> list[Any]:
    """The predictions, and None for a failure."""
    return [None if one.result is None else msgspec.json.decode(one.result)["y"] for one in outcomes]


def test_what_comes_meanwhile_shares_the_next_call() -> None:
    """The first starts at once and alone, in a thread; those that come while it runs are predicted together."""

    async def main() -> None:
        gate = Gate()
        service = StackedService(lambda rows: gate.enter() if rows == [0.0] else None)
        async with stacking(service) as predict:
            first = predict(0.0)
            await passed(gate.reached)
            others = [predict(float(n)) for n in range(1, 6)]
            await asyncio.sleep(0)
            assert service.calls == [[0.0]]
            gate.open()
            assert results(await asyncio.gather(first, *others)) == [[float(n)] for n in range(6)]
        assert service.calls == [[0.0], [1.0, 2.0, 3.0, 4.0, 5.0]]
        assert threading.current_thread() not in service.threads

    run(main())


def test_who_was_just_answered_may_join_the_next_call() -> None:
    """Between two calls a version waits a moment, a share of its last call: callers do not fall into two groups."""

    async def main() -> None:
        gate = Gate()
        service = StackedService(lambda rows: gate.enter() if rows == [0.0] else None)
        async with stacking(service) as predict:
            first = predict(0.0)
            await passed(gate.reached)
            waits = predict(1.0)
            await asyncio.sleep(0.1)  # the share of so long a call is enough to ask again
            gate.open()
            await first
            assert results(await asyncio.gather(waits, predict(2.0))) == [[1.0], [2.0]]
        assert service.calls == [[0.0], [1.0, 2.0]]

    run(main())


def test_those_who_were_answered_together_are_waited_for_though_nobody_waits_yet() -> None:
    """The first of them to ask again does not start a call of its own."""

    async def main() -> None:
        gate = Gate()

        def before(rows: list[float]) -> None:
            if rows == [0.0]:
                gate.enter()
            elif 1.0 in rows:
                time.sleep(0.1)  # so long a call that its share is enough to ask again

        service = StackedService(before)
        async with stacking(service) as predict:
            first = predict(0.0)
            await passed(gate.reached)
            together = [predict(1.0), predict(2.0)]
            await asyncio.sleep(0)
            gate.open()
            await asyncio.gather(first, *together)
            assert results(await asyncio.gather(predict(3.0), predict(4.0))) == [[3.0], [4.0]]
        assert service.calls == [[0.0], [1.0, 2.0], [3.0, 4.0]]

    run(main())


def test_those_who_come_one_after_the_other_are_waited_for() -> None:
    """A share of the call first, then shorter steps while more come in each, until all are there or none came."""
    gathering = Gathering(expected=5, took_s=0.01)
    first_s, *steps_s = [gathering.wait_s(waiting) for waiting in (1, 2, 4, 4)]
    assert first_s == 0.2 * 0.01
    assert steps_s == [first_s / 4, first_s / 4, 0]
    assert [gathering.is_complete(waiting) for waiting in (4, 5)] == [False, True]


def test_the_wait_for_others_has_a_bound() -> None:
    """Also after a long call, and when they come without end."""
    gathering = Gathering(expected=1_000_000, took_s=60)
    waits_s = [gathering.wait_s(waiting) for waiting in range(1, 100)]
    assert sum(waits_s) == pytest.approx(MAX_GATHER_S * (1 + MAX_STEPS / 4))
    assert waits_s[-1] == 0


def test_calls_are_bounded_in_rows() -> None:
    """A call takes as many rows as it may, in the order in which they came; a work with more has its own."""

    async def main() -> None:
        gate = Gate()
        service = StackedService(lambda rows: gate.enter() if rows == [0.0] else None)
        async with stacking(service) as predict:
            first = predict(0.0)
            await passed(gate.reached)
            others = [predict(*[float(size)] * size) for size in (3, 5, 1, 9, 7, 2)]
            await asyncio.sleep(0)
            gate.open()
            await asyncio.gather(first, *others)
        assert [len(call) for call in service.calls] == [1, 8, 1, 9, 7, 2]

    run(main())


def test_versions_do_not_wait_for_each_other() -> None:
    """Another version is predicted at the same time, in another thread."""

    async def main() -> None:
        gate = Gate()
        service = StackedService(lambda rows: gate.enter() if rows == [0.0] else None)
        async with stacking(service) as predict:
            first = predict(0.0)
            await passed(gate.reached)
            assert results([await predict(1.0, version=2)]) == [[1.0]]
            gate.open()
            await first

    run(main())


@pytest.mark.parametrize("place", [0, 3, 7])
def test_a_bad_row_fails_alone(place: int) -> None:
    """It is found by halving, and those beside it have their results."""

    async def main() -> None:
        gate = Gate()
        service = StackedService(lambda rows: gate.enter() if rows == [0.0] else None)
        async with stacking(service) as predict:
            first = predict(0.0)
            await passed(gate.reached)
            values = [BAD if n == place else float(n) for n in range(MAX_ROWS)]
            others = [predict(value) for value in values]
            await asyncio.sleep(0)
            gate.open()
            await first
            outcomes = await asyncio.gather(*others)
        assert results(outcomes) == [None if value == BAD else [value] for value in values]
        failure = outcomes[place].failure
        assert failure is not None
        assert failure.kind == "invalid"
        assert len(service.calls) - 1 <= 2 * math.log2(MAX_ROWS) + 2

    run(main())


def test_who_has_gone_is_not_predicted_for() -> None:
    """A caller that stops waiting is left out of the next call, and holds up nobody."""

    async def main() -> None:
        gate = Gate()
        service = StackedService(lambda rows: gate.enter() if rows == [0.0] else None)
        async with stacking(service) as predict:
            first = predict(0.0)
            await passed(gate.reached)
            gone, stays = predict(1.0), predict(2.0)
            await asyncio.sleep(0)
            first.cancel()
            gone.cancel()
            await asyncio.sleep(0)
            gate.open()
            assert results([await stays]) == [[2.0]]
            assert results([await predict(3.0)]) == [[3.0]]
        assert service.calls == [[0.0], [2.0], [3.0]]

    run(main())


def test_answers_leave_others_their_turns_of_the_loop() -> None:
    """Those who shared a call are told a few at a time: another request never waits for all of them."""

    async def main() -> None:
        gate = Gate()
        service = StackedService(lambda rows: gate.enter() if rows == [0.0] else None)
        async with stacking(service) as predict:
            first = predict(0.0)
            await passed(gate.reached)
            others = [predict(float(n)) for n in range(1, MAX_ROWS + 1)]
            await asyncio.sleep(0)
            gate.open()
            await first
            told = [0]
            while told[-1] < len(others):
                await asyncio.sleep(0)
                told.append(sum(other.done() for other in others))
        assert max(after - before for before, after in itertools.pairwise(told)) < MAX_ROWS / 2

    run(main())


def test_what_was_predicted_counts_though_its_caller_has_gone() -> None:
    """And what was not predicted does not."""
    counted: list[int] = []

    async def main() -> None:
        gate = Gate()
        service = StackedService(lambda rows: gate.enter() if rows == [0.0] else None)
        async with stacking(service, lambda _, outcome: counted.append(outcome.rows)) as predict:
            first = predict(0.0)
            await passed(gate.reached)
            gone, stays = predict(1.0, 2.0), predict(3.0, 4.0, 5.0)
            await asyncio.sleep(0)
            first.cancel()
            gone.cancel()
            await asyncio.sleep(0)
            gate.open()
            await stays

    run(main())
    assert counted == [1, 3]


def test_a_version_that_is_idle_again_starts_at_once() -> None:
    """Nothing is left of calls that ended."""

    async def main() -> None:
        service = StackedService()
        batcher = MicroBatcher(cast("Service", service), Clock())
        for n in range(3):
            await batcher.predict(asked(float(n)), MAX_ROWS)
            await eventually(lambda: not batcher.busy)
        assert service.calls == [[0.0], [1.0], [2.0]]
        await batcher.close()

    run(main())
