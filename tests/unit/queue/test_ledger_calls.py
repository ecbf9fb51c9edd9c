"""Calls of the ledger: while it is down calls fail at once, and commits do not wait for readers."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import Unavailable
from app.queue.ledger.scripts import LedgerUnavailable
from app.queue.ledger_calls import OPEN_S, LedgerCalls
from tests.support.fakes import Gate, passed, run


class Clock:
    """Time that the test lets pass."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_ledger_that_is_away_is_asked_once_in_a_while() -> None:
    """The next calls are refused without it; then one asks again, and when it answers all go on."""
    asked: list[str] = []
    clock = Clock()

    def fail() -> None:
        asked.append("fail")
        raise LedgerUnavailable("away")

    async def main() -> None:
        with ThreadPoolExecutor(2) as threads:
            calls = LedgerCalls(threads, clock)
            for call in (calls.call, calls.commit, calls.call):
                with pytest.raises(LedgerUnavailable):
                    await call(fail)
            assert asked == ["fail"]
            clock.now_s += OPEN_S
            assert await calls.commit(lambda: "job") == "job"
            assert await calls.call(lambda: "state") == "state"
            await calls.close()

    run(main())


def test_a_disk_that_is_away_keeps_nobody_from_the_ledger() -> None:
    """Only the ledger's own silence counts."""

    def fail() -> None:
        raise Unavailable("the store doesn't answer")

    async def main() -> None:
        with ThreadPoolExecutor(1) as threads:
            calls = LedgerCalls(threads, Clock())
            with pytest.raises(Unavailable):
                await calls.call(fail)
            assert await calls.call(lambda: "state") == "state"
            await calls.close()

    run(main())


def test_commits_do_not_wait_for_readers() -> None:
    """All threads for reading stand still, and a job is accepted."""

    async def main() -> None:
        with Gate() as gate, ThreadPoolExecutor(1) as threads:
            calls = LedgerCalls(threads)
            reading = asyncio.create_task(calls.call(gate.enter))
            await passed(gate.reached)
            assert await calls.commit(lambda: "job") == "job"
            gate.open()
            await reading
            await calls.close()

    run(main())
