"""Queued dispatch: clients that wait for a job get its end, or at their deadline its state."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.errors import NotFound
from app.queue.notifications import JobNotifications
from app.schemas.jobs import Event
from tests.support.fakes import eventually, run, work
from tests.support.queued_fixture import ends, kinds, queued_fixture


def test_a_waiting_client_gets_the_result() -> None:
    """A submission that waits answers when the notice comes, with the finished job."""

    async def main() -> None:
        async with queued_fixture() as parts:
            task = parts.submit(wait_s=60)
            await parts.watch.entered.wait()
            ((job_id, event),) = parts.watch.events.items()
            assert not task.done()
            parts.ledger.finish(job_id)
            event.set()
            assert kinds(await ends([task])) == ["SUCCESS"]

    run(main())


def test_a_job_that_ends_before_the_watch_begins_is_seen() -> None:
    """No notice will come any more, and none is needed."""

    async def main() -> None:
        async with queued_fixture() as parts:
            parts.watch.before = parts.ledger.finish
            assert kinds(await ends([parts.submit(wait_s=60)])) == ["SUCCESS"]

    run(main())


def test_a_lost_notice_delays_but_does_not_lose() -> None:
    """A waiting request reads the job itself, at the latest at the deadline."""

    async def main() -> None:
        async with queued_fixture() as parts:
            task = parts.submit(wait_s=0.2)
            await parts.watch.entered.wait()
            parts.ledger.finish(next(iter(parts.ledger.jobs)))
            assert kinds(await ends([task])) == ["SUCCESS"]

    run(main())


def test_a_wait_ends() -> None:
    """A job that isn't finished in time is answered as it is."""

    async def main() -> None:
        async with queued_fixture() as parts:
            assert kinds(await ends([parts.submit(wait_s=0.05)])) == ["PENDING"]

    run(main())


@pytest.mark.parametrize("wait_s", [0, 60])
def test_an_unknown_job_is_not_found(wait_s: float) -> None:
    """At once, even when the client would wait."""

    async def main() -> None:
        async with queued_fixture() as parts:
            with pytest.raises(NotFound):
                await parts.queued.job("nope", wait_s)

    run(main())


def test_nobody_waits_while_the_process_stops() -> None:
    """Who waits gets the job as it is, and so does who comes later."""

    async def main() -> None:
        async with queued_fixture() as parts:
            task = parts.submit(wait_s=60)
            await parts.watch.entered.wait()
            parts.queued.stop_waiting()
            assert kinds(await ends([task, parts.submit(wait_s=60)])) == ["PENDING", "PENDING"]

    run(main())


def test_a_wait_may_outlast_the_stop() -> None:
    """What ends soon after the stop is answered with its end, to who waited already and to who comes later."""

    async def main() -> None:
        async with queued_fixture() as parts:
            job = await parts.queued.submit(work())
            early = asyncio.create_task(parts.queued.job(job.id, 60, past_stop_s=60))
            await parts.watch.entered.wait()
            parts.queued.stop_waiting()
            late = asyncio.create_task(parts.queued.job(job.id, 60, past_stop_s=60))
            looks = parts.ledger.looks
            await eventually(lambda: parts.ledger.looks >= looks + 2)
            parts.ledger.finish(job.id)
            parts.watch.wake_all()
            assert kinds(await ends([early, late])) == ["SUCCESS", "SUCCESS"]

    run(main())


@pytest.mark.parametrize(("wait_s", "past_stop_s"), [(60, 0.05), (0.05, 60)])
def test_a_wait_outlasts_the_stop_only_so_long(wait_s: float, past_stop_s: float) -> None:
    """Nor is it longer than the wait that was asked for."""

    async def main() -> None:
        async with queued_fixture() as parts:
            job = await parts.queued.submit(work())
            task = asyncio.create_task(parts.queued.job(job.id, wait_s, past_stop_s))
            await parts.watch.entered.wait()
            parts.queued.stop_waiting()
            assert kinds(await ends([task])) == ["PENDING"]

    run(main())


def test_waking_reaches_every_wait() -> None:
    """Those for one job and those for others."""

    async def main() -> None:
        watch = JobNotifications("redis://127.0.0.1:1")  # no server has to be there
        async with watch.subscribe("a") as one, watch.subscribe("a") as two, watch.subscribe("b") as three:
            watch.wake_all()
            assert one.is_set() and two.is_set() and three.is_set()
        await watch.close()

    run(main())


async def numbers(stream: AsyncIterator[Event | None], at_most: int = 100) -> list[int]:
    """The numbers of a stream's events, to its end or so many."""
    found: list[int] = []
    async for event in stream:
        if event is not None:
            found.append(event.seq)
        if len(found) == at_most:
            break
    return found


def test_events_are_told_to_the_end() -> None:
    """Those of before, then each as it happens; the stream ends when the job has."""

    async def main() -> None:
        async with queued_fixture() as parts:
            job = await parts.queued.submit(work(), 0)
            parts.ledger.set(job.id, "STARTED")
            events = asyncio.create_task(numbers(parts.queued.events(job.id, 0)))
            await parts.watch.entered.wait()
            for status in ("RETRY", "STARTED", "SUCCESS"):
                parts.ledger.set(job.id, status)
                parts.watch.wake_all()
            assert await events == [1, 2, 3, 4]

    run(main())


def test_events_go_on_where_a_client_left_off() -> None:
    """Only those after the one that it saw last."""

    async def main() -> None:
        async with queued_fixture() as parts:
            job = await parts.queued.submit(work(), 0)
            for status in ("STARTED", "SUCCESS"):
                parts.ledger.set(job.id, status)
            assert await numbers(parts.queued.events(job.id, 1)) == [2]
            assert await numbers(parts.queued.events(job.id, 2)) == []

    run(main())


def test_events_end_when_the_process_stops() -> None:
    """The client comes back to another, and goes on there."""

    async def main() -> None:
        async with queued_fixture() as parts:
            job = await parts.queued.submit(work(), 0)
            events = asyncio.create_task(numbers(parts.queued.events(job.id, 0)))
            await parts.watch.entered.wait()
            parts.queued.stop_waiting()
            assert await events == []

    run(main())
