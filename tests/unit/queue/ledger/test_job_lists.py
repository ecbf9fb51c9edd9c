"""Jobs are listed, watched, cancelled and run again."""

import json
from typing import Any

import pytest

from app.errors import Conflict, Gone, NotFound, QueueFull
from app.queue.ledger.ledger import PAGE_SCAN, Ledger
from app.schemas.jobs import JobQuery
from tests.support.fakes import work
from tests.support.ledger_fixture import DONE, FAILED, LARGE, LedgerFixture


def pages(ledger: Ledger, limit: int, **wanted: Any) -> list[list[str]]:
    """All pages of the list, as ids."""
    found, cursor = ledger.jobs(JobQuery(limit, None, **wanted))
    all_pages = [[job.id for job in found]]
    while cursor is not None:
        found, cursor = ledger.jobs(JobQuery(limit, cursor, **wanted))
        all_pages.append([job.id for job in found])
    return all_pages


def listed(ledgers: LedgerFixture, limit: int = 200, **wanted: Any) -> list[str]:
    """The ids of all jobs listed, over all pages."""
    return [job_id for page in pages(ledgers.ledger, limit, **wanted) for job_id in page]


def events(ledgers: LedgerFixture, job_id: str, after: int = 0) -> list[tuple[int, Any]]:
    """What happened to a job: numbers, and all but the times."""
    events = ledgers.ledger.events(job_id, after)
    return [(event.seq, {name: at for name, at in json.loads(event.data).items() if name != "at"}) for event in events]


@pytest.mark.parametrize("limit", [1, 3, 7, 200])
def test_the_list_is_newest_first(ledgers: LedgerFixture, limit: int) -> None:
    """Each job once, whatever the size of the pages."""
    job_ids = [*ledgers.accept(4), *ledgers.accept(3, work("fit"))]
    assert listed(ledgers, limit) == job_ids[::-1]


def test_nothing_is_listed_when_there_is_nothing(ledgers: LedgerFixture) -> None:
    """One empty page, the last."""
    assert ledgers.ledger.jobs(JobQuery(50)) == ([], None)


def test_jobs_of_the_same_moment_are_listed_once(ledgers: LedgerFixture) -> None:
    """Also when a page ends among them, and when there are more of them than are looked at in one go."""
    job_ids = ledgers.accept(PAGE_SCAN + 50)
    ledgers.redis.zadd("trinity:jobs", dict.fromkeys(job_ids, 1700000000.25))
    first, last = ledgers.accept(), ledgers.accept()
    ledgers.redis.zadd("trinity:jobs", {first[0]: 1600000000})
    assert listed(ledgers, 60) == [*last, *sorted(job_ids, reverse=True), *first]


def test_jobs_added_meanwhile_change_no_later_page(ledgers: LedgerFixture) -> None:
    """Nothing is shown twice or left out."""
    job_ids = ledgers.accept(6)
    found, cursor = ledgers.ledger.jobs(JobQuery(3))
    ledgers.accept(5)
    rest, _ = ledgers.ledger.jobs(JobQuery(10, cursor))
    assert [job.id for job in [*found, *rest]] == job_ids[::-1]


def test_jobs_added_within_one_page_are_not_shown_twice(ledgers: LedgerFixture) -> None:
    """A rare kind is looked for in many steps, between which others come."""
    rare = ledgers.accept(3, work("fit"))
    ledgers.accept(PAGE_SCAN - 2)

    class Busy:
        """Jobs come whenever somebody looks."""

        def __getattr__(self, name: str) -> Any:
            if name == "zrevrangebyscore":
                ledgers.accept(5)
            return getattr(ledgers.redis, name)

    ledger = Ledger(Busy(), ledgers.payloads, ledgers.limits)  # type: ignore[arg-type]
    found, _ = ledger.jobs(JobQuery(10, verb="fit"))
    assert [job.id for job in found] == rare[::-1]


def test_the_list_is_filtered(ledgers: LedgerFixture) -> None:
    """By status, verb and model, each and together."""
    fit, other, waiting = (
        *ledgers.accept(1, work("fit")),
        *ledgers.accept(1, work(model="other")),
        *ledgers.accept(),
    )
    failed = ledgers.ended(FAILED)
    ledgers.claim(fit)
    assert listed(ledgers, status="STARTED") == [fit]
    assert listed(ledgers, verb="predict") == [failed, waiting, other]
    assert listed(ledgers, model="other") == [other]
    assert listed(ledgers, status="PENDING", verb="predict", model="mean") == [waiting]
    assert listed(ledgers, status="REVOKED") == []


def test_a_listed_job_has_no_result(ledgers: LedgerFixture) -> None:
    """A page stays small; failures are in it."""
    small, big, failed = ledgers.ended(DONE), ledgers.ended(LARGE), ledgers.ended(FAILED)
    found = {job.id: job for job in ledgers.ledger.jobs(JobQuery(10))[0]}
    assert (found[small].result, found[big].result, found[failed].failure) == (None, None, FAILED.failure)


def test_expired_jobs_are_not_listed(ledgers: LedgerFixture) -> None:
    """Even before they are trimmed."""
    expired, kept = ledgers.ended(), ledgers.ended()
    ledgers.expire(expired)
    assert listed(ledgers) == [kept]


def test_what_happened_is_told_in_order(ledgers: LedgerFixture) -> None:
    """Numbered from 1, with attempts and progress; times are those of the steps."""
    (job_id,) = ledgers.accept()
    ledgers.claim(job_id)
    ledgers.lose(job_id)
    claim = ledgers.claim(job_id)
    ledgers.worker().progress(claim, 0.4, "reading")
    ledgers.worker().progress(claim, 0.5, 'page "1" of 2')
    ledgers.finish(claim)
    assert events(ledgers, job_id) == [
        (1, {"status": "PENDING"}),
        (2, {"status": "STARTED", "attempts": 1}),
        (3, {"status": "RETRY", "attempts": 1}),
        (4, {"status": "STARTED", "attempts": 2}),
        (6, {"status": "STARTED", "progress": 0.5, "step": 'page "1" of 2'}),
        (7, {"status": "SUCCESS"}),
    ]
    times = [json.loads(event.data)["at"] for event in ledgers.ledger.events(job_id, 0)]
    assert times == sorted(times)
    assert times[0] == ledgers.ledger.job(job_id).created_s


@pytest.mark.parametrize(("after", "numbers"), [(0, [1, 2, 3]), (1, [2, 3]), (3, []), (99, [])])
def test_only_later_events_are_told_again(ledgers: LedgerFixture, after: int, numbers: list[int]) -> None:
    """From after the one last seen."""
    assert [number for number, _ in events(ledgers, ledgers.ended(), after)] == numbers


def test_events_of_no_job(ledgers: LedgerFixture) -> None:
    """One that never was is not found, an expired one is gone."""
    job_id = ledgers.ended()
    ledgers.expire(job_id)
    with pytest.raises(Gone):
        ledgers.ledger.events(job_id, 0)
    with pytest.raises(NotFound):
        ledgers.ledger.events("nope", 0)


@pytest.mark.parametrize("before", ["PENDING", "RETRY", "STARTED"])
def test_a_job_that_is_not_finished_can_be_cancelled(ledgers: LedgerFixture, before: str) -> None:
    """It is REVOKED, waits nowhere, is never claimed, and expires like any other."""
    (job_id,) = ledgers.accept()
    if before != "PENDING":
        ledgers.claim(job_id)
    if before == "RETRY":
        ledgers.lose(job_id)
    assert ledgers.status(job_id) == before
    ledgers.ledger.cancel(job_id)
    job = ledgers.ledger.job(job_id)
    assert (job.status, job.failure and job.failure.kind, job.position) == ("REVOKED", "cancelled", None)
    assert ledgers.worker("2").claim([job_id]) == []
    assert ledgers.maintenance().unpublished("predict", 0, empty=True) == ([], [])
    assert ledgers.maintenance().requeue_expired() == 0
    assert ledgers.redis.ttl(f"trinity:job:{job_id}") > 0


@pytest.mark.parametrize("outcome", [DONE, FAILED])
def test_a_finished_job_cannot_be_cancelled(ledgers: LedgerFixture, outcome: Any) -> None:
    """It stays as it is."""
    job_id = ledgers.ended(outcome)
    before = ledgers.status(job_id)
    with pytest.raises(Conflict):
        ledgers.ledger.cancel(job_id)
    assert ledgers.status(job_id) == before


def test_cancelling_twice_is_cancelling_once(ledgers: LedgerFixture) -> None:
    """A client that did not get the first answer may ask again: the job does not change, no notice is sent."""
    (job_id,) = ledgers.accept()
    ledgers.ledger.cancel(job_id)
    before = ledgers.redis.hgetall(f"trinity:job:{job_id}")
    ledgers.ledger.cancel(job_id)
    assert ledgers.redis.hgetall(f"trinity:job:{job_id}") == before


def test_a_committing_job_cannot_be_cancelled(ledgers: LedgerFixture) -> None:
    """Its version may be visible already."""
    claim = ledgers.started(work("fit"))
    ledgers.worker().commit(claim)
    with pytest.raises(Conflict):
        ledgers.ledger.cancel(claim.job_id)
    assert ledgers.finish(claim)


@pytest.mark.parametrize("call", [Ledger.cancel, Ledger.retry])
def test_a_job_that_is_not_there_can_be_neither_cancelled_nor_run_again(ledgers: LedgerFixture, call: Any) -> None:
    """Not found, or gone."""
    job_id = ledgers.ended(FAILED)
    ledgers.expire(job_id)
    with pytest.raises(Gone):
        call(ledgers.ledger, job_id)
    with pytest.raises(NotFound):
        call(ledgers.ledger, "nope")


def test_a_failed_job_runs_again_as_if_it_had_never_run(ledgers: LedgerFixture) -> None:
    """PENDING, no attempts, no failure, kept until it ends; and it can succeed."""
    job_id = ledgers.ended(FAILED)
    assert ledgers.ledger.retry(job_id) == "predict"
    job = ledgers.ledger.job(job_id)
    assert (job.status, job.attempts, job.failure, job.started_s, job.finished_s) == ("PENDING", 0, None, None, None)
    assert job.position == 1
    assert ledgers.redis.ttl(f"trinity:job:{job_id}") == -1
    assert ledgers.finish(ledgers.claim(job_id))
    assert (ledgers.status(job_id), ledgers.redis.ttl(f"trinity:job:{job_id}") > 0) == ("SUCCESS", True)


def test_a_cancelled_job_runs_again(ledgers: LedgerFixture) -> None:
    """With its data."""
    claim = ledgers.started(work(rows=3))
    ledgers.ledger.cancel(claim.job_id)
    ledgers.ledger.retry(claim.job_id)
    again = ledgers.claim(claim.job_id, child="2")
    assert len(getattr(again.work.data, "X", ())) == 3
    assert again.fence > claim.fence


@pytest.mark.parametrize("state", ["PENDING", "STARTED", "RETRY"])
def test_running_again_twice_is_running_again_once(ledgers: LedgerFixture, state: str) -> None:
    """Until it ends: nothing of the job changes, though its lane were full, and its message may be sent again."""
    job_id = ledgers.ended(FAILED)
    ledgers.ledger.retry(job_id)
    if state != "PENDING":
        ledgers.claim(job_id)
    if state == "RETRY":
        ledgers.lose(job_id)
    before = ledgers.redis.hgetall(f"trinity:job:{job_id}")
    assert ledgers.bounded(max_pending=0).ledger.retry(job_id) == "predict"
    assert ledgers.redis.hgetall(f"trinity:job:{job_id}") == before
    assert (ledgers.status(job_id), ledgers.redis.zcard("trinity:lane:predict")) == (
        state,
        int(state != "STARTED"),
    )


def test_a_job_that_fails_again_runs_again(ledgers: LedgerFixture) -> None:
    """It is another failure; when it succeeds in the end, that is that."""
    job_id = ledgers.ended(FAILED)
    for outcome in (FAILED, DONE):
        assert ledgers.ledger.retry(job_id) == "predict"
        assert ledgers.finish(ledgers.claim(job_id), outcome)
    with pytest.raises(Conflict, match="SUCCESS"):
        ledgers.ledger.retry(job_id)


@pytest.mark.parametrize("state", ["PENDING", "STARTED", "SUCCESS"])
def test_a_job_that_did_not_fail_does_not_run_again(ledgers: LedgerFixture, state: str) -> None:
    """It stays as it is."""
    (job_id,) = ledgers.accept()
    if state != "PENDING":
        claim = ledgers.claim(job_id)
        if state == "SUCCESS":
            ledgers.finish(claim)
    with pytest.raises(Conflict, match=state):
        ledgers.ledger.retry(job_id)
    assert ledgers.status(job_id) == state


def test_running_again_needs_room(ledgers: LedgerFixture) -> None:
    """As a new job does."""
    job_id = ledgers.ended(FAILED)
    bounded = ledgers.bounded(max_pending=1)
    bounded.accept()
    with pytest.raises(QueueFull):
        bounded.ledger.retry(job_id)
    assert ledgers.status(job_id) == "FAILURE"
