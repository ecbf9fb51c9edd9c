"""A queued dispatcher on fakes, and what becomes of submissions to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from app.dispatch.dispatcher import IdempotencyKey
from app.queue.dispatcher import QueuedDispatcher
from app.queue.ledger.ledger import Ledger
from app.queue.notifications import JobNotifications
from app.queue.publisher import Publisher
from app.schemas.jobs import Job
from app.schemas.requests import Work
from app.schemas.verbs import Verb
from tests.support.fakes import Broker, FakeLedger, FakeNotifications, Gate, eventually, passed, pool, work

MAX_WAITING_BYTES = 10_000_000
TIMEOUTS_S: dict[Verb, float] = {"fit": 3600.0, "predict": 60.0, "score": 600.0}


class QueuedFixture:
    """A dispatcher on fakes."""

    def __init__(self, ledger: FakeLedger, watch: FakeNotifications, broker: Broker, queued: QueuedDispatcher) -> None:
        self.ledger, self.watch, self.broker, self.queued = ledger, watch, broker, queued

    def submit(self, verb: Verb = "predict", wait_s: float = 0, key: str = "") -> "asyncio.Task[Job]":
        """Begin a submission, and wait for the end of its job."""
        return self.submit_work(work(verb), wait_s, key)

    def submit_work(self, submitted: Work, wait_s: float = 0, key: str = "") -> "asyncio.Task[Job]":
        """The same of some work."""
        digests = IdempotencyKey(key, "request") if key else None
        return asyncio.create_task(self._submit(submitted, wait_s, digests))

    async def _submit(self, submitted: Work, wait_s: float, key: IdempotencyKey | None) -> Job:
        job = await self.queued.submit(submitted, key)
        return await self.queued.job(job.id, wait_s) if wait_s else job

    async def submit_while_another_is_committed(self, gate: Gate, count: int) -> "list[asyncio.Task[Job]]":
        """One submission that stands at the gate, and `count` that gather behind it."""
        first = self.submit()
        await passed(gate.reached)
        rest = [self.submit() for _ in range(count)]
        await asyncio.sleep(0)  # one round of the loop: each has handed in its work
        return [first, *rest]

    async def published(self, count: int) -> list[str]:
        """Wait until messages have gone out for so many jobs; return their ids."""
        await eventually(lambda: len(self._announced()) >= count)
        return self._announced()

    def _announced(self) -> list[str]:
        return [job_id for _, job_ids in self.broker.messages for job_id in job_ids]


@asynccontextmanager
async def queued_fixture(gate: Gate | None = None, room: int = 10_000) -> AsyncIterator[QueuedFixture]:
    """The parts, closed at the end."""
    ledger, watch, broker = FakeLedger(room, gate), FakeNotifications(), Broker()
    with pool() as threads:
        publisher = Publisher(broker.publish)
        queued = QueuedDispatcher(
            cast("Ledger", ledger), cast("JobNotifications", watch), publisher, threads, TIMEOUTS_S, MAX_WAITING_BYTES
        )
        try:
            yield QueuedFixture(ledger, watch, broker, queued)
        finally:
            if gate is not None:
                gate.open()
            await queued.close()


async def ends(tasks: "list[asyncio.Task[Job]]") -> list[Any]:
    """What each submission came to; a submission that hangs fails the test here."""
    done, hanging = await asyncio.wait(tasks, timeout=1)
    for task in hanging:
        task.cancel()
    assert not hanging, f"{len(hanging)} of {len(tasks)} submissions hang"
    return [task.exception() or task.result() for task in tasks if task in done]


def kinds(results: list[Any]) -> list[str]:
    """Names of the exceptions, or the jobs' statuses."""
    return [result.status if isinstance(result, Job) else type(result).__name__ for result in results]
