"""What waits to be accepted: within bounds, large data stored on its own, and nothing left of what is refused."""

import asyncio
from typing import cast

import pytest

from app.errors import Busy, Retriable, Unavailable
from app.queue import group_commit
from app.queue.group_commit import BUSY_JOBS, GROUP_JOBS, STORE_THREADS, WAITING_JOBS, GroupCommit
from app.queue.ledger.acceptance import Submission
from app.queue.ledger.ledger import Ledger
from app.queue.ledger.scripts import LedgerUnavailable
from app.queue.ledger_calls import LedgerCalls
from app.queue.publisher import Publisher
from app.schemas.jobs import Job
from app.schemas.requests import Work
from tests.support.fakes import Broker, FakeLedger, Gate, eventually, passed, pool, run, work
from tests.support.queued_fixture import MAX_WAITING_BYTES, ends, kinds, queued_fixture


def large(size_bytes: int = 200_000) -> Work:
    """Work whose numbers take so much memory."""
    return work(rows=size_bytes // 16)


def test_what_waits_for_the_ledger_is_bounded_in_number() -> None:
    """While a commit stands, what is over the bound gets Busy; what came before is accepted."""

    async def main() -> None:
        with Gate() as gate:
            async with queued_fixture(gate) as parts:
                tasks = await parts.submit_while_another_is_committed(gate, WAITING_JOBS + 2)
                refused = await ends(tasks[WAITING_JOBS:])
                assert kinds(refused) == ["Busy"] * 3
                assert isinstance(refused[0], Retriable)
                assert refused[0].retry_after_s >= 1
                gate.open()
                assert kinds(await ends(tasks[:WAITING_JOBS])) == ["PENDING"] * WAITING_JOBS
                assert kinds(await ends([parts.submit()])) == ["PENDING"]
                assert max(map(len, parts.ledger.commits)) == GROUP_JOBS

    run(main())


def test_what_waits_for_the_ledger_is_bounded_in_bytes() -> None:
    """Those of the packed work; one alone is always taken, for its size is bounded elsewhere."""
    capacity = group_commit._Capacity("ledger", 100)
    capacity.acquire(1_000)
    capacity.release(1_000)
    capacity.acquire(60)
    with pytest.raises(Busy):
        capacity.acquire(41)
    capacity.acquire(40)


def test_large_data_that_waits_is_bounded_in_bytes() -> None:
    """While the store stands, and no small job is refused; large ones are accepted again when the store answers."""

    async def main() -> None:
        with Gate() as gate:
            async with queued_fixture() as parts:
                parts.ledger.before_keep = gate.enter
                tasks = [parts.submit_work(large(MAX_WAITING_BYTES // 4)) for _ in range(5)]
                await passed(gate.reached)
                assert kinds(await ends(tasks[4:])) == ["Busy"]
                assert kinds(await ends([parts.submit()])) == ["PENDING"]
                gate.open()
                assert kinds(await ends(tasks[:4])) == ["PENDING"] * 4
                assert kinds(await ends([parts.submit_work(large())])) == ["PENDING"]

    run(main())


def test_a_slow_store_holds_up_no_other_job() -> None:
    """All its threads stand still: small jobs are committed, and jobs are read."""

    async def main() -> None:
        with Gate() as gate:
            async with queued_fixture() as parts:
                parts.ledger.before_keep = gate.enter
                tasks = [parts.submit_work(large()) for _ in range(2 * STORE_THREADS)]
                await passed(gate.reached)
                (small,) = await ends([parts.submit()])
                assert (await parts.queued.job(small.id, 0)).status == "PENDING"
                assert not any(task.done() for task in tasks)
                gate.open()
                assert kinds(await ends(tasks)) == ["PENDING"] * len(tasks)

    run(main())


def test_a_store_that_takes_nothing_refuses_its_job_alone() -> None:
    """Whatever it raises."""

    async def main() -> None:
        async with queued_fixture() as parts:
            for error in (Unavailable("no room"), RuntimeError("unforeseen")):

                def fail(error: Exception = error) -> None:
                    raise error

                parts.ledger.before_keep = fail
                results = await ends([parts.submit_work(large()), parts.submit()])
                assert kinds(results) == ["Unavailable", "PENDING"]

    run(main())


def test_nothing_is_left_of_a_large_job_that_is_refused() -> None:
    """Because the queue is full, or its key was used before; what was accepted stays."""

    async def main() -> None:
        async with queued_fixture(room=1) as parts:
            (first,) = await ends([parts.submit_work(large(), key="key")])
            results = await ends([parts.submit_work(large(), key="key"), parts.submit_work(large())])
            assert [results[0].id, type(results[1]).__name__] == [first.id, "QueueFull"]
            await eventually(lambda: parts.ledger.stored == {f"{first.id}.work"})

    run(main())


def test_nothing_is_stored_for_a_ledger_that_is_away() -> None:
    """One commit finds out. Whether that one arrived is unknown, so its data stays until the payload cleanup."""

    async def main() -> None:
        with Gate() as gate:
            async with queued_fixture() as parts:
                parts.ledger.fail_accept = [LedgerUnavailable("down")]
                (doubtful,) = await ends([parts.submit_work(large())])
                assert isinstance(doubtful, Unavailable)
                stored = set(parts.ledger.stored)
                assert len(stored) == 1
                parts.ledger.before_keep = gate.enter
                (refused,) = await ends([parts.submit_work(large())])
                assert isinstance(refused, Unavailable)
                assert not gate.reached.is_set()
                assert parts.ledger.stored == stored

    run(main())


def test_nothing_is_left_when_the_ledger_goes_away_meanwhile() -> None:
    """What was stored for a commit that was never asked for is dropped."""

    async def main() -> None:
        with Gate() as gate:
            async with queued_fixture() as parts:
                parts.ledger.before_keep = gate.enter
                late = parts.submit_work(large())
                await passed(gate.reached)
                parts.ledger.fail_accept = [LedgerUnavailable("down")]
                assert kinds(await ends([parts.submit()])) == ["LedgerUnavailable"]
                gate.open()
                (answer,) = await ends([late])
                assert isinstance(answer, Unavailable)
                await eventually(lambda: not parts.ledger.stored)

    run(main())


def test_a_client_that_hangs_up_leaves_no_data_without_a_job() -> None:
    """While its data is stored: the job was handed in, and is accepted."""

    async def main() -> None:
        with Gate() as gate:
            async with queued_fixture() as parts:
                parts.ledger.before_keep = gate.enter
                task = parts.submit_work(large())
                await passed(gate.reached)
                task.cancel()
                gate.open()
                await eventually(lambda: len(parts.ledger.jobs) == 1)
                assert {f"{job_id}.work" for job_id in parts.ledger.jobs} == parts.ledger.stored

    run(main())


def test_close_lets_large_jobs_arrive() -> None:
    """Whose data is on its way into the store."""

    async def main() -> None:
        with Gate() as gate:
            async with queued_fixture() as parts:
                parts.ledger.before_keep = gate.enter
                task = parts.submit_work(large())
                await passed(gate.reached)
                closing = asyncio.ensure_future(parts.queued.close())
                await asyncio.sleep(0)
                gate.open()
                await closing
                (job,) = await ends([task])
                assert isinstance(job, Job)
                assert parts.ledger.closed

    run(main())


def test_under_load_jobs_gather_for_the_next_commit() -> None:
    """After a group of many the next jobs share a commit; after a group of few each is committed at once."""

    async def main(first: int, delay_s: float) -> list[int]:
        ledger = FakeLedger()
        with pool() as threads:
            calls, publisher = LedgerCalls(threads), Publisher(Broker().publish)
            group_commit = GroupCommit(cast("Ledger", ledger), calls, publisher, MAX_WAITING_BYTES, delay_s)

            def accept(name: str) -> "asyncio.Task[object]":
                return asyncio.create_task(group_commit.accept(Submission(name, work(), 60)))

            await asyncio.gather(*(accept(f"first{number}") for number in range(first)))
            second = accept("second")
            for _ in range(10):
                await asyncio.sleep(0)
            await asyncio.gather(second, accept("third"))
            await group_commit.close()
            await publisher.close()
            await calls.close()
        return [len(group) for group in ledger.commits]

    assert run(main(BUSY_JOBS, delay_s=0.3)) == [BUSY_JOBS, 2]
    assert run(main(BUSY_JOBS - 1, delay_s=60)) == [BUSY_JOBS - 1, 1, 1]
