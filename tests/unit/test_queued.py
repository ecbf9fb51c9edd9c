"""Queued dispatch: jobs are committed in groups, and every submission ends with a job or a reason, whatever happens."""

import asyncio
from collections.abc import Coroutine
from typing import Any, cast

import pytest
from kombu.exceptions import OperationalError

from app.dispatch.queued import MESSAGE_JOBS
from app.errors import QueueFull, Unavailable
from app.ledger import LedgerUnavailable
from app.schemas import Job, Verb
from tests.unit.fakes import Gate, passed, run, work
from tests.unit.queued_house import ends, house, kinds

UNFORESEEN = RuntimeError("nobody foresaw this")


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


@pytest.mark.parametrize(
    "error", [OperationalError("refused"), ConnectionRefusedError(), TimeoutError(), BrokenPipeError()]
)
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
