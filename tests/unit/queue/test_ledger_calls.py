"""Asking the ledger: while it is away callers are told at once, and commits wait for nobody's reading."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import Unavailable
from app.queue.ledger import LedgerUnavailable
from app.queue.ledger_calls import AWAY_S, LedgerCalls
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
            asking = LedgerCalls(threads, clock)
            for call in (asking.read, asking.commit, asking.read):
                with pytest.raises(LedgerUnavailable):
                    await call(fail)
            assert asked == ["fail"]
            clock.now_s += AWAY_S
            assert await asking.commit(lambda: "job") == "job"
            assert await asking.read(lambda: "state") == "state"
            await asking.close()

    run(main())


def test_a_disk_that_is_away_keeps_nobody_from_the_ledger() -> None:
    """Only the ledger's own silence counts."""

    def fail() -> None:
        raise Unavailable("the store doesn't answer")

    async def main() -> None:
        with ThreadPoolExecutor(1) as threads:
            asking = LedgerCalls(threads, Clock())
            with pytest.raises(Unavailable):
                await asking.read(fail)
            assert await asking.read(lambda: "state") == "state"
            await asking.close()

    run(main())


def test_commits_do_not_wait_for_readers() -> None:
    """All threads for reading stand still, and a job is accepted."""

    async def main() -> None:
        with Gate() as gate, ThreadPoolExecutor(1) as threads:
            asking = LedgerCalls(threads)
            reading = asyncio.create_task(asking.read(gate.enter))
            await passed(gate.reached)
            assert await asking.commit(lambda: "job") == "job"
            gate.open()
            await reading
            await asking.close()

    run(main())
