"""The reconciler: nothing is taken from workers that couldn't reach the ledger, and lost messages are sent again."""

from typing import cast

import pytest

from app.errors import Unavailable
from app.queue.ledger.maintenance import LedgerMaintenance, Unpublished
from app.queue.ledger.scripts import LedgerUnavailable
from app.queue.messages import JobRef
from app.queue.worker.reconciler import GRACE_S, TRIM_S, Reconciler
from app.schemas.verbs import VERBS, Verb
from tests.support.fakes import Broker, Clock
from tests.support.maintenance_fake import FakeMaintenance

LEASE_S = 10.0
DOWN = LedgerUnavailable("away")


def call(job_id: str) -> JobRef:
    return JobRef(job_id, "polynomial")


class Watched:
    """A reconciler on fakes; `depths` are the messages that wait in the broker's lanes."""

    def __init__(self) -> None:
        self.maintenance, self.broker, self.clock = FakeMaintenance(), Broker(), Clock()
        self.depths: dict[Verb, int] = {}
        self.asked: list[Verb] = []
        self.reconciler = Reconciler(
            cast("LedgerMaintenance", self.maintenance), self.broker.publish, self._depth, LEASE_S, self.clock
        )

    def step(self, later_s: float = 0.0) -> None:
        """A step, so much later."""
        self.clock.now += later_s
        self.reconciler.step()

    def _depth(self, verb: Verb) -> int:
        self.asked.append(verb)
        return self.depths.get(verb, 0)


def test_nothing_is_reaped_at_first() -> None:
    """A worker that just started can't know whether others could renew: they have the time of a lease for it."""
    watched = Watched()
    for _ in range(3):
        watched.step(LEASE_S / 3 - 0.1)
    assert watched.maintenance.did("reap") == []


def test_leases_that_are_over_are_reaped_from_then_on(caplog: pytest.LogCaptureFixture) -> None:
    """In every step; the caller gets the error."""
    watched = Watched()
    watched.step()
    watched.step(LEASE_S)
    watched.maintenance.expired = 2
    watched.step(1)
    assert len(watched.maintenance.did("reap")) == 2
    assert [record.message for record in caplog.records] == ["2 jobs of a lost worker run again"]


@pytest.mark.parametrize("call", ["reap", "waiting", "unpublished"])
def test_after_an_outage_others_have_the_time_of_a_lease(call: str) -> None:
    """Whichever call noticed it: during an outage no lease was renewed, so all may be over."""
    watched = Watched()
    watched.step()
    watched.step(LEASE_S)
    watched.maintenance.lanes = {"fit": 1}
    watched.maintenance.fail[call] = [DOWN]
    with pytest.raises(LedgerUnavailable):
        watched.step(1)
    before = len(watched.maintenance.did("reap"))
    watched.step(1)
    watched.step(LEASE_S - 1)
    assert len(watched.maintenance.did("reap")) == before
    watched.step(1)
    assert len(watched.maintenance.did("reap")) == before + 1


def test_a_ledger_that_is_still_away_gives_no_time() -> None:
    """The time begins when it answers."""
    watched = Watched()
    watched.maintenance.fail["ping"] = [DOWN] * 3
    for _ in range(3):
        with pytest.raises(LedgerUnavailable):
            watched.step(LEASE_S)
    watched.step()
    assert watched.maintenance.did("reap") == []


def test_a_broker_that_is_away_keeps_nobody_from_being_reaped() -> None:
    """It has nothing to do with leases."""
    watched = Watched()
    watched.step()
    watched.maintenance.lanes = {"fit": 1}
    watched.maintenance.gone = {"fit": Unpublished([call("a")], [])}
    watched.broker.fail = [Unavailable("away")]
    with pytest.raises(Unavailable):
        watched.step(LEASE_S)
    watched.step(1)
    assert len(watched.maintenance.did("reap")) == 2


def test_an_empty_lane_is_nothing_to_ask_the_broker_for() -> None:
    """An idle service leaves it alone."""
    watched = Watched()
    watched.maintenance.lanes = {"score": 1}
    watched.step()
    assert watched.asked == ["score"]


@pytest.mark.parametrize(("depth", "empty"), [(0, True), (1, False), (500, False)])
def test_the_ledger_is_told_whether_messages_wait(depth: int, *, empty: bool) -> None:
    """For what counts as gone depends on it; a message has its time in any case."""
    watched = Watched()
    watched.maintenance.lanes = {"fit": 1}
    watched.depths = {"fit": depth}
    watched.step()
    assert watched.maintenance.did("unpublished") == [("fit", GRACE_S, empty)]


@pytest.mark.parametrize("verb", VERBS)
def test_jobs_are_rung_for_again_in_messages_of_their_lane(verb: Verb) -> None:
    """As the web process would have; those that were tried before each alone."""
    watched = Watched()
    watched.maintenance.lanes = {verb: 1}
    most = VERBS[verb].message_jobs
    together = [f"job{number}" for number in range(most + 1)]
    watched.maintenance.gone = {verb: Unpublished([call(job_id) for job_id in together], [call("x"), call("y")])}
    watched.step()
    assert watched.broker.messages == [(verb, together[:most]), (verb, together[most:]), (verb, ["x"]), (verb, ["y"])]


def test_expired_jobs_are_trimmed_now_and_then() -> None:
    """Once a minute."""
    watched = Watched()
    for _ in range(3):
        watched.step(TRIM_S / 2 + 1)
    assert len(watched.maintenance.did("trim")) == 1
