"""Jobs are listed, watched, cancelled and run again."""

import json
from typing import Any

import pytest

from app.errors import Conflict, Gone, NotFound, QueueFull
from app.ledger import Ledger
from app.ledger.ledger import PAGE_SCAN
from app.schemas import Page
from tests.unit.fakes import work
from tests.unit.ledger_house import DONE, FAILED, LARGE, House


def pages(ledger: Ledger, limit: int, **wanted: Any) -> list[list[str]]:
    """All pages of the list, as ids."""
    found, cursor = ledger.jobs(Page(limit, None, **wanted))
    all_pages = [[job.id for job in found]]
    while cursor is not None:
        found, cursor = ledger.jobs(Page(limit, cursor, **wanted))
        all_pages.append([job.id for job in found])
    return all_pages


def listed(house: House, limit: int = 200, **wanted: Any) -> list[str]:
    """The ids of all jobs listed, over all pages."""
    return [job_id for page in pages(house.ledger, limit, **wanted) for job_id in page]


def events(house: House, job_id: str, after: int = 0) -> list[tuple[int, Any]]:
    """What happened to a job: numbers, and all but the times."""
    told = house.ledger.events(job_id, after)
    return [(event.seq, {name: at for name, at in json.loads(event.data).items() if name != "at"}) for event in told]


@pytest.mark.parametrize("limit", [1, 3, 7, 200])
def test_the_list_is_newest_first(house: House, limit: int) -> None:
    """Each job once, whatever the size of the pages."""
    job_ids = [*house.accept(4), *house.accept(3, work("fit"))]
    assert listed(house, limit) == job_ids[::-1]


def test_nothing_is_listed_when_there_is_nothing(house: House) -> None:
    """One empty page, the last."""
    assert house.ledger.jobs(Page(50)) == ([], None)


def test_jobs_of_the_same_moment_are_listed_once(house: House) -> None:
    """Also when a page ends among them, and when there are more of them than are looked at in one go."""
    job_ids = house.accept(PAGE_SCAN + 50)
    house.redis.zadd("trinity:jobs", dict.fromkeys(job_ids, 1700000000.25))
    first, last = house.accept(), house.accept()
    house.redis.zadd("trinity:jobs", {first[0]: 1600000000})
    assert listed(house, 60) == [*last, *sorted(job_ids, reverse=True), *first]


def test_jobs_added_meanwhile_change_no_later_page(house: House) -> None:
    """Nothing is shown twice or left out."""
    job_ids = house.accept(6)
    found, cursor = house.ledger.jobs(Page(3))
    house.accept(5)
    rest, _ = house.ledger.jobs(Page(10, cursor))
    assert [job.id for job in [*found, *rest]] == job_ids[::-1]


def test_jobs_added_within_one_page_are_not_shown_twice(house: House) -> None:
    """A rare kind is looked for in many steps, between which others come."""
    rare = house.accept(3, work("fit"))
    house.accept(PAGE_SCAN - 2)

    class Busy:
        """Jobs come whenever somebody looks."""

        def __getattr__(self, name: str) -> Any:
            if name == "zrevrangebyscore":
                house.accept(5)
            return getattr(house.redis, name)

    ledger = Ledger(Busy(), house.payloads, house.limits)  # type: ignore[arg-type]
    found, _ = ledger.jobs(Page(10, verb="fit"))
    assert [job.id for job in found] == rare[::-1]


def test_the_list_is_filtered(house: House) -> None:
    """By status, verb and model, each and together."""
    fit, other, waiting = (*house.accept(1, work("fit")), *house.accept(1, work(model="other")), *house.accept())
    failed = house.ended(FAILED)
    house.claim(fit)
    assert listed(house, status="STARTED") == [fit]
    assert listed(house, verb="predict") == [failed, waiting, other]
    assert listed(house, model="other") == [other]
    assert listed(house, status="PENDING", verb="predict", model="mean") == [waiting]
    assert listed(house, status="REVOKED") == []


def test_a_listed_job_has_no_result(house: House) -> None:
    """A page stays small; failures are told."""
    small, big, failed = house.ended(DONE), house.ended(LARGE), house.ended(FAILED)
    found = {job.id: job for job in house.ledger.jobs(Page(10))[0]}
    assert (found[small].result, found[big].result, found[failed].failure) == (None, None, FAILED.failure)


def test_expired_jobs_are_not_listed(house: House) -> None:
    """Even before they are trimmed."""
    expired, kept = house.ended(), house.ended()
    house.expire(expired)
    assert listed(house) == [kept]


def test_what_happened_is_told_in_order(house: House) -> None:
    """Numbered from 1, with attempts and progress; times are those of the steps."""
    (job_id,) = house.accept()
    house.claim(job_id)
    house.lose(job_id)
    claim = house.claim(job_id)
    house.worker().progress(claim, 0.5)
    house.finish(claim)
    assert events(house, job_id) == [
        (1, {"status": "PENDING"}),
        (2, {"status": "STARTED", "attempts": 1}),
        (3, {"status": "RETRY", "attempts": 1}),
        (4, {"status": "STARTED", "attempts": 2}),
        (5, {"status": "STARTED", "progress": 0.5}),
        (6, {"status": "SUCCESS"}),
    ]
    times = [json.loads(event.data)["at"] for event in house.ledger.events(job_id, 0)]
    assert times == sorted(times)
    assert times[0] == house.ledger.job(job_id).created_s


@pytest.mark.parametrize(("after", "numbers"), [(0, [1, 2, 3]), (1, [2, 3]), (3, []), (99, [])])
def test_only_later_events_are_told_again(house: House, after: int, numbers: list[int]) -> None:
    """From after the one last seen."""
    assert [number for number, _ in events(house, house.ended(), after)] == numbers


def test_events_of_no_job(house: House) -> None:
    """One that never was is not found, an expired one is gone."""
    job_id = house.ended()
    house.expire(job_id)
    with pytest.raises(Gone):
        house.ledger.events(job_id, 0)
    with pytest.raises(NotFound):
        house.ledger.events("nope", 0)


@pytest.mark.parametrize("before", ["PENDING", "RETRY", "STARTED"])
def test_a_job_that_is_not_finished_can_be_cancelled(house: House, before: str) -> None:
    """It is REVOKED, waits nowhere, is never claimed, and expires like any other."""
    (job_id,) = house.accept()
    if before != "PENDING":
        house.claim(job_id)
    if before == "RETRY":
        house.lose(job_id)
    assert house.ledger.cancel(job_id) == before
    job = house.ledger.job(job_id)
    assert (job.status, job.failure and job.failure.kind, job.place) == ("REVOKED", "cancelled", None)
    assert house.worker("2").claim([job_id]) == []
    assert house.keeping().unrung("predict", 0, empty=True) == ([], [])
    assert house.keeping().reap() == 0
    assert house.redis.ttl(f"trinity:job:{job_id}") > 0


@pytest.mark.parametrize("outcome", [DONE, FAILED])
def test_a_finished_job_cannot_be_cancelled(house: House, outcome: Any) -> None:
    """It stays as it is."""
    job_id = house.ended(outcome)
    before = house.status(job_id)
    with pytest.raises(Conflict):
        house.ledger.cancel(job_id)
    assert house.status(job_id) == before


def test_cancelling_twice_is_cancelling_once(house: House) -> None:
    """Who didn't get the first answer may ask again: nothing of the job changes, nobody is told another time."""
    (job_id,) = house.accept()
    house.ledger.cancel(job_id)
    before = house.redis.hgetall(f"trinity:job:{job_id}")
    assert house.ledger.cancel(job_id) == "REVOKED"
    assert house.redis.hgetall(f"trinity:job:{job_id}") == before


def test_a_committing_job_cannot_be_cancelled(house: House) -> None:
    """Its version may be visible already."""
    claim = house.started(work("fit"))
    house.worker().commit(claim)
    with pytest.raises(Conflict):
        house.ledger.cancel(claim.job_id)
    assert house.finish(claim)


@pytest.mark.parametrize("call", [Ledger.cancel, Ledger.retry])
def test_a_job_that_is_not_there_can_be_neither_cancelled_nor_run_again(house: House, call: Any) -> None:
    """Not found, or gone."""
    job_id = house.ended(FAILED)
    house.expire(job_id)
    with pytest.raises(Gone):
        call(house.ledger, job_id)
    with pytest.raises(NotFound):
        call(house.ledger, "nope")


def test_a_failed_job_runs_again_as_if_it_had_never_run(house: House) -> None:
    """PENDING, no attempts, no failure, kept until it ends; and it can succeed."""
    job_id = house.ended(FAILED)
    assert house.ledger.retry(job_id) == "predict"
    job = house.ledger.job(job_id)
    assert (job.status, job.attempts, job.failure, job.started_s, job.finished_s) == ("PENDING", 0, None, None, None)
    assert job.place == 1
    assert house.redis.ttl(f"trinity:job:{job_id}") == -1
    assert house.finish(house.claim(job_id))
    assert (house.status(job_id), house.redis.ttl(f"trinity:job:{job_id}") > 0) == ("SUCCESS", True)


def test_a_cancelled_job_runs_again(house: House) -> None:
    """With its data."""
    claim = house.started(work(rows=3))
    house.ledger.cancel(claim.job_id)
    house.ledger.retry(claim.job_id)
    again = house.claim(claim.job_id, child="2")
    assert len(getattr(again.work.data, "X", ())) == 3
    assert again.fence > claim.fence


@pytest.mark.parametrize("state", ["PENDING", "STARTED", "RETRY"])
def test_running_again_twice_is_running_again_once(house: House, state: str) -> None:
    """Until it ends: nothing of the job changes, though its lane were full, and its message may be sent again."""
    job_id = house.ended(FAILED)
    house.ledger.retry(job_id)
    if state != "PENDING":
        house.claim(job_id)
    if state == "RETRY":
        house.lose(job_id)
    before = house.redis.hgetall(f"trinity:job:{job_id}")
    assert house.bounded(max_pending=0).ledger.retry(job_id) == "predict"
    assert house.redis.hgetall(f"trinity:job:{job_id}") == before
    assert (house.status(job_id), house.redis.zcard("trinity:lane:predict")) == (state, int(state != "STARTED"))


def test_a_job_that_fails_again_runs_again(house: House) -> None:
    """It is another failure; when it succeeds in the end, that is that."""
    job_id = house.ended(FAILED)
    for outcome in (FAILED, DONE):
        assert house.ledger.retry(job_id) == "predict"
        assert house.finish(house.claim(job_id), outcome)
    with pytest.raises(Conflict, match="SUCCESS"):
        house.ledger.retry(job_id)


@pytest.mark.parametrize("state", ["PENDING", "STARTED", "SUCCESS"])
def test_a_job_that_did_not_fail_does_not_run_again(house: House, state: str) -> None:
    """It stays as it is."""
    (job_id,) = house.accept()
    if state != "PENDING":
        claim = house.claim(job_id)
        if state == "SUCCESS":
            house.finish(claim)
    with pytest.raises(Conflict, match=state):
        house.ledger.retry(job_id)
    assert house.status(job_id) == state


def test_running_again_needs_room(house: House) -> None:
    """As a new job does."""
    job_id = house.ended(FAILED)
    bounded = house.bounded(max_pending=1)
    bounded.accept()
    with pytest.raises(QueueFull):
        bounded.ledger.retry(job_id)
    assert house.status(job_id) == "FAILURE"
