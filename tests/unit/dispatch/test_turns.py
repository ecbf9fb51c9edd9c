"""Callbacks are called in their order, a few in each turn of the event loop."""

import asyncio
import itertools

from app.dispatch.turns import PER_TURN, Turns
from tests.support.fakes import run


def test_a_few_are_called_in_each_turn() -> None:
    """The first of them at once, all of them in their order."""

    async def main() -> None:
        turns, called = Turns(), list[int]()
        for number in range(3 * PER_TURN + 1):
            turns.call(lambda number=number: called.append(number))
        counts = [len(called)]
        while len(called) < 3 * PER_TURN + 1:
            await asyncio.sleep(0)
            counts.append(len(called))
        assert counts[0] == PER_TURN
        assert all(after - before <= PER_TURN for before, after in itertools.pairwise(counts))
        assert called == list(range(3 * PER_TURN + 1))

    run(main())


def test_what_comes_later_has_a_turn_of_its_own() -> None:
    """A turn that has passed counts no longer: after a pause the next ones are called at once."""

    async def main() -> None:
        turns, called = Turns(), list[int]()
        for _ in range(2):
            for number in range(PER_TURN):
                turns.call(lambda number=number: called.append(number))
            await asyncio.sleep(0.01)
        turns.call(lambda: called.append(-1))
        assert called == [*range(PER_TURN), *range(PER_TURN), -1]

    run(main())


def test_a_callback_that_raises_does_not_stop_those_after_it() -> None:
    """The event loop reports it."""

    async def main() -> None:
        turns, called, raised = Turns(), list[int](), list[object]()
        asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context["exception"]))
        for number in range(PER_TURN):
            turns.call(lambda number=number: called.append(number))
        turns.call(lambda: called.remove(99))
        turns.call(lambda: called.append(4))
        await asyncio.wait_for(turns.next(), 1)
        assert called == [*range(PER_TURN), 4]
        assert [type(error) for error in raised] == [ValueError]

    run(main())


def test_who_has_gone_takes_no_harm() -> None:
    """A request that was cancelled while it waited for its turn is passed over."""

    async def main() -> None:
        turns = Turns()
        for _ in range(5 * PER_TURN):
            turns.call(lambda: None)
        gone, stays = asyncio.create_task(turns.next()), asyncio.create_task(turns.next())
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait_for(stays, 1)
        assert gone.cancelled()

    run(main())
