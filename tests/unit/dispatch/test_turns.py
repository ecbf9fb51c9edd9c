"""Callbacks are called in their order, one in each turn of the event loop."""

import asyncio
import itertools

from app.dispatch.turns import Turns
from tests.support.fakes import run

MANY = 10


def test_one_is_called_in_each_turn() -> None:
    """The first of them at once, all of them in their order."""

    async def main() -> None:
        turns, called = Turns(), list[int]()
        for number in range(MANY):
            turns.call(lambda number=number: called.append(number))
        counts = [len(called)]
        while len(called) < MANY:
            await asyncio.sleep(0)
            counts.append(len(called))
        assert counts[0] == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(counts))
        assert called == list(range(MANY))

    run(main())


def test_what_comes_later_has_a_turn_of_its_own() -> None:
    """A turn that has passed counts no longer: after a pause the next one is called at once."""

    async def main() -> None:
        turns, called = Turns(), list[int]()
        for number in range(2):
            turns.call(lambda number=number: called.append(number))
            await asyncio.sleep(0.01)
        turns.call(lambda: called.append(-1))
        assert called == [0, 1, -1]

    run(main())


def test_a_callback_that_raises_does_not_stop_those_after_it() -> None:
    """The event loop reports it."""

    async def main() -> None:
        turns, called, raised = Turns(), list[int](), list[object]()
        asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context["exception"]))
        turns.call(lambda: called.append(0))
        turns.call(lambda: called.remove(99))
        turns.call(lambda: called.append(1))
        await asyncio.wait_for(turns.next(), 1)
        assert called == [0, 1]
        assert [type(error) for error in raised] == [ValueError]

    run(main())


def test_who_has_gone_takes_no_harm() -> None:
    """A request that was cancelled while it waited for its turn is passed over."""

    async def main() -> None:
        turns = Turns()
        for _ in range(MANY):
            turns.call(lambda: None)
        gone, stays = asyncio.create_task(turns.next()), asyncio.create_task(turns.next())
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait_for(stays, 1)
        assert gone.cancelled()

    run(main())
