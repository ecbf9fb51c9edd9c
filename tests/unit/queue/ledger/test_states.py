"""The ledger against a model, through any sequence of steps: no illegal move, no second end, no change after it."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import Conflict, Superseded
from app.queue.ledger.claims import Claim
from tests.support.ledger_fixture import DONE, FAILED, LIMITS, LedgerFixture

STEPS = ["claim", "finish", "fail", "commit", "late finish", "late commit", "lose", "hand back", "reap", "time out"]
STEPS += ["cancel", "retry", "progress", "claim", "commit", "lose"]  # the likelier ones twice
FINAL = {"SUCCESS", "FAILURE", "REVOKED"}


class Model:
    """What one job may do, in as few words as possible. Each step returns whether it may be made, having made it."""

    def __init__(self) -> None:
        self.status, self.attempts, self.committing, self.retried = "PENDING", 0, False, False

    def step(self, name: str) -> bool:
        """Make a step if the state allows it."""
        runs = self.status == "STARTED"
        if name == "claim" and self.status in {"PENDING", "RETRY"}:
            self.status, self.attempts = "STARTED", self.attempts + 1
        elif name == "finish" and runs:
            self.status = "SUCCESS"
        elif runs and (name == "fail" or (name == "time out" and not self.committing)):
            self.status = "FAILURE"
        elif name == "commit" and runs:
            self.committing = True
        elif name in {"lose", "reap"} and runs:
            again = self.attempts < LIMITS.max_attempts + (3 if self.committing else 0)
            self.status = "RETRY" if again else "FAILURE"
        elif name == "hand back" and runs:
            self.status, self.attempts = "PENDING", self.attempts - 1
        elif name == "cancel" and self.status not in FINAL and not self.committing:
            self.status = "REVOKED"
        elif name == "retry" and self.status in {"FAILURE", "REVOKED"}:
            self.__init__()  # type: ignore[misc]
            self.retried = True
        else:
            return self._asked_twice(name)
        return True

    def _asked_twice(self, name: str) -> bool:
        """Whether a step does nothing, but is what was done already."""
        again = name == "retry" and self.retried and self.status not in FINAL
        return again or (name == "cancel" and self.status == "REVOKED")


class Real:
    """The same steps on the ledger, with the newest claim and the one before it, which comes too late."""

    def __init__(self, ledgers: LedgerFixture) -> None:
        self.ledgers, self.claims, self.effects = ledgers, list[Claim](), 0
        (self.job_id,) = ledgers.accept()

    def step(self, name: str) -> bool:
        """Try a step; return whether it was allowed."""
        newest = self.claims[-1] if self.claims else None
        late = self.claims[-2] if len(self.claims) > 1 else None
        if name == "claim":
            claimed = self.ledgers.worker(child=str(len(self.claims))).claim([self.job_id])
            self.claims += claimed
            return bool(claimed)
        if name in {"cancel", "retry"}:
            return self._asked(name)
        if name in {"finish", "fail", "late finish"}:
            return self._finished(late if name == "late finish" else newest, FAILED if name == "fail" else DONE)
        if name in {"commit", "late commit"}:
            return self._committed(late if name == "late commit" else newest)
        return self._kept(name)

    def _asked(self, name: str) -> bool:
        try:
            getattr(self.ledgers.ledger, name)(self.job_id)
        except Conflict:
            return False
        return True

    def _finished(self, claim: Claim | None, outcome: Any) -> bool:
        before = self.ledgers.redis.hget(f"trinity:job:{self.job_id}", "seq")
        if claim is None or not self.ledgers.finish(claim, outcome):
            return False
        return self.ledgers.redis.hget(f"trinity:job:{self.job_id}", "seq") != before  # else a repeated call

    def _committed(self, claim: Claim | None) -> bool:
        try:
            if claim is not None:
                self.ledgers.worker().commit(claim)
        except Superseded:
            return False
        return claim is not None

    def _kept(self, name: str) -> bool:
        maintenance, before = self.ledgers.maintenance(), self.ledgers.status(self.job_id)
        held = [one for one in self.ledgers.held(str(len(self.claims) - 1)) if one.state != "void"]
        if name == "reap":
            self.ledgers.redis.zadd("trinity:leases", {self.job_id: 1}, xx=True)
            maintenance.requeue_expired()
        elif name == "progress" and self.claims:
            self.ledgers.worker().progress(self.claims[-1], 0.5)
        elif name == "time out" and held:
            maintenance.time_out(held[0])
        elif name in {"lose", "hand back"}:
            maintenance.requeue(held, count_attempt=name != "hand back")
        return self.ledgers.status(self.job_id) != before


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(STEPS), max_size=25))
def test_every_sequence_of_steps_is_as_the_model_says(ledgers: LedgerFixture, steps: list[str]) -> None:
    """Each step is allowed or refused as the model says, and the job stands as it says afterwards."""
    ledgers.redis.flushall()
    real, model = Real(ledgers), Model()
    for number, name in enumerate(steps):
        assert (real.step(name), ledgers.status_and_attempts(real.job_id)) == (
            model.step(name),
            (model.status, model.attempts),
        ), f"{name}, after {steps[:number]}"
    check_places(ledgers, real.job_id, model.status)


def check_places(ledgers: LedgerFixture, job_id: str, status: str) -> None:
    """A job is in its lane exactly while it waits, leased exactly while it runs, and expires exactly when it ended."""
    waits = ledgers.redis.zscore("trinity:lane:predict", job_id) is not None
    published = ledgers.redis.zscore("trinity:rung:predict", job_id) is not None
    leased = ledgers.redis.zscore("trinity:leases", job_id) is not None
    ends = ledgers.redis.ttl(f"trinity:job:{job_id}") > 0
    expected = (status in {"PENDING", "RETRY"}, status in {"PENDING", "RETRY"}, status == "STARTED", status in FINAL)
    assert (waits, published, leased, ends) == expected
