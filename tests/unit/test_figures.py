"""What the ledger counts: each thing once, in the step that does it, however often that step is asked for."""

import pytest

from app.ledger import Counting, Figures, Lane, connect
from app.schemas import VERBS
from tests.unit.fakes import work
from tests.unit.ledger_house import DONE, FAILED, House, large

NOTHING = Lane(0, 0, 0, 0.0)


def figures(house: House) -> Figures:
    counting = Counting(connect(house.url))
    try:
        return counting.figures()
    finally:
        counting.close()


def counts(house: House) -> dict[str, float]:
    """What was counted, but for times."""
    return {name: n for name, n in figures(house).counts.items() if not name.startswith(("seconds", "bucket"))}


def test_an_empty_ledger_has_counted_nothing(house: House) -> None:
    assert figures(house) == Figures(dict.fromkeys(VERBS, NOTHING), 0, 0, {})


def test_lanes_tell_who_waits_waits_again_and_runs(house: House) -> None:
    """And for how long the oldest has waited."""
    first, second, _ = house.accept(3)
    house.accept(1, work("fit"))
    house.claim(first)
    house.claim(second)
    house.lose(second)
    house.redis.zadd("trinity:lane:predict", {second: house.redis.time()[0] - 60}, xx=True)
    lanes = figures(house).lanes
    assert lanes["predict"][:3] == (1, 1, 1) and 59 < lanes["predict"].oldest_s < 70
    assert lanes["fit"][:3] == (1, 0, 0) and 0 <= lanes["fit"].oldest_s < 10
    assert lanes["score"] == NOTHING


@pytest.mark.parametrize("leave", ["claim", "cancel"])
def test_a_job_that_waits_again_does_so_until_it_leaves_its_lane(house: House, leave: str) -> None:
    job_id = house.started().job_id
    house.lose(job_id)
    assert figures(house).lanes["predict"].retry == 1
    house.claim(job_id) if leave == "claim" else house.ledger.cancel(job_id)
    assert figures(house).lanes["predict"][:3] == (0, 0, int(leave == "claim"))


def test_a_job_that_is_handed_back_waits_as_before(house: House) -> None:
    """It is no loss."""
    job_id = house.started().job_id
    house.lose(job_id, uncounted=True)
    assert figures(house).lanes["predict"][:3] == (1, 0, 0)
    assert counts(house) == {"attempts:predict": 1}


def test_what_a_job_does_is_counted_once(house: House) -> None:
    """A worker that had no answer asks again; one that was lost comes too late."""
    lost = house.started()
    house.lose(lost.job_id)
    claim = house.claim(lost.job_id)
    claims = house.worker()
    assert claims.claim([lost.job_id]) == [claim]
    for _ in range(2):
        assert claims.finish([(claim, DONE)]) == [(True, None)]
    assert claims.finish([(lost, DONE)]) == [(False, None)]
    assert counts(house) == {"attempts:predict": 2, "lost": 1, "finished:predict:SUCCESS": 1, "rows:predict:mean": 0}


def test_only_a_lost_worker_is_counted_as_one(house: House) -> None:
    """A job that was ended for its time, or whose request can't be read just now, is none."""
    house.started()
    (held,) = house.held("1")
    house.keeping().take_back([held])
    (job_id,) = house.accept(submitted=large())
    (path,) = house.folder.glob("payloads/*/*")
    path.unlink()
    assert house.worker().claim([job_id]) == []
    assert house.told(job_id) == ("RETRY", 1)
    assert "lost" not in counts(house)


def test_every_end_is_counted_by_its_state(house: House) -> None:
    """Failed, cancelled, given up or out of time."""
    house.ended(DONE)
    house.ended(FAILED)
    house.ledger.cancel(*house.accept())
    given_up = house.bounded(max_attempts=1)
    job_id = given_up.started().job_id
    given_up.lose(job_id)
    late = house.started()
    (held,) = house.held("1")
    assert held.job_id == late.job_id and house.keeping().time_out(held)
    ends = {name: n for name, n in counts(house).items() if name.startswith("finished")}
    assert ends == {"finished:predict:SUCCESS": 1, "finished:predict:FAILURE": 3, "finished:predict:REVOKED": 1}


def test_jobs_done_together_share_their_time(house: House) -> None:
    """Each falls into the bucket of its share; rows count where they were done with success."""
    claims = house.worker()
    together = claims.claim(house.accept(4))
    ended = DONE.__class__(1.0, 3.0, 7, DONE.result, None, 5)
    claims.finish([(claim, ended) for claim in together[:3]] + [(together[3], FAILED)])
    told = figures(house).counts
    assert told["seconds:predict:mean"] == pytest.approx(2.0)
    assert told["bucket:predict:mean:0.5"] == 4
    assert told["rows:predict:mean"] == 15


def test_workers_are_those_that_are_heard_of(house: House) -> None:
    house.held("1", "2")
    assert figures(house)[1:3] == (1, 2)
    house.redis.hset("trinity:nodes", "gone", f"{house.redis.time()[0] - 60} 4")
    assert figures(house)[1:3] == (1, 2)


def test_a_job_keeps_whose_request_it_was(house: House) -> None:
    """For the log and the trace of the worker that runs it."""
    from app.ledger import Submission

    house.submit(Submission("job", work(), 60, request_id="request", trace="00-trace"))
    claim = house.claim("job")
    assert (claim.request_id, claim.trace) == ("request", "00-trace")
