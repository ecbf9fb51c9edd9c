"""Inline dispatch: fits are bounded and never block the loop; small predictions stay on it while they are quick."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from app.dispatch.dispatcher import IdempotencyKey
from app.dispatch.inline import SMALL_VALUES, InlineDispatcher
from app.dispatch.slow_versions import SLOW_S
from app.errors import Busy, NotFound
from app.schemas.requests import Source, Work
from app.service import Service
from tests.support.fakes import Clock, FakeService, Gate, passed, pool, run, work

MAX_FITS = 2


@asynccontextmanager
async def inline(
    body: Callable[[Work], dict[str, Any]], clock: Clock
) -> AsyncIterator[tuple[InlineDispatcher, FakeService]]:
    """A dispatcher whose work is `body`, closed at the end."""
    service = FakeService(body)
    with pool(1) as threads:
        dispatcher = InlineDispatcher(cast("Service", service), threads, MAX_FITS, clock)
        try:
            yield dispatcher, service
        finally:
            await dispatcher.close()


def nothing(_: Work) -> dict[str, Any]:
    return {}


def gates(count: int) -> tuple[list[Gate], Callable[[Work], dict[str, Any]]]:
    """Gates, and work that stands at the next of them; predictions pass."""
    made = [Gate() for _ in range(count)]
    left = iter(made)
    lock = threading.Lock()

    def body(asked: Work) -> dict[str, Any]:
        if asked.verb == "fit":
            with lock:
                gate = next(left)
            gate.enter()
        return {}

    return made, body


def test_the_answer_is_the_result() -> None:
    """A submission comes back finished, with its result, version and times in order."""

    async def main() -> None:
        clock = Clock()

        def body(_: Work) -> dict[str, Any]:
            clock.now += 3
            return {"y": [1.5]}

        async with inline(body, clock) as (dispatcher, _):
            job = await dispatcher.submit(work())
        assert (job.status, job.version, bytes(job.result or b"")) == ("SUCCESS", 1, b'{"y":[1.5]}')
        assert (job.created_s, job.started_s, job.finished_s) == (1000, 1000, 1003)

    run(main())


@pytest.mark.parametrize(
    "asked", [work("fit"), work(), work(rows=SMALL_VALUES + 1), work("score")], ids=lambda w: w.verb
)
def test_times_are_those_of_the_clock(asked: Work) -> None:
    """Whichever thread does the work, one clock tells when it began and ended."""

    async def main() -> None:
        async with inline(nothing, Clock()) as (dispatcher, _):
            job = await dispatcher.submit(asked)
        assert (job.created_s, job.started_s, job.finished_s) == (1000, 1000, 1000)

    run(main())


def test_a_failure_is_a_finished_job() -> None:
    """What the model raises is in the job and not raised."""

    async def main() -> None:
        async with inline(lambda _: {}["a bug"], Clock()) as (dispatcher, _):
            for asked in (work(), work("fit"), work(rows=SMALL_VALUES + 1)):
                job = await dispatcher.submit(asked)
                assert job.status == "FAILURE"
                assert job.failure is not None
                assert job.failure.kind == "model-failed"
                assert job.result is None

    run(main())


def test_every_job_has_its_own_id() -> None:
    """Two submissions of the same work are two jobs."""

    async def main() -> None:
        async with inline(nothing, Clock()) as (dispatcher, _):
            ids = {(await dispatcher.submit(work())).id for _ in range(10)}
        assert len(ids) == 10

    run(main())


@pytest.mark.parametrize(
    "asked", [work("fit"), work(), work(rows=SMALL_VALUES + 1), work("score")], ids=["fit", "small", "large", "score"]
)
def test_a_key_makes_the_id_of_the_job(asked: Work) -> None:
    """On the loop as in a thread: what is sent again is the same job."""

    async def main() -> None:
        async with inline(nothing, Clock()) as (dispatcher, _):
            ids = [(await dispatcher.submit(asked, IdempotencyKey("a" * 64, each * 64))).id for each in "bbc"]
        assert ids == ["a" * 16 + each * 16 for each in "bbc"]

    run(main())


def test_small_predictions_stay_on_the_loop() -> None:
    """The hop to a thread would cost more than they do."""

    async def main() -> None:
        async with inline(nothing, Clock()) as (dispatcher, service):
            await dispatcher.submit(work())
            await dispatcher.submit(work("score", SMALL_VALUES))
        assert service.threads == [threading.current_thread()] * 2

    run(main())


@pytest.mark.parametrize(
    "asked",
    [
        work("fit"),
        work(rows=SMALL_VALUES + 1),
        work("score", rows=SMALL_VALUES + 1),
        Work("predict", "mean", 1, {}, Source("dummy", {})),
    ],
    ids=["a fit", "a large prediction", "a large score", "a source"],
)
def test_what_may_be_long_is_done_in_a_thread(asked: Work) -> None:
    """The loop goes on answering."""

    async def main() -> None:
        async with inline(nothing, Clock()) as (dispatcher, service):
            await dispatcher.submit(asked)
        assert service.threads[0] is not threading.current_thread()

    run(main())


def test_a_slow_model_moves_to_a_thread() -> None:
    """After two slow calls in a row on the loop a version is called in a thread; other versions and models stay."""

    async def main() -> None:
        clock, loop_thread = Clock(), threading.current_thread()

        def body(asked: Work) -> dict[str, Any]:
            clock.now += 2 * SLOW_S if asked.version == 1 else 0
            return {}

        async with inline(body, clock) as (dispatcher, service):
            for asked in (work(), work(), work(), work("score"), work(version=2), work(model="other", version=2)):
                await dispatcher.submit(asked)
        assert [thread is loop_thread for thread in service.threads] == [True, True, False, False, True, True]

    run(main())


def test_a_model_that_is_quick_again_comes_back_to_the_loop() -> None:
    """Its calls were long because the machine was busy."""

    async def main() -> None:
        clock, loop_thread, busy = Clock(), threading.current_thread(), iter([True, True, False, False])

        def body(asked: Work) -> dict[str, Any]:
            clock.now += 2 * SLOW_S if next(busy) else 0
            return {}

        async with inline(body, clock) as (dispatcher, service):
            for _ in range(4):
                await dispatcher.submit(work())
        assert [thread is loop_thread for thread in service.threads] == [True, True, False, True]

    run(main())


def test_fits_are_bounded() -> None:
    """Over the bound a fit is refused at once, and accepted again when one has ended."""

    async def main() -> None:
        doors, body = gates(MAX_FITS + 1)
        async with inline(body, Clock()) as (dispatcher, _):
            fits = [asyncio.create_task(dispatcher.submit(work("fit"))) for _ in range(MAX_FITS)]
            for door in doors[:MAX_FITS]:
                await passed(door.reached)
            with pytest.raises(Busy):
                await dispatcher.submit(work("fit"))
            doors[0].open()
            await asyncio.wait(fits, return_when=asyncio.FIRST_COMPLETED)
            doors[1].open()
            doors[2].open()
            assert (await dispatcher.submit(work("fit"))).status == "SUCCESS"
            await asyncio.gather(*fits)

    run(main())


def test_predictions_pass_running_fits() -> None:
    """Large and small predictions are answered while as many fits run as may."""

    async def main() -> None:
        doors, body = gates(MAX_FITS)
        async with inline(body, Clock()) as (dispatcher, _):
            fits = [asyncio.create_task(dispatcher.submit(work("fit"))) for _ in range(MAX_FITS)]
            for door in doors:
                await passed(door.reached)
            assert (await dispatcher.submit(work())).status == "SUCCESS"
            assert (await dispatcher.submit(work(rows=SMALL_VALUES + 1))).status == "SUCCESS"
            for door in doors:
                door.open()
            await asyncio.gather(*fits)

    run(main())


def test_a_failing_fit_frees_its_place() -> None:
    """More failing fits than places one after the other are none too many."""

    async def main() -> None:
        async with inline(lambda _: {}["a bug"], Clock()) as (dispatcher, _):
            statuses = [(await dispatcher.submit(work("fit"))).status for _ in range(2 * MAX_FITS)]
        assert statuses == ["FAILURE"] * (2 * MAX_FITS)

    run(main())


def test_a_fit_whose_client_hung_up_keeps_its_place_until_it_ends() -> None:
    """Hanging up doesn't make room for another fit while the first still runs, and leaves the room when it ends."""

    async def main() -> None:
        doors, body = gates(2 * MAX_FITS)
        async with inline(body, Clock()) as (dispatcher, _):
            fits = [asyncio.create_task(dispatcher.submit(work("fit"))) for _ in range(MAX_FITS)]
            for door in doors[:MAX_FITS]:
                await passed(door.reached)
            for fit in fits:
                fit.cancel()
            await asyncio.wait(fits)
            with pytest.raises(Busy):
                await dispatcher.submit(work("fit"))
            for door in doors:
                door.open()
            while True:  # run() sets the deadline
                try:
                    job = await dispatcher.submit(work("fit"))
                    break
                except Busy:
                    await asyncio.sleep(0)
            assert job.status == "SUCCESS"

    run(main())


def test_close_waits_for_running_fits() -> None:
    """A fit that runs when the server stops is finished and answered."""

    async def main() -> None:
        (door,), body = gates(1)
        async with inline(body, Clock()) as (dispatcher, _):
            fit = asyncio.create_task(dispatcher.submit(work("fit")))
            await passed(door.reached)
            closing = asyncio.create_task(dispatcher.close())
            await asyncio.sleep(0)
            assert not closing.done()
            door.open()
            await closing
            assert (await fit).status == "SUCCESS"

    run(main())


def test_there_are_no_jobs() -> None:
    """Sync mode keeps no job, and says so."""

    async def main() -> None:
        async with inline(nothing, Clock()) as (dispatcher, _):
            job = await dispatcher.submit(work())
            with pytest.raises(NotFound, match="no queue"):
                await dispatcher.job(job.id, 60)

    run(main())


def test_a_slow_version_shares_calls_where_it_may() -> None:
    """A version that stacks goes to the threads that stack; scores, arrays and what is large do not."""

    async def main() -> None:
        clock, stacked = Clock(), list[int]()

        def body(_: Work) -> dict[str, Any]:
            clock.now += 2 * SLOW_S
            return {}

        async with inline(body, clock) as (dispatcher, service):

            def max_stack_rows(asked: Work) -> int:
                stacked.append(service.rows(asked))
                return 8

            service.max_stack_rows = max_stack_rows  # type: ignore[method-assign]
            for asked in (work(), work(), work(rows=3), work("score", 4), work(rows=SMALL_VALUES + 1)):
                assert (await dispatcher.submit(asked)).status == "SUCCESS"
            await dispatcher.submit(work(rows=5), as_array=True)
        names = [thread.name.partition("_")[0] for thread in service.threads]
        assert stacked == [3]
        assert names[2] == "predict"
        assert "predict" not in names[3:]

    run(main())
