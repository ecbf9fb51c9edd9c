"""Jobs are done: each by one claim, whose outcome alone counts, and nobody else comes between."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np
import pytest
from redis import Redis

from app.errors import Superseded
from app.ledger import Claim, Submission
from app.ledger.limits import TOMBSTONE_S
from app.schemas import Outcome, Source, Table, Work
from tests.unit.fakes import work
from tests.unit.ledger_house import DONE, FAILED, LARGE, TTL_S, House


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
def test_a_claim_brings_the_work_as_it_was(house: House, data: Any) -> None:
    """Every bit of the arrays, their shapes, and all names."""
    sent = Work("fit", "m", None, {"degree": 3, "interactions": False}, data)
    got = house.started(sent).work
    assert (got.verb, got.model, got.version, got.params) == (sent.verb, sent.model, sent.version, sent.params)
    if isinstance(data, Source):
        assert got.data == data
        return
    assert isinstance(got.data, Table)
    assert (got.data.inputs, got.data.outputs) == (data.inputs, data.outputs)
    assert got.data.X.shape == data.X.shape and got.data.X.tobytes() == data.X.tobytes()
    assert (got.data.y is None) == (data.y is None)
    assert data.y is None or (got.data.y.shape == data.y.shape and got.data.y.tobytes() == data.y.tobytes())


def test_a_claimed_job_has_started(house: House) -> None:
    """Its status says so, since when, and that it is the first time."""
    job = house.ledger.job(house.started().job_id)
    assert (job.status, job.attempts) == ("STARTED", 1)
    assert job.started_s is not None and job.started_s >= job.created_s


def test_only_what_waits_is_claimed(house: House) -> None:
    """Jobs that are unknown, taken, finished or cancelled are left out, the others come in order."""
    first, taken, finished, cancelled, last = house.accept(5)
    house.claim(taken, child="2")
    house.finish(house.claim(finished))
    house.ledger.cancel(cancelled)
    claimed = house.worker().claim(["unknown", first, taken, finished, cancelled, last, first])
    assert [one.job_id for one in claimed] == [first, last]


def test_a_job_that_was_lost_is_claimed_alone(house: House) -> None:
    """It may be the one that ends its process: no neighbour shall go with it again."""
    lost, fresh = house.accept(2)
    house.claim(lost)
    house.lose(lost)
    worker = house.worker()
    assert [one.job_id for one in worker.claim([lost, fresh])] == [fresh]
    assert [(one.job_id, one.attempts) for one in worker.claim([lost])] == [(lost, 2)]


def test_a_job_that_was_handed_back_is_claimed_with_others(house: House) -> None:
    """It was no fault of its own."""
    back, fresh = house.accept(2)
    house.claim(back)
    house.lose(back, uncounted=True)
    assert [(one.job_id, one.attempts) for one in house.worker().claim([back, fresh])] == [(back, 1), (fresh, 1)]


def test_a_claim_whose_answer_was_lost_may_be_repeated(house: House) -> None:
    """The same child gets the same claims; no attempt is counted twice."""
    job_ids, worker = house.accept(3), house.worker()
    first = worker.claim(job_ids)
    again = worker.claim(job_ids)
    assert [one._replace(work=None) for one in again] == [one._replace(work=None) for one in first]  # type: ignore[arg-type]
    assert [held.size for held in house.held("1")] == [3, 3, 3]
    assert house.told(job_ids[0]) == ("STARTED", 1)


@pytest.mark.parametrize(("child", "node"), [("2", "node"), ("11", "node"), ("1", "other")])
def test_nobody_else_may_repeat_a_claim(house: House, child: str, node: str) -> None:
    """Neither another process of the node, nor one of the same number elsewhere."""
    claim = house.started()
    assert house.worker(child, node).claim([claim.job_id]) == []


def test_each_job_is_claimed_once_whoever_asks(house: House) -> None:
    """Of many workers that claim the same jobs at once, each job goes to exactly one."""
    job_ids, count = house.accept(300), 8
    workers = [house.worker(str(number)) for number in range(count)]
    start = threading.Barrier(count)

    def take(number: int) -> list[str]:
        start.wait()
        order = job_ids if number % 2 else job_ids[::-1]
        claimed = [one.job_id for i in range(0, 300, 7) for one in workers[number].claim(order[i : i + 7])]
        return list(dict.fromkeys(claimed))

    with ThreadPoolExecutor(count) as pool:
        claimed = [job_id for ids in pool.map(take, range(count)) for job_id in ids]
    assert sorted(claimed) == sorted(job_ids)


def test_a_finished_job_has_its_result(house: House) -> None:
    """Result, version and times are there, in order; there is no failure."""
    job = house.ledger.job(house.ended())
    assert (job.status, job.version, bytes(job.result or b""), job.failure) == ("SUCCESS", 7, b'{"y":[1.5]}', None)
    assert job.created_s <= (job.started_s or 0) <= (job.finished_s or 0)


def test_a_failed_job_has_its_failure(house: House) -> None:
    """Kind, words and pointers are kept, and the version that was asked for; there is no result."""
    claim = house.started(work(version=4))
    house.finish(claim, FAILED)
    job = house.ledger.job(claim.job_id)
    assert (job.status, job.version, job.result, job.failure) == ("FAILURE", 4, None, FAILED.failure)


def test_many_jobs_finish_in_one_step(house: House) -> None:
    """Each with its own outcome."""
    worker = house.worker()
    claims = worker.claim(house.accept(3))
    outcomes = [Outcome(1.0, 2.0, n, msgspec.Raw(str(n).encode())) for n in (1, 2, 3)]
    assert worker.finish(list(zip(claims, outcomes, strict=True))) == [(True, None)] * 3
    jobs = [house.ledger.job(one.job_id) for one in claims]
    assert [(job.version, bytes(job.result or b"")) for job in jobs] == [(1, b"1"), (2, b"2"), (3, b"3")]


def test_the_pace_is_that_of_one_job(house: House) -> None:
    """Ten jobs done together within a second took a tenth of it each."""
    worker = house.worker()
    worker.finish([(claim, DONE) for claim in worker.claim(house.accept(10))])
    assert float(house.redis.hget("trinity:pace:predict", "service_s") or 0) == pytest.approx(0.1)


@pytest.mark.parametrize("off", [-1, 1])
def test_only_the_newest_claim_may_finish(house: House, off: int) -> None:
    """An outcome under another fence changes nothing; the newest claim's counts, once."""
    mine = house.started()
    assert not house.finish(mine._replace(fence=mine.fence + off), FAILED)
    assert house.status(mine.job_id) == "STARTED"
    assert house.finish(mine)
    assert not house.finish(mine, FAILED)
    assert house.status(mine.job_id) == "SUCCESS"


def test_a_finish_whose_answer_was_lost_may_be_repeated(house: House) -> None:
    """It counts, and nothing happens twice."""
    mine = house.started()
    assert house.finish(mine)
    seq = house.redis.hget(f"trinity:job:{mine.job_id}", "seq")
    assert house.finish(mine)
    assert house.redis.hget(f"trinity:job:{mine.job_id}", "seq") == seq


def taken_back(house: House, claim: Claim) -> None:
    house.lose(claim.job_id)


def taken_over(house: House, claim: Claim) -> None:
    house.lose(claim.job_id)
    house.claim(claim.job_id, child="2")


def cancelled(house: House, claim: Claim) -> None:
    house.ledger.cancel(claim.job_id)


def timed_out(house: House, claim: Claim) -> None:
    (held,) = house.held()
    house.keeping().time_out(held)


def run_again(house: House, claim: Claim) -> None:
    house.ledger.cancel(claim.job_id)
    house.ledger.retry(claim.job_id)
    house.claim(claim.job_id, child="2")


@pytest.mark.parametrize("happened", [taken_back, taken_over, cancelled, timed_out, run_again])
def test_whoever_comes_too_late_changes_nothing(house: House, happened: Any) -> None:
    """What a lost claim reports, commits or finishes doesn't count, nor is it seen."""
    claim, worker = house.started(), house.worker()
    happened(house, claim)
    key = f"trinity:job:{claim.job_id}"
    before = house.redis.hgetall(key)
    worker.progress(claim, 0.5)
    with pytest.raises(Superseded):
        worker.commit(claim)
    assert worker.finish([(claim, LARGE)]) == [(False, None)]
    assert house.redis.hgetall(key) == before
    assert house.files() == []


def test_progress_is_seen_while_a_job_runs(house: House) -> None:
    """And no longer when it is done."""
    claim, worker = house.started(), house.worker()
    worker.progress(claim, 0.25)
    assert house.ledger.job(claim.job_id).progress == 0.25
    worker.finish([(claim, DONE)])
    assert house.ledger.job(claim.job_id).progress is None


def test_a_job_that_is_gone_is_not_finished(house: House) -> None:
    """An outcome for a job that nobody knows any more brings it not back."""
    mine = house.started()
    house.redis.flushall()
    assert not house.finish(mine)
    assert house.status(mine.job_id) == "NotFound"


def test_a_finished_job_expires(house: House) -> None:
    """It is kept for the result's time to live and remembered for longer; one that waits or runs has no such end."""
    (waiting,), running, finished = house.accept(), house.started().job_id, house.ended()
    left_s = {one: house.redis.ttl(f"trinity:job:{one}") for one in (waiting, running, finished)}
    assert left_s[waiting] == left_s[running] == -1
    assert TTL_S - 5 <= left_s[finished] <= TTL_S
    assert house.redis.ttl(f"trinity:gone:{finished}") > TOMBSTONE_S


def test_a_finished_job_no_longer_holds_its_data(house: House) -> None:
    """The numbers of the request are forgotten: only the result takes memory."""
    claim = house.started(work(rows=1_000))
    key = f"trinity:job:{claim.job_id}"
    assert house.redis.memory_usage(key, samples=0) > 8_000
    house.finish(claim)
    assert house.redis.memory_usage(key, samples=0) < 2_000


def test_times_are_those_of_redis(house: House) -> None:
    """Each lies between what the server's clock says before and after, to the microsecond."""
    marks = [now(house.redis)]
    (job_id,) = house.accept()
    marks.append(now(house.redis))
    mine = house.claim(job_id)
    marks.append(now(house.redis))
    house.finish(mine)
    marks.append(now(house.redis))
    job = house.ledger.job(job_id)
    for told, before, after in zip((job.created_s, job.started_s, job.finished_s), marks, marks[1:], strict=False):
        assert told is not None
        assert before - 1e-6 <= told <= after + 1e-6


def now(redis: Redis) -> float:
    """What the server's clock says."""
    seconds, microseconds = redis.time()
    return float(seconds) + microseconds / 1e6


def test_every_step_is_announced(house: House) -> None:
    """Whoever listens hears id, number and status, after it can be seen; those of one call in one message."""
    with house.redis.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe("trinity:events")
        listener.get_message(timeout=5)
        house.submit(Submission("a", work(), 60), Submission("b", work(), 60))
        house.finish(house.claim("a"))
        heard = [listener.get_message(timeout=5) for _ in range(3)]
    assert [message["data"] for message in heard if message] == [
        b"a 1 PENDING\nb 1 PENDING",
        b"a 2 STARTED",
        b"a 3 SUCCESS",
    ]
