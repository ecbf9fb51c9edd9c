"""The feed of the latest jobs: one reader for all clients, the latest list for each, and an end for all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

from app.errors import Unavailable
from app.queue.job_feed import JobFeed
from app.queue.notifications import ANY_JOB, JobNotifications
from app.schemas.jobs import Job
from tests.support.fakes import FakeNotifications, job, run, work


class Shelf:
    """Jobs to be read, which may be out of reach; `reads` counts the looks."""

    def __init__(self) -> None:
        self.jobs: list[Job] = [job("first", work())]
        self.away = False
        self.reads = 0

    async def read(self) -> list[Job]:
        self.reads += 1
        if self.away:
            raise Unavailable("away")
        return list(self.jobs)


def feed(shelf: Shelf, notifications: FakeNotifications) -> JobFeed:
    return JobFeed(shelf.read, cast("JobNotifications", notifications))


async def following(stream: AsyncIterator[Any]) -> list[str] | None:
    """The ids of the next list of jobs, None for a sign of life."""
    jobs = await asyncio.wait_for(anext(stream), 3)
    return None if jobs is None else [each.id for each in jobs]


def test_all_who_watch_share_one_reader() -> None:
    """The second gets what the first has seen; both hear of a change."""
    shelf, notifications = Shelf(), FakeNotifications()

    async def watched() -> None:
        made = feed(shelf, notifications)
        async with aclosing(made.latest_jobs()) as one, aclosing(made.latest_jobs()) as other:
            assert await following(one) == await following(other) == ["first"]
            reads = shelf.reads
            shelf.jobs.insert(0, job("second", work()))
            notifications.events[ANY_JOB].set()
            assert await following(one) == await following(other) == ["second", "first"]
            assert shelf.reads == reads + 1

    run(watched())


def test_a_stream_without_news_shows_that_it_lives() -> None:
    """Also while the jobs can't be read; clients keep the last list until they can."""
    shelf, notifications = Shelf(), FakeNotifications()
    shelf.away = True

    async def watched() -> None:
        async with aclosing(feed(shelf, notifications).latest_jobs(heartbeat_s=0.05)) as stream:
            assert await following(stream) is None
            shelf.away = False
            notifications.events[ANY_JOB].set()
            while (jobs := await following(stream)) is None:
                notifications.events[ANY_JOB].set()
            assert jobs == ["first"]

    run(watched())


def test_nobody_reads_when_nobody_watches() -> None:
    """The reader leaves with the last, and comes back with the next."""
    shelf, notifications = Shelf(), FakeNotifications()

    async def watched() -> None:
        made = feed(shelf, notifications)
        async with aclosing(made.latest_jobs()) as stream:
            await following(stream)
        reads = shelf.reads
        notifications.events[ANY_JOB].set()
        await asyncio.sleep(0.4)  # longer than the pause between two looks
        assert shelf.reads == reads
        shelf.jobs = []
        async with aclosing(made.latest_jobs()) as stream:
            assert await following(stream) == []

    run(watched())


def test_a_process_that_stops_lets_go_of_all() -> None:
    """Each stream ends, so that its client comes back to another process."""
    shelf, notifications = Shelf(), FakeNotifications()

    async def watched() -> None:
        made = feed(shelf, notifications)
        async with aclosing(made.latest_jobs()) as stream:
            await following(stream)
            made.stop()
            assert [jobs async for jobs in stream][1:] == []

    run(watched())
