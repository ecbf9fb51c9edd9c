"""Claims: each job is done by one claim, and only the outcome of that claim counts."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np
import pytest
from redis import Redis

from app.errors import Superseded
from app.queue.ledger.acceptance import Submission
from app.queue.ledger.claims import Claim
from app.queue.ledger.limits import TOMBSTONE_S
from app.schemas.jobs import Outcome
from app.schemas.requests import Source, Work
from app.schemas.tables import Table
from tests.support.fakes import work
from tests.support.ledger_fixture import DONE, FAILED, LARGE, TTL_S, LedgerFixture


@pytest.mark.parametrize(
    "data",
    [
        Table(np.array([[0.1, -0.0], [5e-324, 1e308]]), np.array([1.0, 2.0]), ["a", "é,\n"], ["y"]),
        Table(np.zeros((2, 1)), np.arange(6.0).reshape(2, 3)),
        Table(np.zeros((3, 2))),
        Table(np.random.default_rng(1).normal(size=(20_000, 2)), np.zeros(20_000)),
        Source("dummy", {"number": 5, "function": [1.0, 2.0], "noise": 0.5}),
    ],
    ids=["named", "several outputs", "no y", "large", "a source"],
)
def test_a_claim_brings_the_work_as_it_was(ledgers: LedgerFixture, data: Any) -> None:
    """Every bit of the arrays, their shapes, and all names."""
    sent = Work("fit", "m", None, {"degree": 3, "interactions": False}, data)
    got = ledgers.started(sent).work
    assert (got.verb, got.model, got.version, got.params) == (sent.verb, sent.model, sent.version, sent.params)
    if isinstance(data, Source):
        assert got.data == data
        return
    assert isinstance(got.data, Table)
    assert (got.data.inputs, got.data.outputs) == (data.inputs, data.outputs)
    assert got.data.X.shape == data.X.shape and got.data.X.tobytes() == data.X.tobytes()
    assert (got.data.y is None) == (data.y is None)
    assert data.y is None or (got.data.y.shape == data.y.shape and got.data.y.tobytes() == data.y.tobytes())


def test_a_claimed_job_has_started(ledgers: LedgerFixture) -> None:
    """Its status says so, since when, and that it is the first time."""
    job = ledgers.ledger.job(ledgers.started().job_id)
    assert (job.status, job.attempts) == ("STARTED", 1)
    assert job.started_s is not None and job.started_s >= job.created_s


def test_only_what_waits_is_claimed(ledgers: LedgerFixture) -> None:
    """Jobs that are unknown, taken, finished or cancelled are left out, the others come in order."""
    first, taken, finished, cancelled, last = ledgers.accept(5)
    ledgers.claim(taken, child="2")
    ledgers.finish(ledgers.claim(finished))
    ledgers.ledger.cancel(cancelled)
    claimed = ledgers.worker().claim(["unknown", first, taken, finished, cancelled, last, first])
    assert [one.job_id for one in claimed] == [first, last]


def test_a_job_that_was_lost_is_claimed_alone(ledgers: LedgerFixture) -> None:
    """It may be the one that ends its process: no neighbour shall go with it again."""
    lost, fresh = ledgers.accept(2)
    ledgers.claim(lost)
    ledgers.lose(lost)
    worker = ledgers.worker()
    assert [one.job_id for one in worker.claim([lost, fresh])] == [fresh]
    assert [(one.job_id, one.attempts) for one in worker.claim([lost])] == [(lost, 2)]


def test_a_job_that_was_handed_back_is_claimed_with_others(ledgers: LedgerFixture) -> None:
    """It was no fault of its own."""
    back, fresh = ledgers.accept(2)
    ledgers.claim(back)
    ledgers.lose(back, count_attempt=False)
    assert [(one.job_id, one.attempts) for one in ledgers.worker().claim([back, fresh])] == [
        (back, 1),
        (fresh, 1),
    ]


def test_a_claim_whose_answer_was_lost_may_be_repeated(ledgers: LedgerFixture) -> None:
    """The same child gets the same claims; no attempt is counted twice."""
    job_ids, worker = ledgers.accept(3), ledgers.worker()
    first = worker.claim(job_ids)
    again = worker.claim(job_ids)
    assert [one._replace(work=None) for one in again] == [one._replace(work=None) for one in first]  # type: ignore[arg-type]
    assert [held.size for held in ledgers.held("1")] == [3, 3, 3]
    assert ledgers.status_and_attempts(job_ids[0]) == ("STARTED", 1)


@pytest.mark.parametrize(("child", "node"), [("2", "node"), ("11", "node"), ("1", "other")])
def test_nobody_else_may_repeat_a_claim(ledgers: LedgerFixture, child: str, node: str) -> None:
    """Neither another process of the node, nor one of the same number elsewhere."""
    claim = ledgers.started()
    assert ledgers.worker(child, node).claim([claim.job_id]) == []


def test_each_job_is_claimed_once_whoever_asks(ledgers: LedgerFixture) -> None:
    """Of many workers that claim the same jobs at once, each job goes to exactly one."""
    job_ids, count = ledgers.accept(300), 8
    workers = [ledgers.worker(str(number)) for number in range(count)]
    start = threading.Barrier(count)

    def take(number: int) -> list[str]:
        start.wait()
        order = job_ids if number % 2 else job_ids[::-1]
        claimed = [one.job_id for i in range(0, 300, 7) for one in workers[number].claim(order[i : i + 7])]
        return list(dict.fromkeys(claimed))

    with ThreadPoolExecutor(count) as pool:
        claimed = [job_id for ids in pool.map(take, range(count)) for job_id in ids]
    assert sorted(claimed) == sorted(job_ids)


def test_a_finished_job_has_its_result(ledgers: LedgerFixture) -> None:
    """Result, version and times are there, in order; there is no failure."""
    job = ledgers.ledger.job(ledgers.ended())
    assert (job.status, job.version, bytes(job.result or b""), job.failure) == ("SUCCESS", 7, b'{"y":[1.5]}', None)
    assert job.created_s <= (job.started_s or 0) <= (job.finished_s or 0)


def test_a_failed_job_has_its_failure(ledgers: LedgerFixture) -> None:
    """Kind, words and pointers are kept, and the version that was asked for; there is no result."""
    claim = ledgers.started(work(version=4))
    ledgers.finish(claim, FAILED)
    job = ledgers.ledger.job(claim.job_id)
    assert (job.status, job.version, job.result, job.failure) == ("FAILURE", 4, None, FAILED.failure)


def test_many_jobs_finish_in_one_step(ledgers: LedgerFixture) -> None:
    """Each with its own outcome."""
    worker = ledgers.worker()
    claims = worker.claim(ledgers.accept(3))
    outcomes = [Outcome(1.0, 2.0, n, msgspec.Raw(str(n).encode())) for n in (1, 2, 3)]
    assert worker.finish(list(zip(claims, outcomes, strict=True))) == [(True, None)] * 3
    jobs = [ledgers.ledger.job(one.job_id) for one in claims]
    assert [(job.version, bytes(job.result or b"")) for job in jobs] == [(1, b"1"), (2, b"2"), (3, b"3")]


def test_the_pace_is_that_of_one_job(ledgers: LedgerFixture) -> None:
    """Ten jobs done together within a second took a tenth of it each."""
    worker = ledgers.worker()
    worker.finish([(claim, DONE) for claim in worker.claim(ledgers.accept(10))])
    assert float(ledgers.redis.hget("trinity:pace:predict", "service_s") or 0) == pytest.approx(0.1)


@pytest.mark.parametrize("off", [-1, 1])
def test_only_the_newest_claim_may_finish(ledgers: LedgerFixture, off: int) -> None:
    """An outcome under another fence changes nothing; the newest claim's counts, once."""
    mine = ledgers.started()
    assert not ledgers.finish(mine._replace(fence=mine.fence + off), FAILED)
    assert ledgers.status(mine.job_id) == "STARTED"
    assert ledgers.finish(mine)
    assert not ledgers.finish(mine, FAILED)
    assert ledgers.status(mine.job_id) == "SUCCESS"


def test_a_finish_whose_answer_was_lost_may_be_repeated(ledgers: LedgerFixture) -> None:
    """It counts, and nothing happens twice."""
    mine = ledgers.started()
    assert ledgers.finish(mine)
    seq = ledgers.redis.hget(f"trinity:job:{mine.job_id}", "seq")
    assert ledgers.finish(mine)
    assert ledgers.redis.hget(f"trinity:job:{mine.job_id}", "seq") == seq


def taken_back(ledgers: LedgerFixture, claim: Claim) -> None:
    ledgers.lose(claim.job_id)


def taken_over(ledgers: LedgerFixture, claim: Claim) -> None:
    ledgers.lose(claim.job_id)
    ledgers.claim(claim.job_id, child="2")


def cancelled(ledgers: LedgerFixture, claim: Claim) -> None:
    ledgers.ledger.cancel(claim.job_id)


def timed_out(ledgers: LedgerFixture, claim: Claim) -> None:
    (held,) = ledgers.held()
    ledgers.maintenance().time_out(held)


def run_again(ledgers: LedgerFixture, claim: Claim) -> None:
    ledgers.ledger.cancel(claim.job_id)
    ledgers.ledger.retry(claim.job_id)
    ledgers.claim(claim.job_id, child="2")


@pytest.mark.parametrize("happened", [taken_back, taken_over, cancelled, timed_out, run_again])
def test_whoever_comes_too_late_changes_nothing(ledgers: LedgerFixture, happened: Any) -> None:
    """What a lost claim reports, commits or finishes doesn't count, nor is it seen."""
    claim, worker = ledgers.started(), ledgers.worker()
    happened(ledgers, claim)
    key = f"trinity:job:{claim.job_id}"
    before = ledgers.redis.hgetall(key)
    worker.progress(claim, 0.5)
    with pytest.raises(Superseded):
        worker.check(claim)
    with pytest.raises(Superseded):
        worker.commit(claim)
    assert worker.finish([(claim, LARGE)]) == [(False, None)]
    assert ledgers.redis.hgetall(key) == before
    assert ledgers.files() == []


def test_progress_is_seen_while_a_job_runs(ledgers: LedgerFixture) -> None:
    """And no longer when it is done."""
    claim, worker = ledgers.started(), ledgers.worker()
    worker.check(claim)
    worker.progress(claim, 0.25, 'page "3" of \\ 30 é')
    running = ledgers.ledger.job(claim.job_id)
    assert (running.progress, running.step) == (0.25, 'page "3" of \\ 30 é')
    worker.progress(claim, 0.5)
    assert ledgers.ledger.job(claim.job_id).step == ""
    worker.finish([(claim, DONE)])
    done = ledgers.ledger.job(claim.job_id)
    assert (done.progress, done.step) == (None, "")


def test_a_job_that_is_gone_is_not_finished(ledgers: LedgerFixture) -> None:
    """An outcome for a job that is gone does not bring it back."""
    mine = ledgers.started()
    ledgers.redis.flushall()
    assert not ledgers.finish(mine)
    assert ledgers.status(mine.job_id) == "NotFound"


def test_a_finished_job_expires(ledgers: LedgerFixture) -> None:
    """It is kept for the result's time to live and remembered for longer; one that waits or runs has no such end."""
    (waiting,), running, finished = ledgers.accept(), ledgers.started().job_id, ledgers.ended()
    left_s = {one: ledgers.redis.ttl(f"trinity:job:{one}") for one in (waiting, running, finished)}
    assert left_s[waiting] == left_s[running] == -1
    assert TTL_S - 5 <= left_s[finished] <= TTL_S
    assert ledgers.redis.ttl(f"trinity:gone:{finished}") > TOMBSTONE_S


def test_a_finished_job_no_longer_holds_its_data(ledgers: LedgerFixture) -> None:
    """The numbers of the request are forgotten: only the result takes memory."""
    claim = ledgers.started(work(rows=1_000))
    key = f"trinity:job:{claim.job_id}"
    assert ledgers.redis.memory_usage(key, samples=0) > 8_000
    ledgers.finish(claim)
    assert ledgers.redis.memory_usage(key, samples=0) < 2_000


def test_times_are_those_of_redis(ledgers: LedgerFixture) -> None:
    """Each lies between what the server's clock says before and after, to the microsecond."""
    marks = [now(ledgers.redis)]
    (job_id,) = ledgers.accept()
    marks.append(now(ledgers.redis))
    mine = ledgers.claim(job_id)
    marks.append(now(ledgers.redis))
    ledgers.finish(mine)
    marks.append(now(ledgers.redis))
    job = ledgers.ledger.job(job_id)
    for at, before, after in zip((job.created_s, job.started_s, job.finished_s), marks, marks[1:], strict=False):
        assert at is not None
        assert before - 1e-6 <= at <= after + 1e-6


def now(redis: Redis) -> float:
    """What the server's clock says."""
    seconds, microseconds = redis.time()
    return float(seconds) + microseconds / 1e6


def test_every_step_is_announced(ledgers: LedgerFixture) -> None:
    """A notice has id, number and status, and comes after the change is visible; one message for each call."""
    with ledgers.redis.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe("trinity:events")
        listener.get_message(timeout=5)
        ledgers.submit(Submission("a", work(), 60), Submission("b", work(), 60))
        ledgers.finish(ledgers.claim("a"))
        heard = [listener.get_message(timeout=5) for _ in range(3)]
    assert [message["data"] for message in heard if message] == [
        b"a 1 PENDING\nb 1 PENDING",
        b"a 2 STARTED",
        b"a 3 SUCCESS",
    ]
