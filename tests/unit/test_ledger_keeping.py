"""The ledger as keepers use it: leases, lost workers, jobs handed back, messages that are gone, webhooks, trimming."""

from app.ledger import Submission
from tests.unit.fakes import work
from tests.unit.ledger_house import FAILED, House


def states(house: House, *children: str) -> dict[str, str]:
    """How the jobs of the node stand when these children live."""
    return {held.job_id: held.state for held in house.held(*children)}


def rung(house: House, *, grace_s: float = 0, empty: bool = True) -> tuple[list[str], list[str]]:
    """Which predictions' messages must be gone."""
    together, alone = house.keeping().unrung("predict", grace_s, empty=empty)
    return [call.job_id for call in together], [call.job_id for call in alone]


def test_a_node_holds_what_its_children_claimed(house: House) -> None:
    """With fence, child and how many were claimed at once; jobs of other nodes and finished ones are not its own."""
    both = house.accept(2)
    house.worker("2").claim(both)
    house.finish(house.started())
    one = house.started().job_id
    house.claim(*house.accept(), node="other")
    held = {job.job_id: job[1:] for job in house.held("1", "2")}
    assert held == {one: (1, "1", 1, 60, "live"), **dict.fromkeys(both, (1, "2", 2, 60, "live"))}


def test_a_renewed_lease_begins_anew(house: House) -> None:
    """Nobody takes the job back."""
    claim = house.started()
    house.end_lease(claim.job_id)
    assert states(house, "1") == {claim.job_id: "live"}
    assert house.keeping().reap() == 0
    assert house.status(claim.job_id) == "STARTED"


def test_a_job_whose_child_is_gone_is_lost(house: House) -> None:
    """Its lease isn't renewed any more."""
    claim = house.started()
    house.end_lease(claim.job_id)
    assert states(house, "2") == {claim.job_id: "lost"}
    assert house.keeping().reap() == 1


def test_a_job_comes_with_its_timeout(house: House) -> None:
    """The one that it was accepted with: the keeper measures the time."""
    claims = [house.claim(*house.accept(timeout_s=timeout_s), child=f"{timeout_s:g}") for timeout_s in (0.5, 60)]
    timeouts_s = {held.job_id: held.timeout_s for held in house.keeping().renew(["0.5", "60"])}
    assert timeouts_s == {claims[0].job_id: 0.5, claims[1].job_id: 60}


def test_what_a_process_gave_up_is_taken_back(house: House) -> None:
    """It does one thing at a time: when it claims another, the first never reached it, or ended in an error."""
    given_up, other = house.started(), house.started()
    assert [held.job_id for held in house.held("1")] == [other.job_id]
    assert house.keeping().reap() == 1
    assert house.told(given_up.job_id) == ("RETRY", 1)
    assert house.told(other.job_id) == ("STARTED", 1)


def test_a_nearly_full_ledger_lets_go_of_old_results(house: House) -> None:
    """The oldest that succeeded; what failed or waits stays."""
    old, failed, waits = house.ended(), house.ended(FAILED), house.accept()[0]
    assert house.keeping().make_room() == 0
    used = house.redis.info("memory")["used_memory"]
    house.redis.config_set("maxmemory", used)
    try:
        assert house.keeping().make_room() == 1
    finally:
        house.redis.config_set("maxmemory", 0)
    assert [house.status(job_id) for job_id in (old, failed, waits)] == ["Gone", "FAILURE", "PENDING"]


def test_a_cancelled_job_is_void_once(house: House) -> None:
    """The keeper is told, and then the node has nothing to do with it."""
    claim = house.started()
    house.ledger.cancel(claim.job_id)
    assert states(house, "1") == {claim.job_id: "void"}
    assert states(house, "1") == {}


def test_a_job_that_another_node_has_is_void(house: House) -> None:
    """Its lease was over, and another node claimed it: the first may not renew that claim."""
    claim = house.started()
    house.end_lease(claim.job_id)
    house.keeping("other").reap()
    house.claim(claim.job_id, node="other")
    assert states(house, "1") == {}
    assert [held.state for held in house.keeping("other").renew(["1"])] == ["live"]


def test_a_timed_out_job_is_a_failure(house: House) -> None:
    """Of kind `timeout`, with the version that it was for; its child's outcome comes too late."""
    claim = house.started(work(version=4), timeout_s=0)
    (held,) = house.held("1")
    house.keeping().time_out(held)
    job = house.ledger.job(claim.job_id)
    assert (job.status, job.version, job.failure and job.failure.kind) == ("FAILURE", 4, "timeout")
    assert not house.finish(claim)


def test_a_lost_job_runs_again_and_is_then_given_up(house: House) -> None:
    """RETRY with its attempts counted; after the third, FAILURE that says how often its worker was lost."""
    (job_id,) = house.accept()
    seen = []
    for _ in range(3):
        house.claim(job_id)
        house.lose(job_id)
        seen.append(house.told(job_id))
    assert seen == [("RETRY", 1), ("RETRY", 2), ("FAILURE", 3)]
    failure = house.ledger.job(job_id).failure
    assert failure is not None
    assert (failure.kind, failure.detail) == ("worker-lost", "worker lost 3 times")
    assert house.keeping().waiting("predict") == 0


def test_a_lost_job_keeps_its_place(house: House) -> None:
    """It came before those that wait, also those of its own call."""
    first, second, third = house.accept(3)
    for job_id in (second, first):
        house.claim(job_id)
        house.lose(job_id)
    assert [house.ledger.job(job_id).place for job_id in (first, second, third)] == [1, 2, 3]


def test_a_committing_job_runs_again_however_often_it_was_lost(house: House) -> None:
    """Its effect may be there already: it must end in a success that says so."""
    lenient = house.bounded(max_attempts=1)
    claim = lenient.started(work("fit"))
    lenient.worker().commit(claim)
    lenient.lose(claim.job_id)
    assert lenient.told(claim.job_id) == ("RETRY", 1)


def test_a_job_that_is_handed_back_has_lost_nothing(house: House) -> None:
    """It is PENDING again, its attempt uncounted, however often that happens."""
    (job_id,) = house.accept()
    for _ in range(5):
        house.claim(job_id)
        house.lose(job_id, uncounted=True)
    assert house.told(job_id) == ("PENDING", 0)


def test_only_a_claim_that_counts_is_taken_back(house: House) -> None:
    """What the keeper saw before the job ended, or began anew, changes nothing."""
    ended, anew = house.started(), house.started()
    seen = house.held()
    house.finish(ended)
    house.lose(anew.job_id)
    house.claim(anew.job_id)
    assert house.keeping().take_back(seen) == 0
    assert (house.status(ended.job_id), house.told(anew.job_id)) == ("SUCCESS", ("STARTED", 2))


def test_only_leases_that_are_over_are_reaped(house: House) -> None:
    """Whosever they are; the jobs wait again."""
    over, held = house.started(), house.started()
    house.end_lease(over.job_id)
    assert house.keeping("other").reap() == 1
    assert (house.status(over.job_id), house.status(held.job_id)) == ("RETRY", "STARTED")
    assert house.keeping("other").reap() == 0


def test_a_message_has_its_time_to_arrive(house: House) -> None:
    """In an empty lane a job is rung for when its grace is over, and not before."""
    fresh, old = house.accept(2)
    house.rang(old, "predict", ago_s=5)
    assert rung(house, grace_s=2) == ([old], [])
    assert house.ledger.job(fresh).status == "PENDING"


def test_a_job_rung_for_has_its_grace_again(house: House) -> None:
    """No flood: a second call finds nothing."""
    for job_id in house.accept(3):
        house.rang(job_id, "predict", ago_s=5)
    assert len(rung(house, grace_s=2)[0]) == 3
    assert rung(house, grace_s=2) == ([], [])


def test_a_lane_is_first_in_first_out(house: House) -> None:
    """While messages wait, a job is missed only when one that was rung for later was claimed."""
    old, newer, claimed = house.accept(3)
    for job_id, ago_s in ((old, 60), (newer, 20), (claimed, 30)):
        house.rang(job_id, "predict", ago_s)
    assert rung(house, grace_s=2, empty=False) == ([], [])
    house.claim(claimed)
    assert rung(house, grace_s=2, empty=False) == ([old], [])


def test_a_lost_job_is_rung_for_at_once_and_alone(house: House) -> None:
    """Its message is used up; it shall not run with others."""
    lost, waiting = house.accept(2)
    house.claim(lost)
    house.lose(lost)
    assert rung(house, grace_s=2, empty=False) == ([], [lost])
    assert house.status(waiting) == "PENDING"


def test_a_job_that_was_handed_back_is_rung_for_at_once(house: House) -> None:
    """With others."""
    job_ids = house.accept(2)
    for claim in house.worker().claim(job_ids):
        house.lose(claim.job_id, uncounted=True)
    together, alone = rung(house, grace_s=2, empty=False)
    assert (sorted(together), alone) == (sorted(job_ids), [])


def test_each_lane_is_rung_for_itself(house: House) -> None:
    """A fit is nothing to predictions."""
    house.accept(submitted=work("fit"))
    assert rung(house) == ([], [])
    assert len(house.keeping().unrung("fit", 0, empty=True).together) == 1


def test_trimming_takes_expired_jobs_off_the_list(house: House) -> None:
    """And no other, however old."""
    short = house.bounded(result_ttl_s=1)
    expired, kept = short.ended(), short.ended()
    short.expire(expired)
    house.redis.zadd("trinity:jobs", {expired: 1, kept: 1})
    assert short.keeping().trim() == 1
    assert house.redis.zrange("trinity:jobs", 0, -1) == [kept.encode()]


def test_whether_a_job_is_known(house: House) -> None:
    """By which payloads are kept."""
    house.submit(Submission("a", work(), 60))
    assert [job_id for job_id in "abc" if house.keeping().known(job_id)] == ["a"]
