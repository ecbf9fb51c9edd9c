"""The ledger as keepers use it: leases, lost workers, jobs handed back, messages that are gone, webhooks, trimming."""

from app.queue.ledger.acceptance import Submission
from app.queue.ledger.limits import MAX_STOPS
from tests.support.fakes import work
from tests.support.ledger_fixture import FAILED, LIMITS, LedgerFixture


def states(ledgers: LedgerFixture, *children: str) -> dict[str, str]:
    """How the jobs of the node stand when these children live."""
    return {held.job_id: held.state for held in ledgers.held(*children)}


def published(ledgers: LedgerFixture, *, grace_s: float = 0, empty: bool = True) -> tuple[list[str], list[str]]:
    """Which predictions' messages must be gone."""
    together, alone = ledgers.maintenance().unpublished("predict", grace_s, empty=empty)
    return [call.job_id for call in together], [call.job_id for call in alone]


def test_a_node_holds_what_its_children_claimed(ledgers: LedgerFixture) -> None:
    """With fence, child and how many were claimed at once; jobs of other nodes and finished ones are not its own."""
    both = ledgers.accept(2)
    ledgers.worker("2").claim(both)
    ledgers.finish(ledgers.started())
    one = ledgers.started().job_id
    ledgers.claim(*ledgers.accept(), node="other")
    held = {job.job_id: job[1:] for job in ledgers.held("1", "2")}
    assert held == {one: (1, "1", 1, 60, "live"), **dict.fromkeys(both, (1, "2", 2, 60, "live"))}


def test_a_renewed_lease_begins_anew(ledgers: LedgerFixture) -> None:
    """The job is not taken back."""
    claim = ledgers.started()
    ledgers.end_lease(claim.job_id)
    assert states(ledgers, "1") == {claim.job_id: "live"}
    assert ledgers.maintenance().requeue_expired() == 0
    assert ledgers.status(claim.job_id) == "STARTED"


def test_a_job_whose_child_is_gone_is_lost(ledgers: LedgerFixture) -> None:
    """Its lease isn't renewed any more."""
    claim = ledgers.started()
    ledgers.end_lease(claim.job_id)
    assert states(ledgers, "2") == {claim.job_id: "lost"}
    assert ledgers.maintenance().requeue_expired() == 1


def test_a_job_comes_with_its_timeout(ledgers: LedgerFixture) -> None:
    """The one that it was accepted with: the lease keeper measures the time."""
    claims = [ledgers.claim(*ledgers.accept(timeout_s=timeout_s), child=f"{timeout_s:g}") for timeout_s in (0.5, 60)]
    timeouts_s = {held.job_id: held.timeout_s for held in ledgers.maintenance().renew(["0.5", "60"])}
    assert timeouts_s == {claims[0].job_id: 0.5, claims[1].job_id: 60}


def test_what_a_process_gave_up_is_taken_back(ledgers: LedgerFixture) -> None:
    """It does one thing at a time: when it claims another, the first never reached it, or ended in an error."""
    given_up, other = ledgers.started(), ledgers.started()
    assert [held.job_id for held in ledgers.held("1")] == [other.job_id]
    assert ledgers.maintenance().requeue_expired() == 1
    assert ledgers.status_and_attempts(given_up.job_id) == ("RETRY", 1)
    assert ledgers.status_and_attempts(other.job_id) == ("STARTED", 1)


def test_a_nearly_full_ledger_lets_go_of_old_results(ledgers: LedgerFixture) -> None:
    """The oldest that succeeded; what failed or waits stays."""
    old, failed, waits = ledgers.ended(), ledgers.ended(FAILED), ledgers.accept()[0]
    assert ledgers.maintenance().evict_oldest() == 0
    used = ledgers.redis.info("memory")["used_memory"]
    ledgers.redis.config_set("maxmemory", used)
    try:
        assert ledgers.maintenance().evict_oldest() == 1
    finally:
        ledgers.redis.config_set("maxmemory", 0)
    assert [ledgers.status(job_id) for job_id in (old, failed, waits)] == ["Gone", "FAILURE", "PENDING"]


def test_a_cancelled_job_is_void_until_its_process_is_gone(ledgers: LedgerFixture) -> None:
    """The lease keeper sees it as often as it looks, in case it could not end the process; then it is forgotten."""
    claim = ledgers.started()
    ledgers.ledger.cancel(claim.job_id)
    assert [states(ledgers, "1") for _ in range(2)] == [{claim.job_id: "void"}] * 2
    assert [states(ledgers, "2") for _ in range(2)] == [{claim.job_id: "void"}, {}]


def test_a_process_that_finished_a_cancelled_job_is_free(ledgers: LedgerFixture) -> None:
    """Its outcome is refused, and there is nothing left to end it for."""
    claim = ledgers.started()
    ledgers.ledger.cancel(claim.job_id)
    assert not ledgers.finish(claim)
    assert states(ledgers, "1") == {}


def test_a_cancelled_job_that_runs_again_beside_its_first_process_is_held_twice(ledgers: LedgerFixture) -> None:
    """The first run is void and the second is live: neither hides the other."""
    first = ledgers.started()
    ledgers.ledger.cancel(first.job_id)
    ledgers.ledger.retry(first.job_id)
    second = ledgers.claim(first.job_id, child="2")
    held = {(one.fence, one.child): one.state for one in ledgers.held("1", "2")}
    assert held == {(first.fence, "1"): "void", (second.fence, "2"): "live"}


def test_a_process_that_goes_on_after_its_job_was_taken_away_takes_nothing_away(ledgers: LedgerFixture) -> None:
    """It claims another job; the lease of the first, which another process has by now, stays as it is."""
    first = ledgers.started()
    ledgers.ledger.cancel(first.job_id)
    ledgers.ledger.retry(first.job_id)
    ledgers.claim(first.job_id, child="2", node="other")
    ledgers.claim(*ledgers.accept())
    assert ledgers.maintenance().requeue_expired() == 0


def test_a_job_that_another_node_has_is_void(ledgers: LedgerFixture) -> None:
    """Its lease was over, and another node claimed it: the first may not renew that claim."""
    claim = ledgers.started()
    ledgers.end_lease(claim.job_id)
    ledgers.maintenance("other").requeue_expired()
    ledgers.claim(claim.job_id, node="other")
    assert states(ledgers, "1") == {claim.job_id: "void"}
    assert [held.state for held in ledgers.maintenance("other").renew(["1"])] == ["live"]


def test_a_timed_out_job_is_a_failure(ledgers: LedgerFixture) -> None:
    """Of kind `timeout`, with the version that it was for; its child's outcome comes too late."""
    claim = ledgers.started(work(version=4), timeout_s=0)
    (held,) = ledgers.held("1")
    ledgers.maintenance().time_out(held)
    job = ledgers.ledger.job(claim.job_id)
    assert (job.status, job.version, job.failure and job.failure.kind) == ("FAILURE", 4, "timeout")
    assert not ledgers.finish(claim)


def test_a_lost_job_runs_again_and_is_then_given_up(ledgers: LedgerFixture) -> None:
    """RETRY with its attempts counted; after the third, FAILURE that says how often its worker was lost."""
    (job_id,) = ledgers.accept()
    seen = []
    for _ in range(3):
        ledgers.claim(job_id)
        ledgers.lose(job_id)
        seen.append(ledgers.status_and_attempts(job_id))
    assert seen == [("RETRY", 1), ("RETRY", 2), ("FAILURE", 3)]
    failure = ledgers.ledger.job(job_id).failure
    assert failure is not None
    assert (failure.kind, failure.detail) == ("worker-lost", "worker lost 3 times")
    assert ledgers.maintenance().waiting("predict") == 0


def test_a_job_whose_process_is_stopped_runs_again_however_often(ledgers: LedgerFixture) -> None:
    """Its starts are counted, but only those that were lost use its attempts up."""
    (job_id,) = ledgers.accept()
    seen = []
    for stopped in (True, True, True, True, False, False, False):
        ledgers.claim(job_id)
        ledgers.maintenance().requeue(ledgers.held(), worker_lost=True, stopped=stopped)
        seen.append(ledgers.status_and_attempts(job_id))
    assert seen == [*(("RETRY", count) for count in range(1, 7)), ("FAILURE", 7)]


def test_a_job_that_stops_its_own_process_ends(ledgers: LedgerFixture) -> None:
    """There is a bound, and a retry begins anew."""
    (job_id,) = ledgers.accept()
    while ledgers.status(job_id) != "FAILURE":
        ledgers.claim(job_id)
        ledgers.maintenance().requeue(ledgers.held(), worker_lost=True, stopped=True)
    assert ledgers.status_and_attempts(job_id) == ("FAILURE", MAX_STOPS + LIMITS.max_attempts)
    ledgers.ledger.retry(job_id)
    ledgers.claim(job_id)
    ledgers.maintenance().requeue(ledgers.held(), worker_lost=True, stopped=True)
    assert ledgers.status_and_attempts(job_id) == ("RETRY", 1)


def test_a_lost_job_keeps_its_place(ledgers: LedgerFixture) -> None:
    """It came before those that wait, also those of its own call."""
    first, second, third = ledgers.accept(3)
    for job_id in (second, first):
        ledgers.claim(job_id)
        ledgers.lose(job_id)
    assert [ledgers.ledger.job(job_id).position for job_id in (first, second, third)] == [1, 2, 3]


def test_a_committing_job_runs_again_however_often_it_was_lost(ledgers: LedgerFixture) -> None:
    """Its effect may be there already: it must end in a success that says so."""
    lenient = ledgers.bounded(max_attempts=1)
    claim = lenient.started(work("fit"))
    lenient.worker().commit(claim)
    lenient.lose(claim.job_id)
    assert lenient.status_and_attempts(claim.job_id) == ("RETRY", 1)


def test_a_job_that_is_handed_back_has_lost_nothing(ledgers: LedgerFixture) -> None:
    """It is PENDING again, its attempt uncounted, however often that happens."""
    (job_id,) = ledgers.accept()
    for _ in range(5):
        ledgers.claim(job_id)
        ledgers.lose(job_id, count_attempt=False)
    assert ledgers.status_and_attempts(job_id) == ("PENDING", 0)


def test_only_a_claim_that_counts_is_taken_back(ledgers: LedgerFixture) -> None:
    """What the lease keeper saw before the job ended, or started again, changes nothing."""
    ended, anew = ledgers.started(), ledgers.started()
    seen = ledgers.held()
    ledgers.finish(ended)
    ledgers.lose(anew.job_id)
    ledgers.claim(anew.job_id)
    ledgers.maintenance().requeue(seen)
    assert (ledgers.status(ended.job_id), ledgers.status_and_attempts(anew.job_id)) == ("SUCCESS", ("STARTED", 2))


def test_a_job_out_of_time_fails_for_that_reason(ledgers: LedgerFixture) -> None:
    """And not because its worker was lost."""
    strict = ledgers.bounded(max_attempts=1)
    job_id = strict.started().job_id
    strict.maintenance().requeue(strict.held("1"))
    failure = strict.ledger.job(job_id).failure
    assert failure is not None
    assert (failure.kind, failure.detail) == ("timeout", "the job took longer than its timeout")


def test_jobs_of_a_late_batch_run_again_alone(ledgers: LedgerFixture) -> None:
    """The attempt does not count, so that none of them fails for another's time; each then has a message of its own."""
    strict = ledgers.bounded(max_attempts=1)
    job_ids = strict.accept(2)
    strict.worker().claim(job_ids)
    strict.maintenance().requeue(strict.held("1"), count_attempt=False, unbatched=True)
    assert [strict.status_and_attempts(job_id) for job_id in job_ids] == [("PENDING", 0)] * 2
    assert strict.worker().claim(job_ids) == []
    assert published(strict, grace_s=2, empty=False) == ([], sorted(job_ids))
    assert [strict.claim(job_id).attempts for job_id in job_ids] == [1, 1]


def test_only_leases_that_are_over_are_reaped(ledgers: LedgerFixture) -> None:
    """Whosever they are; the jobs wait again."""
    over, held = ledgers.started(), ledgers.started()
    ledgers.end_lease(over.job_id)
    assert ledgers.maintenance("other").requeue_expired() == 1
    assert (ledgers.status(over.job_id), ledgers.status(held.job_id)) == ("RETRY", "STARTED")
    assert ledgers.maintenance("other").requeue_expired() == 0


def test_a_message_has_its_time_to_arrive(ledgers: LedgerFixture) -> None:
    """In an empty lane a job is published again when its grace is over, and not before."""
    fresh, old = ledgers.accept(2)
    ledgers.published_ago(old, "predict", ago_s=5)
    assert published(ledgers, grace_s=2) == ([old], [])
    assert ledgers.ledger.job(fresh).status == "PENDING"


def test_a_job_published_again_has_its_grace_again(ledgers: LedgerFixture) -> None:
    """No flood: a second call finds nothing."""
    for job_id in ledgers.accept(3):
        ledgers.published_ago(job_id, "predict", ago_s=5)
    assert len(published(ledgers, grace_s=2)[0]) == 3
    assert published(ledgers, grace_s=2) == ([], [])


def test_a_lane_is_first_in_first_out(ledgers: LedgerFixture) -> None:
    """While messages wait, a job counts as lost only when one that was published later was claimed."""
    old, newer, claimed = ledgers.accept(3)
    for job_id, ago_s in ((old, 60), (newer, 20), (claimed, 30)):
        ledgers.published_ago(job_id, "predict", ago_s)
    assert published(ledgers, grace_s=2, empty=False) == ([], [])
    ledgers.claim(claimed)
    assert published(ledgers, grace_s=2, empty=False) == ([old], [])


def test_a_lost_job_is_published_at_once_and_unbatched(ledgers: LedgerFixture) -> None:
    """Its message is used up; it shall not run with others."""
    lost, waiting = ledgers.accept(2)
    ledgers.claim(lost)
    ledgers.lose(lost)
    assert published(ledgers, grace_s=2, empty=False) == ([], [lost])
    assert ledgers.status(waiting) == "PENDING"


def test_a_job_that_was_handed_back_is_published_at_once(ledgers: LedgerFixture) -> None:
    """With others."""
    job_ids = ledgers.accept(2)
    for claim in ledgers.worker().claim(job_ids):
        ledgers.lose(claim.job_id, count_attempt=False)
    together, alone = published(ledgers, grace_s=2, empty=False)
    assert (sorted(together), alone) == (sorted(job_ids), [])


def test_an_id_without_a_job_leaves_its_lane(ledgers: LedgerFixture) -> None:
    """The other jobs of the lane are published."""
    lost, waiting = ledgers.accept(2)
    ledgers.redis.delete(f"trinity:job:{lost}")
    assert published(ledgers) == ([waiting], [])
    assert ledgers.maintenance().waiting("predict") == 1


def test_each_lane_is_published_by_itself(ledgers: LedgerFixture) -> None:
    """A fit is nothing to predictions."""
    ledgers.accept(submitted=work("fit"))
    assert published(ledgers) == ([], [])
    assert len(ledgers.maintenance().unpublished("fit", 0, empty=True).batched) == 1


def test_trimming_takes_expired_jobs_off_the_list(ledgers: LedgerFixture) -> None:
    """And no other, however old."""
    short = ledgers.bounded(result_ttl_s=1)
    expired, kept = short.ended(), short.ended()
    short.expire(expired)
    ledgers.redis.zadd("trinity:jobs", {expired: 1, kept: 1})
    short.maintenance().trim()
    assert ledgers.redis.zrange("trinity:jobs", 0, -1) == [kept.encode()]


def test_whether_a_job_is_known(ledgers: LedgerFixture) -> None:
    """By which payloads are kept."""
    ledgers.submit(Submission("a", work(), 60))
    assert [job_id for job_id in "abc" if ledgers.maintenance().needs_payload(f"{job_id}.1.result")] == ["a"]
