"""Jobs come into the ledger: in order, within a bound, once for a key, and once when an answer was lost."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import Gone, Invalid, NotFound, QueueFull
from app.ledger import Earlier, Submission
from app.schemas import Job
from tests.unit.fakes import work
from tests.unit.ledger_house import House


def keyed(job_id: str, key: str = "key", digest: str = "request") -> Submission:
    """Work under an idempotency key."""
    return Submission(job_id, work(), 60, key, digest)


def test_an_accepted_job_waits(house: House) -> None:
    """It is PENDING, and reads as what `accept` returned."""
    (accepted,) = house.submit(Submission("one", work("score", version=3), 60))
    assert accepted == house.ledger.job("one")
    assert isinstance(accepted, Job)
    assert (accepted.status, accepted.verb, accepted.model, accepted.version) == ("PENDING", "score", "mean", 3)
    assert (accepted.started_s, accepted.finished_s, accepted.result, accepted.failure) == (None, None, None, None)
    assert (accepted.attempts, accepted.place, accepted.progress) == (0, 1, None)


def test_a_fit_has_no_version_yet(house: House) -> None:
    """None goes in and comes out."""
    (job_id,) = house.accept(submitted=work("fit"))
    assert house.ledger.job(job_id).version is None


@pytest.mark.parametrize("job_id", ["nope", "", "*", "../one", "é", "a\0b", "x" * 10_000])
def test_an_unknown_job_is_not_found(house: House, job_id: str) -> None:
    """Whatever its id looks like."""
    house.accept()
    with pytest.raises(NotFound):
        house.ledger.job(job_id)


def test_an_expired_job_is_gone(house: House) -> None:
    """It is told from one that never was."""
    job_id = house.ended()
    house.expire(job_id)
    with pytest.raises(Gone):
        house.ledger.job(job_id)


def test_places_are_counted_in_each_lane(house: House) -> None:
    """From 1, in the order in which the jobs came, those of one call too; they move up when one is claimed."""
    jobs = [*house.accept(12), *house.accept(3, work("fit")), *house.accept(1)]
    places = [house.ledger.job(job_id).place for job_id in jobs]
    assert places == [*range(1, 13), 1, 2, 3, 13]
    house.claim(jobs[0])
    assert [house.ledger.job(job_id).place for job_id in (jobs[0], jobs[1], jobs[15])] == [None, 1, 12]


def test_a_call_whose_answer_was_lost_may_be_repeated(house: House) -> None:
    """The same ids again are the same jobs at the same places, and take no more room."""
    bounded = house.bounded(max_pending=3)
    submissions = [Submission(job_id, work(), 60) for job_id in ("a", "b", "c")]
    first = bounded.submit(*submissions)
    again = bounded.submit(*submissions)
    assert [(job.id, job.status, job.place) for job in again if isinstance(job, Job)] == [
        (job.id, job.status, job.place) for job in first if isinstance(job, Job)
    ]
    assert len(again) == 3
    assert house.keeping().waiting("predict") == 3


def test_a_repeated_call_changes_no_job_that_runs(house: House) -> None:
    """A job that was claimed meanwhile stays as it is."""
    submission = Submission("a", work(), 60)
    house.submit(submission)
    house.claim("a")
    (answer,) = house.submit(submission)
    assert isinstance(answer, Job)
    assert (answer.id, answer.place) == ("a", None)
    assert house.status("a") == "STARTED"


def test_a_repeated_call_under_a_key_is_no_conflict(house: House) -> None:
    """The key names the job itself."""
    for _ in range(2):
        (answer,) = house.submit(keyed("a"))
        assert isinstance(answer, Job)
        assert answer.id == "a"


def test_the_queue_has_a_bound(house: House) -> None:
    """The first that find room are accepted and no more; claimed and cancelled jobs make room."""
    bounded = house.bounded(max_pending=3)
    answers = bounded.submit(*[Submission(f"job{i}", work(), 60) for i in range(5)])
    assert [type(answer) for answer in answers] == [Job, Job, Job, QueueFull, QueueFull]
    assert house.status("job3") == "NotFound"
    house.claim("job0")
    assert len(bounded.accept(2)) == 1
    house.ledger.cancel("job1")
    assert len(bounded.accept(2)) == 1


def test_the_bound_is_one_for_all_lanes(house: House) -> None:
    """Waiting fits leave no room for predictions."""
    bounded = house.bounded(max_pending=2)
    assert len(bounded.accept(2, work("fit"))) == 2
    assert bounded.accept() == []


def test_the_bound_holds_for_many_at_once(house: House) -> None:
    """Web processes that commit at the same time share one bound."""
    writers, bound = 8, 50
    bounded = [house.bounded(max_pending=bound) for _ in range(writers)]
    start = threading.Barrier(writers)

    def write(own: House) -> int:
        start.wait()
        return sum(len(own.accept(3)) for _ in range(10))

    with ThreadPoolExecutor(writers) as pool:
        assert sum(pool.map(write, bounded)) == bound


@pytest.mark.parametrize(
    ("service_s", "children", "retry_after_s"),
    [(None, "1 2", 1), (10, "", 30), (10, "1", 30), (10, "1 2", 15), (1000, "1", 300), (0.01, "1", 1)],
)
def test_a_refusal_says_when_the_lane_is_worked_off(
    house: House, service_s: float | None, children: str, retry_after_s: int
) -> None:
    """Jobs that wait × the time that such jobs took ÷ the processes there are; between a second and five minutes."""
    bounded = house.bounded(max_pending=3)
    bounded.accept(3)
    if service_s is not None:
        house.redis.hset("trinity:pace:predict", "service_s", str(service_s))
    house.keeping().renew(children.split())
    (refusal,) = bounded.submit(Submission("late", work(), 60))
    assert isinstance(refusal, QueueFull)
    assert refusal.retry_after_s == retry_after_s


def test_a_key_used_again_is_the_same_job(house: House) -> None:
    """The first job, whatever became of it; nothing new is made."""
    house.submit(keyed("first"))
    assert house.submit(keyed("second")) == [Earlier("first")]
    house.finish(house.claim("first"))
    assert house.submit(keyed("second")) == [Earlier("first")]
    assert house.status("second") == "NotFound"


def test_a_key_used_for_another_request_is_refused(house: House) -> None:
    """And no job."""
    house.submit(keyed("first"))
    (answer,) = house.submit(keyed("second", digest="other"))
    assert isinstance(answer, Invalid)
    assert house.status("second") == "NotFound"


def test_other_keys_are_other_jobs(house: House) -> None:
    """And so are requests without a key."""
    answers = house.submit(keyed("a", "k1"), keyed("b", "k2"), keyed("c", ""), keyed("d", ""))
    assert [job.id for job in answers if isinstance(job, Job)] == ["a", "b", "c", "d"]


def test_a_key_of_an_expired_job_is_gone(house: House) -> None:
    """Its result is kept no longer, and the work isn't done twice."""
    house.submit(keyed("first"))
    house.finish(house.claim("first"))
    house.expire("first")
    assert house.submit(keyed("second")) == [Earlier("first")]
    with pytest.raises(Gone):
        house.ledger.job("first")


def test_a_hundred_with_one_key_in_one_call_are_one_job(house: House) -> None:
    """The first of them."""
    answers = house.submit(*[keyed(f"job{i}") for i in range(100)])
    assert isinstance(answers[0], Job)
    assert answers[1:] == [Earlier("job0")] * 99
    assert house.keeping().waiting("predict") == 1


def test_a_hundred_with_one_key_in_many_calls_are_one_job(house: House) -> None:
    """Whichever of the web processes comes first."""
    webs = [house.bounded() for _ in range(10)]
    start = threading.Barrier(10)

    def write(number: int) -> set[str]:
        start.wait()
        answers = [webs[number].submit(keyed(f"job{number}-{i}"))[0] for i in range(10)]
        return {
            answer.id if isinstance(answer, Job) else answer.job_id if isinstance(answer, Earlier) else ""
            for answer in answers
        }

    with ThreadPoolExecutor(10) as pool:
        found = set().union(*pool.map(write, range(10)))
    assert len(found) == 1
    assert house.keeping().waiting("predict") == 1
