"""The ledger's statistics: each event is counted once, also when its step is repeated."""

import pytest

from app.queue.ledger.stats import LaneStats, QueueStats
from app.schemas.verbs import VERBS
from tests.support.fakes import work
from tests.support.ledger_fixture import DONE, FAILED, LedgerFixture, large

NOTHING = LaneStats(0, 0, 0, 0.0)


def figures(ledgers: LedgerFixture) -> QueueStats:
    return ledgers.ledger.stats()


def counts(ledgers: LedgerFixture) -> dict[str, float]:
    """The counts, except times."""
    return {name: n for name, n in figures(ledgers).counts.items() if not name.startswith(("seconds", "bucket"))}


def test_an_empty_ledger_has_counted_nothing(ledgers: LedgerFixture) -> None:
    assert figures(ledgers) == QueueStats(dict.fromkeys(VERBS, NOTHING), 0, 0, {})


def test_lanes_tell_who_waits_waits_again_and_runs(ledgers: LedgerFixture) -> None:
    """And the age of the oldest job."""
    first, second, _ = ledgers.accept(3)
    ledgers.accept(1, work("fit"))
    ledgers.claim(first)
    ledgers.claim(second)
    ledgers.lose(second)
    ledgers.redis.zadd("trinity:lane:predict", {second: ledgers.redis.time()[0] - 60}, xx=True)
    lanes = figures(ledgers).lanes
    assert lanes["predict"][:3] == (1, 1, 1) and 59 < lanes["predict"].oldest_s < 70
    assert lanes["fit"][:3] == (1, 0, 0) and 0 <= lanes["fit"].oldest_s < 10
    assert lanes["score"] == NOTHING


@pytest.mark.parametrize("leave", ["claim", "cancel"])
def test_a_job_that_waits_again_does_so_until_it_leaves_its_lane(ledgers: LedgerFixture, leave: str) -> None:
    job_id = ledgers.started().job_id
    ledgers.lose(job_id)
    assert figures(ledgers).lanes["predict"].retry == 1
    ledgers.claim(job_id) if leave == "claim" else ledgers.ledger.cancel(job_id)
    assert figures(ledgers).lanes["predict"][:3] == (0, 0, int(leave == "claim"))


def test_a_job_that_is_handed_back_waits_as_before(ledgers: LedgerFixture) -> None:
    """It does not count as lost."""
    job_id = ledgers.started().job_id
    ledgers.lose(job_id, count_attempt=False)
    assert figures(ledgers).lanes["predict"][:3] == (1, 0, 0)
    assert counts(ledgers) == {"attempts:predict": 1}


def test_what_a_job_does_is_counted_once(ledgers: LedgerFixture) -> None:
    """A worker without an answer repeats its call; one that was lost comes too late."""
    lost = ledgers.started()
    ledgers.lose(lost.job_id)
    claim = ledgers.claim(lost.job_id)
    claims = ledgers.worker()
    assert claims.claim([lost.job_id]) == [claim]
    for _ in range(2):
        assert claims.finish([(claim, DONE)]) == [(True, None)]
    assert claims.finish([(lost, DONE)]) == [(False, None)]
    assert counts(ledgers) == {
        "attempts:predict": 2,
        "lost": 1,
        "finished:predict:SUCCESS": 1,
        "rows:predict:mean": 0,
    }


def test_only_a_lost_worker_is_counted_as_one(ledgers: LedgerFixture) -> None:
    """A job that ran out of time, or whose request cannot be read now, is not lost."""
    ledgers.started()
    (held,) = ledgers.held("1")
    ledgers.maintenance().requeue([held])
    (job_id,) = ledgers.accept(submitted=large())
    (path,) = ledgers.folder.glob("payloads/*/*")
    path.unlink()
    assert ledgers.worker().claim([job_id]) == []
    assert ledgers.status_and_attempts(job_id) == ("RETRY", 1)
    assert "lost" not in counts(ledgers)


def test_every_end_is_counted_by_its_state(ledgers: LedgerFixture) -> None:
    """Failed, cancelled, given up or out of time."""
    ledgers.ended(DONE)
    ledgers.ended(FAILED)
    ledgers.ledger.cancel(*ledgers.accept())
    given_up = ledgers.bounded(max_attempts=1)
    job_id = given_up.started().job_id
    given_up.lose(job_id)
    late = ledgers.started()
    (held,) = ledgers.held("1")
    assert held.job_id == late.job_id and ledgers.maintenance().time_out(held)
    ends = {name: n for name, n in counts(ledgers).items() if name.startswith("finished")}
    assert ends == {"finished:predict:SUCCESS": 1, "finished:predict:FAILURE": 3, "finished:predict:REVOKED": 1}


def test_jobs_done_together_share_their_time(ledgers: LedgerFixture) -> None:
    """Each job is in the bucket of its share of the time; rows count when the job succeeds."""
    claims = ledgers.worker()
    together = claims.claim(ledgers.accept(4))
    ended = DONE.__class__(1.0, 3.0, 7, DONE.result, None, 5)
    claims.finish([(claim, ended) for claim in together[:3]] + [(together[3], FAILED)])
    counted = figures(ledgers).counts
    assert counted["seconds:predict:mean"] == pytest.approx(2.0)
    assert counted["bucket:predict:mean:0.5"] == 4
    assert counted["rows:predict:mean"] == 15


def test_workers_are_those_that_are_heard_of(ledgers: LedgerFixture) -> None:
    ledgers.held("1", "2")
    assert figures(ledgers)[1:3] == (1, 2)
    ledgers.redis.hset("trinity:nodes", "gone", f"{ledgers.redis.time()[0] - 60} 4")
    assert figures(ledgers)[1:3] == (1, 2)


def test_a_job_keeps_whose_request_it_was(ledgers: LedgerFixture) -> None:
    """For the log and the trace of the worker that runs it."""
    from app.queue.ledger.acceptance import Submission

    ledgers.submit(Submission("job", work(), 60, request_id="request", trace="00-trace"))
    claim = ledgers.claim("job")
    assert (claim.request_id, claim.trace) == ("request", "00-trace")
