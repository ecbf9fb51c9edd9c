"""Large requests and results lie beside the ledger: it refers to them, and none is left behind or trusted blindly."""

import pytest

from app.errors import Invalid, Unavailable
from app.ledger import Earlier, Submission
from app.schemas import Job, Table, Verb
from tests.unit.fakes import work
from tests.unit.ledger_house import DONE, FAILED, LARGE, House, large


@pytest.mark.parametrize("verb", ["predict", "score", "fit"])
def test_large_work_is_kept_beside_the_ledger(house: House, verb: Verb) -> None:
    """Redis holds no more than a reference to it."""
    (job_id,) = house.accept(submitted=large(verb))
    assert house.redis.memory_usage(f"trinity:job:{job_id}", samples=0) < 2_000
    assert house.files() == [f"{job_id}.work"]


def test_large_work_that_cannot_be_kept_is_refused(house: House) -> None:
    """When the disk takes no file; small work needs none."""
    (house.folder / "payloads").write_text("in the way")
    with pytest.raises(Unavailable):
        house.ledger.keep("a", large())
    assert house.ledger.keep("b", work()).reference == ""


def test_accepting_touches_no_file(house: House) -> None:
    """However slow the store is, a commit doesn't wait for it: neither for new work, nor for work that is refused."""
    kept = [(Submission(job_id, large(), 60, "k", "d"), house.ledger.keep(job_id, large())) for job_id in ("a", "b")]
    kept += [(each._replace(job_id="c", digest="other"), reference) for each, reference in kept[:1]]
    store = house.folder / "payloads"
    store.rename(house.folder / "away")
    store.write_text("in the way")
    assert [type(answer) for answer in house.ledger.accept(kept)] == [Job, Earlier, Invalid]


def test_work_that_was_not_accepted_is_dropped(house: House) -> None:
    """And that the store is away then is for the sweep to mend."""
    kept = house.ledger.keep("a", large())
    assert house.files() == ["a.work"]
    house.ledger.drop(kept.reference)
    assert house.files() == []
    (house.folder / "payloads" / "a.").rmdir()
    (house.folder / "payloads" / "a.").write_text("in the way")
    house.ledger.drop(kept.reference)


def test_a_large_request_is_dropped_when_it_is_done(house: House) -> None:
    """Its file has no use any more."""
    claim = house.started(large())
    assert house.files() == [f"{claim.job_id}.work"]
    house.finish(claim)
    assert house.files() == []


def test_a_large_request_that_failed_can_run_again(house: House) -> None:
    """Its file is kept for a retry."""
    claim = house.started(large())
    house.finish(claim, FAILED)
    house.ledger.retry(claim.job_id)
    again = house.claim(claim.job_id).work
    assert isinstance(again.data, Table)
    assert len(again.data.X) == 10_000


def test_a_large_result_is_kept_beside_the_ledger(house: House) -> None:
    """It reads as any other, and Redis holds no more than a reference to it."""
    claim = house.started()
    assert house.finish(claim, LARGE)
    assert house.ledger.job(claim.job_id).result == LARGE.result
    assert house.redis.memory_usage(f"trinity:job:{claim.job_id}", samples=0) < 2_000


def test_a_result_that_cannot_be_kept_is_a_failure(house: House) -> None:
    """When the disk takes no file, the job ends, and its neighbours as they should; the worker is told of it."""
    worker = house.worker()
    claims = worker.claim(house.accept(2))
    (house.folder / "payloads").write_text("in the way")
    finished = worker.finish(list(zip(claims, [LARGE, DONE], strict=True)))
    jobs = [house.ledger.job(claim.job_id) for claim in claims]
    assert [job.failure and job.failure.kind for job in jobs] == [Unavailable.kind, None]
    assert finished == [(True, job.failure) for job in jobs]


def test_a_damaged_payload_fails_its_job_and_not_the_worker(house: House) -> None:
    """With the version that it was for."""
    (bad,) = house.accept(submitted=large())
    (path,) = house.folder.glob("payloads/*/*")
    path.write_bytes(b"{}")
    assert house.worker().claim([bad]) == []
    job = house.ledger.job(bad)
    assert (job.status, job.version, job.failure and job.failure.kind) == ("FAILURE", 1, "damaged")


def test_a_payload_that_cannot_be_had_is_tried_again(house: House) -> None:
    """As often as a job whose worker is lost: the store may be back."""
    (job_id,) = house.accept(submitted=large())
    (path,) = house.folder.glob("payloads/*/*")
    content = path.read_bytes()
    path.unlink()
    assert house.worker().claim([job_id]) == []
    assert house.told(job_id) == ("RETRY", 1)
    path.write_bytes(content)
    assert [claim.job_id for claim in house.worker().claim([job_id])] == [job_id]


def test_work_that_cannot_be_read_fails_its_job(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Such as that of a later version of the service; the log has its id."""
    (job_id,) = house.accept()
    house.redis.hset(f"trinity:job:{job_id}", "work", b"\xc1")
    assert house.worker().claim([job_id]) == []
    assert house.status(job_id) == "FAILURE"
    assert caplog.messages == [f"job {job_id} failed before it began: internal-error"]
