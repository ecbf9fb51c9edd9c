"""Queued dispatch: jobs are committed in groups, and every submission ends with a job or a reason, whatever happens."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import pytest
from kombu.exceptions import OperationalError

from app.dispatch.queued import MESSAGE_JOBS, Queued
from app.dispatch.watch import Watch
from app.errors import NotFound, QueueFull, Unavailable
from app.ledger import Ledger, LedgerUnavailable
from app.schemas import Job, Verb
from tests.unit.fakes import Broker, FakeLedger, FakeWatch, Gate, passed, pool, run, work

UNFORESEEN = RuntimeError("nobody foresaw this")


class House:
    """A dispatcher on fakes."""

    def __init__(self, ledger: FakeLedger, watch: FakeWatch, broker: Broker, queued: Queued) -> None:
        self.ledger, self.watch, self.broker, self.queued = ledger, watch, broker, queued

    def submit(self, verb: Verb = "predict", wait_s: float = 0) -> "asyncio.Task[Job]":
        """Begin a submission."""
        return asyncio.create_task(self.queued.submit(work(verb), wait_s))

    async def submit_while_another_is_committed(self, gate: Gate, count: int) -> "list[asyncio.Task[Job]]":
        """One submission that stands at the gate, and `count` that gather behind it."""
        first = self.submit()
        await passed(gate.reached)
        rest = [self.submit() for _ in range(count)]
        await asyncio.sleep(0)  # one round of the loop: each has handed in its work
        return [first, *rest]


@asynccontextmanager
async def house(gate: Gate | None = None, room: int = 10_000) -> AsyncIterator[House]:
    """The parts, closed at the end."""
    ledger, watch, broker = FakeLedger(room, gate), FakeWatch(), Broker()
    with pool() as threads:
        queued = Queued(cast("Ledger", ledger), cast("Watch", watch), broker.publish, threads)
        try:
            yield House(ledger, watch, broker, queued)
        finally:
            if gate is not None:
                gate.open()
            with suppress(RuntimeError):  # an accident the test itself arranged
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


def test_a_job_is_committed_then_announced() -> None:
    """One submission is one commit and one message with its id, and answers PENDING with the ledger's time."""

    async def main() -> None:
        async with house() as parts:
            parts.broker.before = lambda job_ids: committed.append(all(one in parts.ledger.jobs for one in job_ids))
            job = await parts.queued.submit(work("score"), 0)
            assert (job.verb, job.model, job.version, job.status, job.created_s) == ("score", "mean", 1, "PENDING", 1.0)
            assert parts.ledger.commits == [[job.id]]
            assert parts.broker.messages == [("score", [job.id])]

    committed: list[bool] = []
    run(main())
    assert committed == [True]


def test_what_gathers_is_committed_together() -> None:
    """All that arrives while one commit is on its way goes out in the next: two commits for a hundred and one."""

    async def main() -> None:
        with Gate() as gate:
            async with house(gate) as parts:
                tasks = await parts.submit_while_another_is_committed(gate, 100)
                gate.open()
                jobs = await ends(tasks)
                assert [len(commit) for commit in parts.ledger.commits] == [1, 100]
                assert [job.id for job in jobs] == [job_id for commit in parts.ledger.commits for job_id in commit]

    run(main())


def test_messages_are_bounded() -> None:
    """A large group goes out in messages of a bounded size, each job in one of them."""

    async def main() -> None:
        with Gate() as gate:
            async with house(gate) as parts:
                tasks = await parts.submit_while_another_is_committed(gate, 2 * MESSAGE_JOBS + 1)
                gate.open()
                jobs = await ends(tasks)
                assert [len(ids) for _, ids in parts.broker.messages] == [1, MESSAGE_JOBS, MESSAGE_JOBS, 1]
                assert sorted(i for _, ids in parts.broker.messages for i in ids) == sorted(job.id for job in jobs)

    run(main())


def test_each_verb_has_its_lane() -> None:
    """Jobs of one group are sent to their own verbs' lanes."""

    async def main() -> None:
        with Gate() as gate:
            async with house(gate) as parts:
                first = parts.submit("fit")
                await passed(gate.reached)
                verbs: list[Verb] = ["predict", "fit", "score", "predict"]
                rest = [parts.submit(verb) for verb in verbs]
                await asyncio.sleep(0)
                gate.open()
                jobs = await ends([first, *rest])
                lanes = {job_id: verb for verb, job_ids in parts.broker.messages for job_id in job_ids}
                assert [lanes[job.id] for job in jobs] == ["fit", *verbs]
                assert len(parts.broker.messages) == 4

    run(main())


@pytest.mark.parametrize("error", [OperationalError("refused"), ConnectionRefusedError(), TimeoutError(), BrokenPipeError()])
def test_a_broker_that_takes_no_message(error: Exception) -> None:
    """The job is taken back from the ledger, and the caller told to try again; the next submission is well."""

    async def main() -> None:
        async with house() as parts:
            parts.broker.fail = [error]
            assert kinds(await ends([parts.submit()])) == ["Unavailable"]
            assert parts.ledger.jobs == {}
            assert kinds(await ends([parts.submit()])) == ["PENDING"]

    run(main())


def test_a_broker_that_fails_for_one_lane() -> None:
    """Only the jobs of the message that didn't go out are lost."""

    async def main() -> None:
        with Gate() as gate:
            async with house(gate) as parts:
                first = parts.submit("fit")
                await passed(gate.reached)
                rest = [parts.submit("score"), parts.submit("predict")]
                await asyncio.sleep(0)

                def refuse_scores(job_ids: list[str]) -> None:
                    if any(parts.ledger.jobs[job_id].verb == "score" for job_id in job_ids):
                        raise ConnectionRefusedError

                parts.broker.before = refuse_scores
                gate.open()
                assert kinds(await ends([first, *rest])) == ["PENDING", "Unavailable", "PENDING"]

    run(main())


def test_a_job_that_was_claimed_is_not_taken_back() -> None:
    """The message went out though the broker's answer was lost: a job that a worker has is accepted."""

    async def main() -> None:
        async with house() as parts:
            parts.broker.before = parts.ledger.claimed.update
            parts.broker.fail = [TimeoutError()]
            assert kinds(await ends([parts.submit()])) == ["PENDING"]

    run(main())


def test_a_ledger_that_does_not_answer() -> None:
    """Every submission of the group is told, nothing is sent, and the next submission is well."""

    async def main() -> None:
        with Gate() as gate:
            async with house(gate) as parts:
                parts.ledger.fail_accept = [LedgerUnavailable("down"), LedgerUnavailable("down")]
                tasks = await parts.submit_while_another_is_committed(gate, 3)
                gate.open()
                results = await ends(tasks)
                assert all(isinstance(result, Unavailable) for result in results)
                assert parts.broker.messages == []
                assert kinds(await ends([parts.submit()])) == ["PENDING"]

    run(main())


def test_broker_and_ledger_fail_together() -> None:
    """One Redis may be both: when the job can't even be taken back, its caller is still told."""

    async def main() -> None:
        async with house() as parts:
            parts.broker.fail = [ConnectionRefusedError()]
            parts.ledger.fail_discard = [LedgerUnavailable("down")]
            (result,) = await ends([parts.submit()])
            assert isinstance(result, Unavailable)
            assert kinds(await ends([parts.submit()])) == ["PENDING"]

    run(main())


def test_an_unforeseen_error_leaves_nobody_waiting() -> None:
    """Whatever a commit raises, its submissions end, and so do those that gathered behind it."""

    async def main() -> None:
        with Gate() as gate:
            async with house(gate) as parts:
                parts.ledger.fail_accept = [UNFORESEEN]
                tasks = await parts.submit_while_another_is_committed(gate, 3)
                gate.open()
                results = await ends(tasks)
                assert not isinstance(results[0], Job)
                assert kinds(results[1:]) == ["PENDING"] * 3

    run(main())


def test_an_unforeseen_error_of_the_broker_leaves_nobody_waiting() -> None:
    """The same for what a publish raises."""

    async def main() -> None:
        async with house() as parts:
            parts.broker.fail = [UNFORESEEN]
            (result,) = await ends([parts.submit()])
            assert not isinstance(result, Job)
            assert kinds(await ends([parts.submit()])) == ["PENDING"]

    run(main())


def test_over_the_bound_the_queue_is_full() -> None:
    """The first that find room are accepted, the others told that the queue is full."""

    async def main() -> None:
        with Gate() as gate:
            async with house(gate, room=3) as parts:
                tasks = await parts.submit_while_another_is_committed(gate, 4)
                gate.open()
                results = await ends(tasks)
                assert kinds(results) == ["PENDING"] * 3 + ["QueueFull"] * 2
                assert isinstance(results[-1], QueueFull)
                assert sum(len(ids) for _, ids in parts.broker.messages) == 3

    run(main())


def test_a_client_that_hangs_up_breaks_nobody() -> None:
    """Submissions that are cancelled before, in and after a commit leave all others with their jobs."""

    async def main() -> None:
        with Gate() as gate:
            async with house(gate) as parts:
                tasks = await parts.submit_while_another_is_committed(gate, 5)
                gone, kept = tasks[:2] + tasks[3:4], tasks[2:3] + tasks[4:]
                for task in gone:
                    task.cancel()
                gate.open()
                assert kinds(await ends(kept)) == ["PENDING"] * 3
                assert all(task.cancelled() for task in gone)
                assert kinds(await ends([parts.submit()])) == ["PENDING"]

    run(main())


def test_a_waiting_client_gets_the_result() -> None:
    """A submission that waits answers when the notice comes, with the finished job."""

    async def main() -> None:
        async with house() as parts:
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
        async with house() as parts:
            parts.broker.before = lambda job_ids: [parts.ledger.finish(one) for one in job_ids] and None
            assert kinds(await ends([parts.submit(wait_s=60)])) == ["SUCCESS"]

    run(main())


def test_a_lost_notice_delays_but_does_not_lose() -> None:
    """Whoever waits looks at the job now and then."""

    async def main() -> None:
        async with house() as parts:
            task = parts.submit(wait_s=60)
            await parts.watch.entered.wait()
            parts.ledger.finish(next(iter(parts.ledger.jobs)))
            assert (await task).status == "SUCCESS"

    run(main())


def test_a_wait_ends() -> None:
    """A job that isn't finished in time is answered as it is."""

    async def main() -> None:
        async with house() as parts:
            assert kinds(await ends([parts.submit(wait_s=0.05)])) == ["PENDING"]

    run(main())


@pytest.mark.parametrize("wait_s", [0, 60])
def test_an_unknown_job_is_not_found(wait_s: float) -> None:
    """At once, even when the client would wait."""

    async def main() -> None:
        async with house() as parts:
            with pytest.raises(NotFound):
                await parts.queued.job("nope", wait_s)

    run(main())


def test_close_lets_the_group_arrive() -> None:
    """What is on its way when the server stops is committed and sent, then the connections are closed."""

    async def main() -> None:
        with Gate() as gate:
            async with house(gate) as parts:
                tasks = await parts.submit_while_another_is_committed(gate, 3)
                closing = asyncio.create_task(cast("Coroutine[Any, Any, None]", parts.queued.close()))
                await asyncio.sleep(0)
                assert not parts.ledger.closed
                gate.open()
                await closing
                assert kinds(await ends(tasks)) == ["PENDING"] * 4
                assert len(parts.broker.messages) == 2
                assert parts.ledger.closed
                assert parts.watch.closed

    run(main())
