"""Large requests and results lie beside the ledger: it refers to them, and none is left behind or trusted blindly."""

import pytest

from app.errors import Invalid, Unavailable
from app.queue.ledger.acceptance import Duplicate, Submission
from app.schemas.jobs import Job
from app.schemas.tables import Table
from app.schemas.verbs import Verb
from tests.support.fakes import work
from tests.support.ledger_fixture import DONE, FAILED, LARGE, LedgerFixture, large


@pytest.mark.parametrize("verb", ["predict", "score", "fit"])
def test_large_work_is_kept_beside_the_ledger(ledgers: LedgerFixture, verb: Verb) -> None:
    """Redis holds no more than a reference to it."""
    (job_id,) = ledgers.accept(submitted=large(verb))
    assert ledgers.redis.memory_usage(f"trinity:job:{job_id}", samples=0) < 2_000
    assert ledgers.files() == [f"{job_id}.work"]


def test_large_work_that_cannot_be_kept_is_refused(ledgers: LedgerFixture) -> None:
    """When the disk takes no file; small work needs none."""
    (ledgers.folder / "payloads").write_text("in the way")
    with pytest.raises(Unavailable):
        ledgers.ledger.store_work("a", large())
    assert ledgers.ledger.store_work("b", work()).reference == ""


def test_accepting_touches_no_file(ledgers: LedgerFixture) -> None:
    """However slow the store is, a commit doesn't wait for it: neither for new work, nor for work that is refused."""
    kept = [
        (Submission(job_id, large(), 60, "k", "d"), ledgers.ledger.store_work(job_id, large())) for job_id in ("a", "b")
    ]
    kept += [(each._replace(job_id="c", digest="other"), reference) for each, reference in kept[:1]]
    store = ledgers.folder / "payloads"
    store.rename(ledgers.folder / "away")
    store.write_text("in the way")
    assert [type(answer) for answer in ledgers.ledger.accept(kept)] == [Job, Duplicate, Invalid]


def test_work_that_was_not_accepted_is_dropped(ledgers: LedgerFixture) -> None:
    """And that the store is away then is for the sweep to mend."""
    kept = ledgers.ledger.store_work("a", large())
    assert ledgers.files() == ["a.work"]
    ledgers.ledger.discard_work(kept.reference)
    assert ledgers.files() == []
    (ledgers.folder / "payloads" / "a.").rmdir()
    (ledgers.folder / "payloads" / "a.").write_text("in the way")
    ledgers.ledger.discard_work(kept.reference)


def test_a_large_request_is_dropped_when_it_is_done(ledgers: LedgerFixture) -> None:
    """Its file has no use any more."""
    claim = ledgers.started(large())
    assert ledgers.files() == [f"{claim.job_id}.work"]
    ledgers.finish(claim)
    assert ledgers.files() == []


def test_a_large_request_that_failed_can_run_again(ledgers: LedgerFixture) -> None:
    """Its file is kept for a retry."""
    claim = ledgers.started(large())
    ledgers.finish(claim, FAILED)
    ledgers.ledger.retry(claim.job_id)
    again = ledgers.claim(claim.job_id).work
    assert isinstance(again.data, Table)
    assert len(again.data.X) == 10_000


def test_a_large_result_is_kept_beside_the_ledger(ledgers: LedgerFixture) -> None:
    """It reads as any other, and Redis holds no more than a reference to it."""
    claim = ledgers.started()
    assert ledgers.finish(claim, LARGE)
    assert ledgers.ledger.job(claim.job_id).result == LARGE.result
    assert ledgers.redis.memory_usage(f"trinity:job:{claim.job_id}", samples=0) < 2_000


def test_a_result_that_cannot_be_kept_is_a_failure(ledgers: LedgerFixture) -> None:
    """When the disk takes no file, the job ends, and its neighbours as they should; the worker gets the failure."""
    worker = ledgers.worker()
    claims = worker.claim(ledgers.accept(2))
    (ledgers.folder / "payloads").write_text("in the way")
    finished = worker.finish(list(zip(claims, [LARGE, DONE], strict=True)))
    jobs = [ledgers.ledger.job(claim.job_id) for claim in claims]
    assert [job.failure and job.failure.kind for job in jobs] == [Unavailable.kind, None]
    assert finished == [(True, job.failure) for job in jobs]


def test_a_damaged_payload_fails_its_job_and_not_the_worker(ledgers: LedgerFixture) -> None:
    """With the version that it was for."""
    (bad,) = ledgers.accept(submitted=large())
    (path,) = ledgers.folder.glob("payloads/*/*")
    path.write_bytes(b"{}")
    assert ledgers.worker().claim([bad]) == []
    job = ledgers.ledger.job(bad)
    assert (job.status, job.version, job.failure and job.failure.kind) == ("FAILURE", 1, "damaged")


def test_a_payload_that_cannot_be_had_is_tried_again(ledgers: LedgerFixture) -> None:
    """As often as a job whose worker is lost: the store may be back."""
    (job_id,) = ledgers.accept(submitted=large())
    (path,) = ledgers.folder.glob("payloads/*/*")
    content = path.read_bytes()
    path.unlink()
    assert ledgers.worker().claim([job_id]) == []
    assert ledgers.status_and_attempts(job_id) == ("RETRY", 1)
    path.write_bytes(content)
    assert [claim.job_id for claim in ledgers.worker().claim([job_id])] == [job_id]


def test_work_that_cannot_be_read_fails_its_job(ledgers: LedgerFixture, caplog: pytest.LogCaptureFixture) -> None:
    """Such as that of a later version of the service; the log has its id."""
    (job_id,) = ledgers.accept()
    ledgers.redis.hset(f"trinity:job:{job_id}", "work", b"\xc1")
    assert ledgers.worker().claim([job_id]) == []
    assert ledgers.status(job_id) == "FAILURE"
    assert caplog.messages == [f"job {job_id} failed before it began: internal-error"]
