"""Every job that ended has a line in a log: here of those whose end is not the doing of the process that ran them."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from app.queue.ended_jobs import log_ended
from app.queue.ledger.acceptance import Submission
from app.settings import Settings
from app.telemetry.context import RequestContext
from app.telemetry.logs import line_sink
from tests.support.fakes import work
from tests.support.ledger_fixture import LedgerFixture


def cancel_waiting(ledgers: LedgerFixture) -> None:
    ledgers.ledger.cancel("job")


def cancel_running(ledgers: LedgerFixture) -> None:
    ledgers.claim("job")
    ledgers.ledger.cancel("job")


def time_out(ledgers: LedgerFixture) -> None:
    ledgers.claim("job")
    (held,) = ledgers.held("1")
    ledgers.maintenance().time_out(held)


def lose(ledgers: LedgerFixture) -> None:
    for _ in range(ledgers.limits.max_attempts):
        ledgers.claim("job")
        ledgers.lose("job")


def expire(ledgers: LedgerFixture) -> None:
    for _ in range(ledgers.limits.max_attempts):
        ledgers.claim("job")
        ledgers.end_lease("job")
        ledgers.maintenance("other").requeue_expired()


def make_unreadable(ledgers: LedgerFixture) -> None:
    ledgers.redis.hset("trinity:job:job", "work", b"\xc1")
    assert ledgers.worker().claim(["job"]) == []


def lose_file(ledgers: LedgerFixture) -> None:
    ledgers.redis.hset("trinity:job:job", "work_ref", "job.work")
    for path in (ledgers.folder / "payloads").rglob("*"):
        assert path.is_dir()
    ledgers.worker().claim(["job"])


ENDS: dict[Callable[[LedgerFixture], None], tuple[str, str, int]] = {
    cancel_waiting: ("REVOKED", "cancelled", 0),
    cancel_running: ("REVOKED", "cancelled", 1),
    time_out: ("FAILURE", "timeout", 1),
    lose: ("FAILURE", "worker-lost", 3),
    expire: ("FAILURE", "worker-lost", 3),
    make_unreadable: ("FAILURE", "internal-error", 1),
    lose_file: ("FAILURE", "damaged", 1),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_job_that_is_ended_from_outside_is_described_once(
    ledgers: LedgerFixture, end: Callable[[LedgerFixture], None]
) -> None:
    """With all that the line of any other job has; asked for twice, it ended once."""
    ledgers.submit(Submission("job", work("fit", version=None), 60, request_id="asked", key_name="alice"))
    end(ledgers)
    if ledgers.status("job") == "REVOKED":
        ledgers.ledger.cancel("job")
    status, kind, attempts = ENDS[end]
    ((job, why),) = ledgers.ended_elsewhere
    assert (job.job_id, job.verb, job.model, job.version, job.request_id) == ("job", "fit", "mean", "", "asked")
    assert (job.status, why, job.attempts, job.key_name) == (status, kind, attempts, "alice")
    assert (job.ran_s > 0) == (attempts > 0)
    assert ledgers.status("job") == status


def test_a_job_that_runs_again_has_not_ended(ledgers: LedgerFixture) -> None:
    """Nor has one that could not be cancelled."""
    claim = ledgers.started()
    ledgers.lose(claim.job_id)
    ledgers.finish(ledgers.claim(claim.job_id))
    assert ledgers.ended_elsewhere == []


def test_its_line_is_like_that_of_any_other_job(ledgers: LedgerFixture) -> None:
    """And has the kind of its failure."""
    lines: list[bytes] = []
    ledgers.submit(Submission("job", work(version=4), 60, request_id="asked", key_name="alice"))
    cancel_running(ledgers)
    ((job, kind),) = ledgers.ended_elsewhere
    log_ended(line_sink(Settings(log_format="json"), lines.append), [job], kind, lambda: 0.0)
    written: dict[str, Any] = msgspec.json.decode(lines[0])
    assert written.pop("duration_ms") == round(job.ran_s * 1000, 3)
    assert written == {
        "timestamp": "1970-01-01T00:00:00.000Z",
        "level": "info",
        "event": "job",
        "job_id": "job",
        "verb": "predict",
        "model": "mean",
        "version": 4,
        "status": "REVOKED",
        "attempts": 1,
        "rows": 0,
        "counted": True,
        "request_id": "asked",
        "key_name": "alice",
        "error": "cancelled",
    }


def test_a_job_knows_who_asked_for_it(ledgers: LedgerFixture) -> None:
    """So do the process that claims it, and whoever reads it or finds it in a list."""
    (accepted,) = ledgers.submit(Submission("job", work(), 60, request_id="asked", trace="t", key_name="alice"))
    claim = ledgers.claim("job")
    assert claim.asked == RequestContext("asked", "t", "alice")
    assert [getattr(job, "key_name", None) for job in (accepted, ledgers.ledger.job("job"))] == ["alice", "alice"]
