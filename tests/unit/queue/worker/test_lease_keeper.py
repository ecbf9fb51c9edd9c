"""The lease keeper: leases are renewed, lost jobs taken back, and a child ends when its job is cancelled or late."""

from typing import Any, cast

import pytest

from app.queue.ledger.maintenance import HeldJob, LedgerMaintenance
from app.queue.ledger.scripts import LedgerUnavailable
from app.queue.worker.lease_keeper import LeaseKeeper
from tests.support.maintenance_fake import FakeMaintenance, held


class Node:
    """Children of a worker, and its lease keeper; `done` is all that happened, in order."""

    def __init__(self, *jobs: HeldJob, children: tuple[str, ...] = ("1", "2")) -> None:
        self.maintenance = FakeMaintenance(*jobs)
        self.done = self.maintenance.done
        self.keeper = LeaseKeeper(cast("LedgerMaintenance", self.maintenance), lambda: list(children), self._kill)

    def _kill(self, child: str) -> None:
        self.done.append(("kill", child))


def after_a_step(*jobs: HeldJob) -> list[tuple[str, Any]]:
    """What the lease keeper does with these jobs."""
    node = Node(*jobs)
    node.keeper.step()
    return node.done


def test_the_living_children_are_named() -> None:
    """Their leases, and no others, are renewed."""
    node = Node(children=("1", "3"))
    node.keeper.step()
    assert node.maintenance.children == ["1", "3"]


def test_all_is_well() -> None:
    """Nothing happens."""
    assert after_a_step(held("a"), held("b", child="2", size=2), held("c", child="2", size=2)) == []


def test_a_child_whose_only_job_was_cancelled_ends() -> None:
    """At once, whatever it does; the job is the canceller's."""
    assert after_a_step(held("a", "void"), held("b", child="2")) == [("kill", "1")]


def test_a_child_all_of_whose_jobs_were_cancelled_ends() -> None:
    """However many there were."""
    assert after_a_step(held("a", "void", size=2), held("b", "void", size=2)) == [("kill", "1")]


def test_a_child_that_has_other_jobs_is_let_go_on() -> None:
    """What it does for the cancelled one will come too late."""
    assert after_a_step(held("a", "void", size=2), held("b", "live", size=2)) == []


def test_a_late_job_fails_and_its_child_ends() -> None:
    """First the child, so that it can't finish in between."""
    assert after_a_step(held("a", "late"), held("b", child="2")) == [("kill", "1"), ("time out", "a")]


@pytest.mark.parametrize("others", ["late", "live"])
def test_of_a_late_batch_all_run_again(others: Any) -> None:
    """Which of them is to blame shows when each runs alone."""
    done = after_a_step(held("a", "late", size=2), held("b", others, size=2))
    assert done == [("kill", "1"), ("requeue uncounted unbatched", ["a", "b"])]


def test_what_is_left_of_a_late_batch_runs_again() -> None:
    """One that was cancelled stays so; the other may not be to blame."""
    done = after_a_step(held("a", "late", size=2), held("b", "void", size=2))
    assert done == [("kill", "1"), ("requeue uncounted unbatched", ["a"])]


def test_the_jobs_of_a_lost_child_are_taken_back(caplog: pytest.LogCaptureFixture) -> None:
    """In one call; no process is killed, and a line is logged."""
    done = after_a_step(held("a", "lost", "9", 2), held("b", "lost", "9", 2), held("c", "void", "9", 2))
    assert done == [("requeue the lost", ["a", "b"])]
    assert "a process is gone with 2 jobs" in caplog.text


def test_the_jobs_of_a_stopped_child_use_no_attempt_up(caplog: pytest.LogCaptureFixture) -> None:
    """A signal asked it to end: its jobs are not to blame."""
    node = Node(held("a", "lost", "8"), held("b", "lost", "9"))
    maintenance = cast("LedgerMaintenance", node.maintenance)
    keeper = LeaseKeeper(maintenance, lambda: ["1"], lambda _: None, was_stopped=lambda child: child == "8")
    keeper.step()
    assert node.done == [("requeue the lost stopped", ["a"]), ("requeue the lost", ["b"])]
    assert "a process was stopped by a signal with 1 jobs" in caplog.text


def test_a_cancelled_job_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Though its process is killed until it is gone."""
    caplog.set_level("INFO")
    node = Node(held("a", "void"))
    for _ in range(3):
        node.keeper.step()
    assert node.done == [("kill", "1")] * 3
    assert caplog.text.count("job a was cancelled") == 1


def test_each_child_is_looked_after_for_itself() -> None:
    """A lost one beside a late one beside one that is well."""
    done = after_a_step(held("a", "lost", "9"), held("b", "late", "1"), held("c", "live", "2"))
    assert done == [("requeue the lost", ["a"]), ("kill", "1"), ("time out", "b")]


def test_a_ledger_that_is_away_is_told() -> None:
    """No process is killed on a guess."""
    node = Node(held("a", "late"))
    node.maintenance.fail["renew"] = [LedgerUnavailable("away")]
    with pytest.raises(LedgerUnavailable):
        node.keeper.step()
    assert node.done == []
    node.keeper.step()
    assert node.done == [("kill", "1"), ("time out", "a")]


def test_a_worker_that_stops_hands_its_jobs_back() -> None:
    """Uncounted, and then ends the children that had them; one without a job may leave by itself."""
    node = Node(held("a"), held("b", "late", "2", 2), held("c", "live", "2", 2), held("d", "void", "3"))
    node.keeper.release_all()
    assert node.done[0] == ("requeue uncounted", ["a", "b", "c"])
    assert sorted(node.done[1:]) == [("kill", "1"), ("kill", "2")]


def test_a_worker_without_jobs_has_nothing_to_hand_back() -> None:
    """Its children leave by themselves."""
    node = Node()
    node.keeper.release_all()
    assert node.done == []


def test_a_job_has_its_time_from_when_it_is_seen_first() -> None:
    """By the lease keeper's own clock, not by the ledger's."""
    node, now_s = Node(held("a")), [1_000.0]
    keeper = LeaseKeeper(
        cast("LedgerMaintenance", node.maintenance),
        lambda: ["1"],
        lambda child: node.done.append(("kill", child)),
        lambda: now_s[0],
    )
    for _ in range(60):
        keeper.step()
        now_s[0] += 1
    assert node.done == []
    keeper.step()
    assert node.done == [("kill", "1"), ("time out", "a")]


def test_an_outage_of_the_ledger_costs_a_job_none_of_its_time() -> None:
    """It may be done and only not be finished yet."""
    node, now_s = Node(held("a")), [1_000.0]
    keeper = LeaseKeeper(
        cast("LedgerMaintenance", node.maintenance), lambda: ["1"], lambda child: None, lambda: now_s[0]
    )
    keeper.step()
    now_s[0] += 120
    keeper.step()
    assert node.done == []


def test_a_late_job_whose_effect_is_about_to_be_visible_runs_again() -> None:
    """And raises it then."""
    node = Node(held("a", "late"))
    node.maintenance.committing.add("a")
    node.keeper.step()
    assert node.done == [("kill", "1"), ("time out", "a"), ("requeue", ["a"])]
