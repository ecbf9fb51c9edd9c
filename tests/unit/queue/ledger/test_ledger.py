"""Jobs come into the ledger: in order, within a bound, once for a key, and once when an answer was lost."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import Gone, Invalid, NotFound, QueueFull
from app.queue.ledger.acceptance import Duplicate, Submission
from app.schemas.jobs import Job
from tests.support.fakes import work
from tests.support.ledger_fixture import LedgerFixture


def keyed(job_id: str, key: str = "key", digest: str = "request") -> Submission:
    """Work under an idempotency key."""
    return Submission(job_id, work(), 60, key, digest)


def test_an_accepted_job_waits(ledgers: LedgerFixture) -> None:
    """It is PENDING, and reads as what `accept` returned."""
    (accepted,) = ledgers.submit(Submission("one", work("score", version=3), 60))
    assert accepted == ledgers.ledger.job("one")
    assert isinstance(accepted, Job)
    assert (accepted.status, accepted.verb, accepted.model, accepted.version) == ("PENDING", "score", "mean", 3)
    assert (accepted.started_s, accepted.finished_s, accepted.result, accepted.failure) == (None, None, None, None)
    assert (accepted.attempts, accepted.position, accepted.progress) == (0, 1, None)


def test_a_fit_has_no_version_yet(ledgers: LedgerFixture) -> None:
    """None goes in and comes out."""
    (job_id,) = ledgers.accept(submitted=work("fit"))
    assert ledgers.ledger.job(job_id).version is None


@pytest.mark.parametrize("job_id", ["nope", "", "*", "../one", "é", "a\0b", "x" * 10_000])
def test_an_unknown_job_is_not_found(ledgers: LedgerFixture, job_id: str) -> None:
    """Whatever its id looks like."""
    ledgers.accept()
    with pytest.raises(NotFound):
        ledgers.ledger.job(job_id)


def test_an_expired_job_is_gone(ledgers: LedgerFixture) -> None:
    """It differs from a job that never existed."""
    job_id = ledgers.ended()
    ledgers.expire(job_id)
    with pytest.raises(Gone):
        ledgers.ledger.job(job_id)


def test_places_are_counted_in_each_lane(ledgers: LedgerFixture) -> None:
    """From 1, in the order in which the jobs came, those of one call too; they move up when one is claimed."""
    jobs = [*ledgers.accept(12), *ledgers.accept(3, work("fit")), *ledgers.accept(1)]
    places = [ledgers.ledger.job(job_id).position for job_id in jobs]
    assert places == [*range(1, 13), 1, 2, 3, 13]
    ledgers.claim(jobs[0])
    assert [ledgers.ledger.job(job_id).position for job_id in (jobs[0], jobs[1], jobs[15])] == [None, 1, 12]


def test_a_call_whose_answer_was_lost_may_be_repeated(ledgers: LedgerFixture) -> None:
    """The same ids again are the same jobs at the same positions, and count once."""
    bounded = ledgers.bounded(max_pending=3)
    submissions = [Submission(job_id, work(), 60) for job_id in ("a", "b", "c")]
    first = bounded.submit(*submissions)
    again = bounded.submit(*submissions)
    assert [(job.id, job.status, job.position) for job in again if isinstance(job, Job)] == [
        (job.id, job.status, job.position) for job in first if isinstance(job, Job)
    ]
    assert len(again) == 3
    assert ledgers.maintenance().waiting("predict") == 3


def test_a_repeated_call_changes_no_job_that_runs(ledgers: LedgerFixture) -> None:
    """A job that was claimed meanwhile stays as it is."""
    submission = Submission("a", work(), 60)
    ledgers.submit(submission)
    ledgers.claim("a")
    (answer,) = ledgers.submit(submission)
    assert isinstance(answer, Job)
    assert (answer.id, answer.position) == ("a", None)
    assert ledgers.status("a") == "STARTED"


def test_a_repeated_call_under_a_key_is_no_conflict(ledgers: LedgerFixture) -> None:
    """The key names the job itself."""
    for _ in range(2):
        (answer,) = ledgers.submit(keyed("a"))
        assert isinstance(answer, Job)
        assert answer.id == "a"


def test_the_queue_has_a_bound(ledgers: LedgerFixture) -> None:
    """The first ones are accepted and no more; claimed and cancelled jobs do not count."""
    bounded = ledgers.bounded(max_pending=3)
    answers = bounded.submit(*[Submission(f"job{i}", work(), 60) for i in range(5)])
    assert [type(answer) for answer in answers] == [Job, Job, Job, QueueFull, QueueFull]
    assert ledgers.status("job3") == "NotFound"
    ledgers.claim("job0")
    assert len(bounded.accept(2)) == 1
    ledgers.ledger.cancel("job1")
    assert len(bounded.accept(2)) == 1


def test_the_bound_is_one_for_all_lanes(ledgers: LedgerFixture) -> None:
    """Waiting fits count against predictions too."""
    bounded = ledgers.bounded(max_pending=2)
    assert len(bounded.accept(2, work("fit"))) == 2
    assert bounded.accept() == []


def test_the_bound_holds_for_many_at_once(ledgers: LedgerFixture) -> None:
    """Web processes that commit at the same time share one bound."""
    writers, bound = 8, 50
    bounded = [ledgers.bounded(max_pending=bound) for _ in range(writers)]
    start = threading.Barrier(writers)

    def write(own: LedgerFixture) -> int:
        start.wait()
        return sum(len(own.accept(3)) for _ in range(10))

    with ThreadPoolExecutor(writers) as pool:
        assert sum(pool.map(write, bounded)) == bound


@pytest.mark.parametrize(
    ("service_s", "children", "retry_after_s"),
    [(None, "1 2", 1), (10, "", 30), (10, "1", 30), (10, "1 2", 15), (1000, "1", 300), (0.01, "1", 1)],
)
def test_a_refusal_says_when_the_lane_is_worked_off(
    ledgers: LedgerFixture, service_s: float | None, children: str, retry_after_s: int
) -> None:
    """Jobs that wait × the time that such jobs took ÷ the processes there are; between a second and five minutes."""
    bounded = ledgers.bounded(max_pending=3)
    bounded.accept(3)
    if service_s is not None:
        ledgers.redis.hset("trinity:pace:predict", "service_s", str(service_s))
    ledgers.maintenance().renew(children.split())
    (refusal,) = bounded.submit(Submission("late", work(), 60))
    assert isinstance(refusal, QueueFull)
    assert refusal.retry_after_s == retry_after_s


def test_a_key_used_again_is_the_same_job(ledgers: LedgerFixture) -> None:
    """The first job, whatever became of it; nothing new is made."""
    ledgers.submit(keyed("first"))
    assert ledgers.submit(keyed("second")) == [Duplicate("first")]
    ledgers.finish(ledgers.claim("first"))
    assert ledgers.submit(keyed("second")) == [Duplicate("first")]
    assert ledgers.status("second") == "NotFound"


def test_a_key_used_for_another_request_is_refused(ledgers: LedgerFixture) -> None:
    """And no job."""
    ledgers.submit(keyed("first"))
    (answer,) = ledgers.submit(keyed("second", digest="other"))
    assert isinstance(answer, Invalid)
    assert ledgers.status("second") == "NotFound"


def test_other_keys_are_other_jobs(ledgers: LedgerFixture) -> None:
    """And so are requests without a key."""
    answers = ledgers.submit(keyed("a", "k1"), keyed("b", "k2"), keyed("c", ""), keyed("d", ""))
    assert [job.id for job in answers if isinstance(job, Job)] == ["a", "b", "c", "d"]


def test_a_key_of_an_expired_job_is_gone(ledgers: LedgerFixture) -> None:
    """Its result is kept no longer, and the work isn't done twice."""
    ledgers.submit(keyed("first"))
    ledgers.finish(ledgers.claim("first"))
    ledgers.expire("first")
    assert ledgers.submit(keyed("second")) == [Duplicate("first")]
    with pytest.raises(Gone):
        ledgers.ledger.job("first")


def test_a_hundred_with_one_key_in_one_call_are_one_job(ledgers: LedgerFixture) -> None:
    """The first of them."""
    answers = ledgers.submit(*[keyed(f"job{i}") for i in range(100)])
    assert isinstance(answers[0], Job)
    assert answers[1:] == [Duplicate("job0")] * 99
    assert ledgers.maintenance().waiting("predict") == 1


def test_a_hundred_with_one_key_in_many_calls_are_one_job(ledgers: LedgerFixture) -> None:
    """Whichever of the web processes comes first."""
    webs = [ledgers.bounded() for _ in range(10)]
    start = threading.Barrier(10)

    def write(number: int) -> set[str]:
        start.wait()
        answers = [webs[number].submit(keyed(f"job{number}-{i}"))[0] for i in range(10)]
        return {
            answer.id if isinstance(answer, Job) else answer.job_id if isinstance(answer, Duplicate) else ""
            for answer in answers
        }

    with ThreadPoolExecutor(10) as pool:
        found = set().union(*pool.map(write, range(10)))
    assert len(found) == 1
    assert ledgers.maintenance().waiting("predict") == 1
