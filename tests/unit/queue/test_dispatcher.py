"""Queued dispatch: jobs are committed in groups, and every submission ends with a job or a reason, whatever happens."""

import asyncio
from collections.abc import Coroutine
from typing import Any, cast

import pytest

from app.errors import QueueFull, Unavailable
from app.queue.ledger.scripts import LedgerUnavailable
from app.schemas.jobs import Job, JobQuery
from app.schemas.verbs import Verb
from tests.support.fakes import Gate, passed, run, work
from tests.support.queued_fixture import TIMEOUTS_S, ends, kinds, queued_fixture

UNFORESEEN = RuntimeError("unforeseen")


def test_a_job_is_committed_then_announced() -> None:
    """One submission is one commit and one message with its id, and answers PENDING with the ledger's time."""

    async def main() -> None:
        async with queued_fixture() as parts:
            parts.broker.before = lambda job_ids: committed.append(all(one in parts.ledger.jobs for one in job_ids))
            job = await parts.queued.submit(work("score"), 0)
            assert (job.verb, job.model, job.version, job.status, job.created_s) == ("score", "mean", 1, "PENDING", 1.0)
            assert [[each.job_id for each in commit] for commit in parts.ledger.commits] == [[job.id]]
            await parts.published(1)
            assert parts.broker.messages == [("score", [job.id])]

    committed: list[bool] = []
    run(main())
    assert committed == [True]


@pytest.mark.parametrize("verb", TIMEOUTS_S)
def test_a_job_has_the_timeout_of_its_verb(verb: Verb) -> None:
    """Unless the request names one of its own."""

    async def main() -> None:
        async with queued_fixture() as parts:
            own = work(verb)
            own.timeout_s = 0.5
            for asked in (work(verb), own):
                await parts.queued.submit(asked, 0)
            assert [commit[0].timeout_s for commit in parts.ledger.commits] == [TIMEOUTS_S[verb], 0.5]

    run(main())


def test_a_key_used_again_is_the_same_job_and_rings_once() -> None:
    """Both callers have the job of the first."""

    async def main() -> None:
        async with queued_fixture() as parts:
            (first,) = await ends([parts.submit(key="key")])
            (again,) = await ends([parts.submit(key="key")])
            (other,) = await ends([parts.submit()])
            assert again.id == first.id
            assert await parts.published(2) == [first.id, other.id]

    run(main())


def test_what_gathers_is_committed_together() -> None:
    """All that arrives while one commit is on its way goes out in the next: two commits for a hundred and one."""

    async def main() -> None:
        with Gate() as gate:
            async with queued_fixture(gate) as parts:
                tasks = await parts.submit_while_another_is_committed(gate, 100)
                gate.open()
                jobs = await ends(tasks)
                assert [len(commit) for commit in parts.ledger.commits] == [1, 100]
                assert [job.id for job in jobs] == [each.job_id for commit in parts.ledger.commits for each in commit]
                assert sorted(await parts.published(101)) == sorted(job.id for job in jobs)

    run(main())


def test_each_verb_has_its_lane() -> None:
    """Jobs of one group are sent to their own verbs' lanes."""

    async def main() -> None:
        with Gate() as gate:
            async with queued_fixture(gate) as parts:
                first = parts.submit("fit")
                await passed(gate.reached)
                verbs: list[Verb] = ["predict", "fit", "score", "predict"]
                rest = [parts.submit(verb) for verb in verbs]
                await asyncio.sleep(0)
                gate.open()
                jobs = await ends([first, *rest])
                await parts.published(5)
                lanes = {job_id: verb for verb, job_ids in parts.broker.messages for job_id in job_ids}
                assert [lanes[job.id] for job in jobs] == ["fit", *verbs]

    run(main())


@pytest.mark.parametrize("error", [Unavailable("refused"), UNFORESEEN])
def test_a_broker_that_takes_no_message(error: Exception) -> None:
    """The job is accepted all the same: it is in the ledger, and the workers find it; later ones are announced."""

    async def main() -> None:
        async with queued_fixture() as parts:
            parts.broker.fail = [error]
            (job,) = await ends([parts.submit()])
            assert job.status == "PENDING"
            (later,) = await ends([parts.submit()])
            assert later.id in await parts.published(1)

    run(main())


def test_a_broker_that_stands_still() -> None:
    """Jobs are accepted while a message hangs: no request waits for it."""

    async def main() -> None:
        with Gate() as gate:
            async with queued_fixture() as parts:
                parts.broker.before = lambda _: gate.enter()
                assert kinds(await ends([parts.submit()])) == ["PENDING"]
                await passed(gate.reached)
                assert kinds(await ends([parts.submit() for _ in range(50)])) == ["PENDING"] * 50
                assert parts.broker.messages == []
                gate.open()

    run(main())


def test_a_ledger_that_does_not_answer() -> None:
    """Every submission of the group gets the error, no message is sent, and soon submissions succeed again."""

    async def main() -> None:
        with Gate() as gate:
            async with queued_fixture(gate) as parts:
                parts.ledger.fail_accept = [LedgerUnavailable("down"), LedgerUnavailable("down")]
                tasks = await parts.submit_while_another_is_committed(gate, 3)
                gate.open()
                results = await ends(tasks)
                assert all(isinstance(result, Unavailable) for result in results)
                answer: Any = None
                while not isinstance(answer, Job):
                    (answer,) = await ends([parts.submit()])
                assert await parts.published(1) == [answer.id]

    run(main())


def test_an_unforeseen_error_leaves_nobody_waiting() -> None:
    """Whatever a commit raises, its submissions end, and so do those that gathered behind it."""

    async def main() -> None:
        with Gate() as gate:
            async with queued_fixture(gate) as parts:
                parts.ledger.fail_accept = [UNFORESEEN]
                tasks = await parts.submit_while_another_is_committed(gate, 3)
                gate.open()
                results = await ends(tasks)
                assert not isinstance(results[0], Job)
                assert kinds(results[1:]) == ["PENDING"] * 3

    run(main())


def test_over_the_bound_the_queue_is_full() -> None:
    """The first ones are accepted and published; the others get QueueFull."""

    async def main() -> None:
        with Gate() as gate:
            async with queued_fixture(gate, room=3) as parts:
                tasks = await parts.submit_while_another_is_committed(gate, 4)
                gate.open()
                results = await ends(tasks)
                assert kinds(results) == ["PENDING"] * 3 + ["QueueFull"] * 2
                assert isinstance(results[-1], QueueFull)
                assert sorted(await parts.published(3)) == sorted(job.id for job in results[:3])

    run(main())


def test_a_client_that_hangs_up_breaks_nobody() -> None:
    """Submissions that are cancelled before, in and after a commit leave all others with their jobs."""

    async def main() -> None:
        with Gate() as gate:
            async with queued_fixture(gate) as parts:
                tasks = await parts.submit_while_another_is_committed(gate, 5)
                gone, kept = tasks[:2] + tasks[3:4], tasks[2:3] + tasks[4:]
                for task in gone:
                    task.cancel()
                gate.open()
                assert kinds(await ends(kept)) == ["PENDING"] * 3
                assert all(task.cancelled() for task in gone)
                assert kinds(await ends([parts.submit()])) == ["PENDING"]

    run(main())


def test_a_cancelled_job_is_told_as_it_is_then() -> None:
    """Its envelope says REVOKED."""

    async def main() -> None:
        async with queued_fixture() as parts:
            job = await parts.queued.submit(work(), 0)
            assert (await parts.queued.cancel(job.id)).status == "REVOKED"

    run(main())


def test_a_job_that_runs_again_is_announced_again() -> None:
    """In the lane of its verb."""

    async def main() -> None:
        async with queued_fixture() as parts:
            job = await parts.queued.submit(work("score"), 0)
            await parts.published(1)
            await parts.queued.cancel(job.id)
            assert (await parts.queued.retry(job.id)).status == "PENDING"
            await parts.published(2)
            assert parts.broker.messages == [("score", [job.id])] * 2

    run(main())


def test_the_list_is_the_ledgers() -> None:
    """Page and cursor go through as they are."""

    async def main() -> None:
        async with queued_fixture() as parts:
            parts.ledger.jobs = lambda page: ([], f"after {page.cursor}")  # type: ignore[assignment]
            assert await parts.queued.jobs(JobQuery(1, "here")) == ([], "after here")

    run(main())


def test_close_lets_the_group_arrive() -> None:
    """What is on its way when the server stops is committed and sent, then the connections are closed."""

    async def main() -> None:
        with Gate() as gate:
            async with queued_fixture(gate) as parts:
                tasks = await parts.submit_while_another_is_committed(gate, 3)
                closing = asyncio.create_task(cast("Coroutine[Any, Any, None]", parts.queued.close()))
                await asyncio.sleep(0)
                assert not parts.ledger.closed
                gate.open()
                await closing
                assert kinds(await ends(tasks)) == ["PENDING"] * 4
                assert sum(len(ids) for _, ids in parts.broker.messages) == 4
                assert parts.ledger.closed
                assert parts.watch.closed

    run(main())


def test_an_error_at_the_end_keeps_nothing_open() -> None:
    """It is raised when the rest is closed."""

    async def fail() -> None:
        raise UNFORESEEN

    async def main() -> None:
        async with queued_fixture() as parts:
            close, parts.watch.close = parts.watch.close, fail  # type: ignore[method-assign]
            with pytest.raises(RuntimeError, match="unforeseen"):
                await parts.queued.close()
            assert parts.ledger.closed
            parts.watch.close = close  # type: ignore[method-assign]

    run(main())
