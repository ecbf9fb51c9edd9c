"""The ledger against a real Valkey: each step is atomic, each job is run by one claim, and the queue is bounded."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import msgspec
import numpy as np
import pytest
from redis import Redis

from app.errors import Failure, Fault
from app.ledger import Claim, Ledger, LedgerUnavailable, connect
from app.ledger.ledger import CHANNEL
from app.schemas import Outcome, Source, Table, Work
from tests import servers
from tests.unit.conftest import TTL_S
from tests.unit.fakes import work

DONE = Outcome(1.0, 2.0, 7, msgspec.Raw(b'{"y":[1.5]}'))
FAILED = Outcome(1.0, 2.0, failure=Failure("invalid", "no", [Fault("/data/X", "too far")]))


def accept(ledger: Ledger, count: int = 1, submitted: Work | None = None) -> list[str]:
    """Commit so many jobs; return the ids of those accepted."""
    return [job.id for job in ledger.accept([(uuid4().hex, submitted or work()) for _ in range(count)])]


def claim(ledger: Ledger, job_id: str) -> Claim:
    """The claim of one job that waits."""
    (claimed,) = ledger.claim([job_id])
    return claimed


def test_an_accepted_job_waits(ledger: Ledger) -> None:
    """It is PENDING, and reads as what `accept` returned."""
    (accepted,) = ledger.accept([("one", work("score", version=3))])
    assert accepted == ledger.job("one")
    assert (accepted.status, accepted.verb, accepted.model, accepted.version) == ("PENDING", "score", "mean", 3)
    assert (accepted.started_s, accepted.finished_s, accepted.result, accepted.failure) == (None, None, None, None)


def test_a_fit_has_no_version_yet(ledger: Ledger) -> None:
    """None goes in and comes out."""
    (job_id,) = accept(ledger, submitted=work("fit"))
    assert getattr(ledger.job(job_id), "version", 0) is None


@pytest.mark.parametrize("job_id", ["nope", "", "*", "../one", "é", "a\0b", "x" * 10_000])
def test_an_unknown_job_is_none(ledger: Ledger, job_id: str) -> None:
    """Whatever its id looks like."""
    accept(ledger)
    assert ledger.job(job_id) is None


@pytest.mark.parametrize(
    "data",
    [
        Table(np.array([[0.1, -0.0], [5e-324, 1e308]]), np.array([1.0, 2.0]), ["a", "é,\n"], ["y"]),
        Table(np.zeros((2, 1)), np.arange(6.0).reshape(2, 3)),
        Table(np.zeros((3, 2))),
        Source("dummy", {"number": 5, "function": [1.0, 2.0], "noise": 0.5}),
    ],
    ids=["named", "several outputs", "no y", "a source"],
)
def test_a_claim_brings_the_work_as_it_was(ledger: Ledger, data: Any) -> None:
    """Every bit of the arrays, their shapes, and all names."""
    sent = Work("fit", "m", None, {"degree": 3, "interactions": False}, data)
    (job_id,) = accept(ledger, submitted=sent)
    got = claim(ledger, job_id).work
    assert (got.verb, got.model, got.version, got.params) == (sent.verb, sent.model, sent.version, sent.params)
    if isinstance(data, Source):
        assert got.data == data
        return
    assert isinstance(got.data, Table)
    assert (got.data.inputs, got.data.outputs) == (data.inputs, data.outputs)
    assert got.data.X.shape == data.X.shape and got.data.X.tobytes() == data.X.tobytes()
    assert (got.data.y is None) == (data.y is None)
    assert data.y is None or (got.data.y.shape == data.y.shape and got.data.y.tobytes() == data.y.tobytes())


def test_a_claimed_job_has_started(ledger: Ledger) -> None:
    """Its status says so, and since when."""
    (job_id,) = accept(ledger)
    claim(ledger, job_id)
    job = ledger.job(job_id)
    assert job is not None
    assert job.status == "STARTED"
    assert job.started_s is not None and job.started_s >= job.created_s


def test_only_what_waits_is_claimed(ledger: Ledger) -> None:
    """Jobs that are unknown, taken, finished or discarded are left out, the others come in order."""
    first, taken, finished, discarded, last = accept(ledger, 5)
    claim(ledger, taken)
    ledger.finish([(claim(ledger, finished), DONE)])
    ledger.discard([discarded])
    claimed = ledger.claim(["unknown", first, taken, finished, discarded, last, first])
    assert [one.job_id for one in claimed] == [first, last]


def test_each_job_is_claimed_once_whoever_asks(server: servers.Server, ledger: Ledger) -> None:
    """Of many workers that claim the same jobs at once, each job goes to exactly one."""
    job_ids, workers = accept(ledger, 300), 8
    start = threading.Barrier(workers)

    def one_worker(number: int) -> list[str]:
        own = Ledger(connect(server.url), TTL_S, max_pending=1000)
        start.wait()
        order = job_ids if number % 2 else job_ids[::-1]
        claimed = [one.job_id for i in range(0, 300, 7) for one in own.claim(order[i : i + 7])]
        own.close()
        return claimed

    with ThreadPoolExecutor(workers) as pool:
        claimed = [job_id for ids in pool.map(one_worker, range(workers)) for job_id in ids]
    assert sorted(claimed) == sorted(job_ids)


def test_a_finished_job_has_its_result(ledger: Ledger) -> None:
    """Result, version and times are there, in order; there is no failure."""
    (job_id,) = accept(ledger)
    assert ledger.finish([(claim(ledger, job_id), DONE)]) == 1
    job = ledger.job(job_id)
    assert job is not None
    assert (job.status, job.version, bytes(job.result or b""), job.failure) == ("SUCCESS", 7, b'{"y":[1.5]}', None)
    assert job.created_s <= (job.started_s or 0) <= (job.finished_s or 0)


def test_a_failed_job_has_its_failure(ledger: Ledger) -> None:
    """Kind, words and pointers are kept, and the version that was asked for; there is no result."""
    (job_id,) = accept(ledger, submitted=work(version=4))
    ledger.finish([(claim(ledger, job_id), FAILED)])
    job = ledger.job(job_id)
    assert job is not None
    assert (job.status, job.version, job.result, job.failure) == ("FAILURE", 4, None, FAILED.failure)


def test_many_jobs_finish_in_one_step(ledger: Ledger) -> None:
    """Each with its own outcome."""
    claims = ledger.claim(accept(ledger, 3))
    outcomes = [Outcome(1.0, 2.0, n, msgspec.Raw(str(n).encode())) for n in (1, 2, 3)]
    assert ledger.finish(list(zip(claims, outcomes, strict=True))) == 3
    jobs = [ledger.job(one.job_id) for one in claims]
    assert [(job.version, bytes(job.result or b"")) for job in jobs if job] == [(1, b"1"), (2, b"2"), (3, b"3")]


@pytest.mark.parametrize("off", [-1, 1])
def test_only_the_newest_claim_may_finish(ledger: Ledger, off: int) -> None:
    """An outcome under another fence changes nothing; the newest claim's counts, once."""
    (job_id,) = accept(ledger)
    mine = claim(ledger, job_id)
    assert ledger.finish([(mine._replace(fence=mine.fence + off), FAILED)]) == 0
    assert getattr(ledger.job(job_id), "status", "") == "STARTED"
    assert ledger.finish([(mine, DONE)]) == 1
    assert ledger.finish([(mine, FAILED)]) == 0
    assert getattr(ledger.job(job_id), "status", "") == "SUCCESS"


def test_a_job_that_is_gone_is_not_finished(ledger: Ledger, redis: Redis) -> None:
    """An outcome for a job that nobody knows any more brings it not back."""
    (job_id,) = accept(ledger)
    mine = claim(ledger, job_id)
    redis.flushall()
    assert ledger.finish([(mine, DONE)]) == 0
    assert ledger.job(job_id) is None


def test_a_finished_job_expires(ledger: Ledger, redis: Redis) -> None:
    """It is kept for the result's time to live; one that waits or runs has no such end."""
    waiting, running, finished = accept(ledger, 3)
    claim(ledger, running)
    ledger.finish([(claim(ledger, finished), DONE)])
    left_s = {one: redis.ttl(next(redis.scan_iter(f"*{one}"))) for one in (waiting, running, finished)}
    assert left_s[waiting] == left_s[running] == -1
    assert TTL_S - 5 <= left_s[finished] <= TTL_S


def test_a_finished_job_no_longer_holds_its_data(ledger: Ledger, redis: Redis) -> None:
    """The numbers of the request are forgotten: only the result takes memory."""
    (job_id,) = accept(ledger, submitted=work(rows=10_000))
    key = next(redis.scan_iter(f"*{job_id}"))
    assert redis.memory_usage(key) > 80_000
    ledger.finish([(claim(ledger, job_id), DONE)])
    assert redis.memory_usage(key) < 2_000


def test_times_are_those_of_redis(ledger: Ledger, redis: Redis) -> None:
    """Each lies between what the server's clock says before and after, to the microsecond."""

    def now() -> float:
        seconds, microseconds = redis.time()
        return float(seconds) + microseconds / 1e6

    marks = [now()]
    (job_id,) = accept(ledger)
    marks.append(now())
    mine = claim(ledger, job_id)
    marks.append(now())
    ledger.finish([(mine, DONE)])
    marks.append(now())
    job = ledger.job(job_id)
    assert job is not None
    for told, before, after in zip((job.created_s, job.started_s, job.finished_s), marks, marks[1:], strict=False):
        assert told is not None
        assert before - 1e-6 <= told <= after + 1e-6


def test_the_queue_has_a_bound(server: servers.Server, redis: Redis) -> None:
    """The first that find room are accepted and no more; claimed and discarded jobs make room."""
    bounded = Ledger(connect(server.url), TTL_S, max_pending=3)
    ids = [f"job{i}" for i in range(5)]
    assert [job.id for job in bounded.accept([(one, work()) for one in ids])] == ids[:3]
    assert bounded.job("job3") is None
    assert accept(bounded) == []
    bounded.claim(["job0"])
    assert len(accept(bounded, 2)) == 1
    bounded.discard(["job1"])
    assert len(accept(bounded, 2)) == 1
    assert accept(bounded) == []
    bounded.close()


def test_the_bound_holds_for_many_at_once(server: servers.Server, redis: Redis) -> None:
    """Web processes that commit at the same time share one bound."""
    writers, bound = 8, 50
    start = threading.Barrier(writers)

    def one_writer(_: int) -> int:
        own = Ledger(connect(server.url), TTL_S, max_pending=bound)
        start.wait()
        accepted = sum(len(accept(own, 3)) for _ in range(10))
        own.close()
        return accepted

    with ThreadPoolExecutor(writers) as pool:
        assert sum(pool.map(one_writer, range(writers))) == bound


def test_discard_forgets_what_waits(ledger: Ledger) -> None:
    """A job that a worker has is kept, and so is its result; one that waits is gone."""
    waiting, running = accept(ledger, 2)
    mine = claim(ledger, running)
    assert ledger.discard([waiting, running, "unknown"]) == [waiting]
    assert ledger.job(waiting) is None
    assert ledger.claim([waiting]) == []
    assert ledger.finish([(mine, DONE)]) == 1


def test_finishing_is_announced(ledger: Ledger, redis: Redis) -> None:
    """Whoever listens hears the id, after the result is there."""
    (job_id,) = accept(ledger)
    with redis.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(CHANNEL)
        listener.get_message(timeout=5)
        ledger.finish([(claim(ledger, job_id), DONE)])
        message = listener.get_message(timeout=5)
    assert message is not None and message["data"] == job_id.encode()


def test_a_full_ledger_refuses_new_jobs_and_can_be_worked_off(ledger: Ledger, redis: Redis) -> None:
    """Without memory nothing more is accepted, but what was accepted is still claimed and finished."""
    (job_id,) = accept(ledger)
    before = redis.config_get("maxmemory")["maxmemory"]
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(LedgerUnavailable):
            accept(ledger)
        assert ledger.finish([(claim(ledger, job_id), DONE)]) == 1
    finally:
        redis.config_set("maxmemory", before)
    assert getattr(ledger.job(job_id), "status", None) == "SUCCESS"
