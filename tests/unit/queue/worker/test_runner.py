"""A worker's process: what it claimed is done once, finished with patience, published only by a claim that counts."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from app.errors import Failure, Superseded, TrinityError, Unavailable
from app.model.own_estimators import OwnEstimator
from app.model.progress import check_wanted, report
from app.queue.ledger.claims import Claim, FinishResult, WorkerLedger
from app.queue.ledger.scripts import LedgerUnavailable
from app.queue.worker.job_progress import MAX_CHANGES, PROGRESS_S
from app.queue.worker.runner import CLAIM_TRIES, FINISH_TRIES, FinishedJob, JobRunner
from app.schemas.jobs import Outcome
from app.schemas.requests import Work
from app.schemas.tables import Table
from app.schemas.verbs import Verb
from app.service import Service
from app.storage.model_store import Store
from tests.support.fakes import Clock, FakeService, Mean, work

DOWN = LedgerUnavailable("away")


class FakeClaims:
    """Jobs that wait, by id; `fail` are raised by the next calls of that name, once each."""

    def __init__(self, *job_ids: str, verb: Verb = "fit") -> None:
        self.waiting = {job_id: work(verb, rows=3) for job_id in job_ids}
        self.calls: list[list[str]] = []
        self.finished: list[list[tuple[str, Outcome]]] = []
        self.progressed: list[float] = []
        self.steps: list[str] = []
        self.committed: list[str] = []
        self.fail: dict[str, list[TrinityError]] = {}
        self.unkept: dict[str, Failure] = {}
        self.cancelled: set[str] = set()

    def claim(self, job_ids: Sequence[str]) -> list[Claim]:
        self._raise("claim")
        self.calls.append(list(job_ids))
        return [Claim(one, 1, self.waiting.pop(one), "", 1) for one in job_ids if one in self.waiting]

    def progress(self, claim: Claim, fraction: float, step: str = "") -> None:
        self._raise("progress")
        self.progressed.append(fraction)
        self.steps.append(step)

    def check(self, claim: Claim) -> None:
        self._raise("check")
        if claim.job_id in self.cancelled:
            raise Superseded("the job was cancelled")

    def commit(self, claim: Claim) -> None:
        self._raise("commit")
        self.committed.append(claim.job_id)

    def finish(self, outcomes: Sequence[tuple[Claim, Outcome]]) -> list[FinishResult]:
        self._raise("finish")
        self.finished.append([(claim.job_id, outcome) for claim, outcome in outcomes])
        ends = {claim.job_id: self.unkept.get(claim.job_id, outcome.failure) for claim, outcome in outcomes}
        return [FinishResult(counted=True, failure=failure) for failure in ends.values()]

    def _raise(self, name: str) -> None:
        if self.fail.get(name):
            raise self.fail[name].pop(0)


class Worker:
    """The worker's side on fakes; `pauses` are how long it waited for the ledger."""

    def __init__(self, claims: FakeClaims, body: Callable[[Work], dict[str, Any]] | Service = lambda _: {}) -> None:
        self.claims, self.clock, self.pauses = claims, Clock(), list[float]()
        service = body if isinstance(body, Service) else cast("Service", FakeService(body))
        self.finished: list[FinishedJob] = []
        self.claimed = JobRunner(
            service, cast("WorkerLedger", claims), self.clock, self.pauses.append, self.finished.extend
        )


def service(folder: Path) -> Service:
    """A service that fits means."""
    limits = {"max_design_bytes": 100_000, "max_answer_bytes": 100_000, "max_loaded_bytes": 100_000}
    return Service({"mean": OwnEstimator(Mean)}, "mean", Store(folder), {}, **limits)


@pytest.mark.parametrize("verb", ["fit", "score"])
def test_jobs_that_take_long_are_claimed_one_by_one(verb: Verb) -> None:
    """A lost worker loses few jobs, and other workers get the rest."""
    worker = Worker(FakeClaims("a", "b", verb=verb))
    worker.claimed.run(verb, ["a", "b"])
    assert worker.claims.calls == [["a"], ["b"]]
    assert [[job_id for job_id, _ in finished] for finished in worker.claims.finished] == [["a"], ["b"]]


def test_predictions_are_claimed_and_finished_together(tmp_path: Path) -> None:
    """In one call each, however many there are."""
    trained = service(tmp_path)
    fitted = Work("fit", "mean", None, {}, Table(np.zeros((2, 1)), np.array([1.0, 3.0])))
    trained.run(fitted, "before", 1.0)
    worker = Worker(FakeClaims("a", "b", verb="predict"), trained)
    worker.claimed.run("predict", ["a", "gone", "b"])
    assert worker.claims.calls == [["a", "gone", "b"]]
    ((first, second),) = worker.claims.finished
    assert [(first[0], bytes(first[1].result or b"")), (second[0], bytes(second[1].result or b""))] == [
        ("a", b'{"y":[2.0,2.0,2.0]}'),
        ("b", b'{"y":[2.0,2.0,2.0]}'),
    ]


def test_a_stack_is_finished_as_it_ends() -> None:
    """Its jobs have their results before the next stack, which may be slow, is begun; each stack in one call."""
    finished_before: list[int] = []

    def body(_: Work) -> dict[str, Any]:
        finished_before.append(len(worker.claims.finished))
        return {}

    worker = Worker(FakeClaims("a", "b", "c", verb="predict"), body)
    for version, job_id in enumerate(worker.claims.waiting, 1):
        worker.claims.waiting[job_id].version = version
    worker.claimed.run("predict", ["a", "b", "c"])
    assert finished_before == [0, 1, 2]
    assert [[job_id for job_id, _ in finished] for finished in worker.claims.finished] == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize("verb", ["fit", "predict", "score"])
def test_a_message_for_jobs_that_are_taken_has_no_effect(verb: Verb) -> None:
    """Nothing is done, nothing finished."""
    done: list[Work] = []
    worker = Worker(FakeClaims(), lambda asked: done.append(asked) or {})
    worker.claimed.run(verb, ["a", "b"])
    assert (done, worker.claims.finished) == ([], [])


@pytest.mark.parametrize("call", ["claim", "finish"])
@pytest.mark.parametrize("verb", ["fit", "predict"])
def test_the_ledger_may_be_away_for_a_while(verb: Verb, call: str) -> None:
    """It is asked again, and what was done isn't done again."""
    done: list[Work] = []
    worker = Worker(FakeClaims("a", verb=verb), lambda asked: done.append(asked) or {})
    worker.claims.fail[call] = [DOWN] * (CLAIM_TRIES - 1)
    worker.claimed.run(verb, ["a"])
    assert (len(done), len(worker.claims.finished)) == (1, 1)
    assert len(worker.pauses) == CLAIM_TRIES - 1


@pytest.mark.parametrize(("call", "tries"), [("claim", CLAIM_TRIES), ("finish", FINISH_TRIES)])
def test_patience_ends(call: str, tries: int) -> None:
    """For a job to claim sooner than for one that is done: another worker will find it."""
    worker = Worker(FakeClaims("a"))
    worker.claims.fail[call] = [DOWN] * 10_000
    with pytest.raises(LedgerUnavailable):
        worker.claimed.run("fit", ["a"])
    assert len(worker.pauses) == tries - 1


def test_progress_is_told_now_and_then() -> None:
    """However often a model reports, the ledger isn't bothered more than a few times a second."""

    def body(_: Work) -> dict[str, Any]:
        for step in range(10):
            report(step / 10)
            worker.clock.now += PROGRESS_S / 2
        return {}

    worker = Worker(FakeClaims("a"), body)
    worker.claimed.run("fit", ["a"])
    assert worker.claims.progressed == [0.2, 0.4, 0.6, 0.8]


@pytest.mark.parametrize("verb", ["fit", "predict"])
def test_a_step_of_another_kind_is_told_at_once(verb: Verb) -> None:
    """It may last; the next page of many is told now and then. What is out of bounds is brought into them."""

    def body(_: Work) -> dict[str, Any]:
        for page in range(1, 4):
            report(page / 10, f"page {page} of 3")
        report(7.0, "summary\n\x1b[31m")
        report(float("nan"), "x" * 1_000)
        return {}

    worker = Worker(FakeClaims("a", verb=verb), body)
    worker.claimed.run(verb, ["a"])
    assert worker.claims.steps == ["page 1 of 3", "summary [31m", "x" * 99 + "…"]
    assert worker.claims.progressed == [0.1, 1.0, 0.0]


def test_a_model_that_makes_up_steps_does_not_bother_the_ledger() -> None:
    def body(_: Work) -> dict[str, Any]:
        for number in range(1_000):
            report(0.5, f"step {chr(0x4E00 + number)}")
        return {}

    worker = Worker(FakeClaims("a"), body)
    worker.claimed.run("fit", ["a"])
    assert len(worker.claims.steps) == MAX_CHANGES


def test_progress_that_cannot_be_told_is_no_failure() -> None:
    """Nor does the fit wait for the ledger."""

    def body(_: Work) -> dict[str, Any]:
        worker.clock.now += PROGRESS_S
        report(0.5)
        return {}

    worker = Worker(FakeClaims("a"), body)
    worker.claims.fail["progress"] = [DOWN]
    worker.claimed.run("fit", ["a"])
    assert [outcome.failure for ((_, outcome),) in worker.claims.finished] == [None]
    assert worker.pauses == []


def test_a_fit_asks_before_it_publishes(tmp_path: Path) -> None:
    """Its version is there, and the ledger knew before."""
    trained = service(tmp_path)
    worker = Worker(FakeClaims("a"), trained)
    worker.claims.fail["commit"] = [DOWN] * 3
    worker.claimed.run("fit", ["a"])
    assert worker.claims.committed == ["a"]
    assert [outcome.version for ((_, outcome),) in worker.claims.finished] == [1]
    assert len(worker.pauses) == 3


def test_a_superseded_fit_publishes_nothing(tmp_path: Path) -> None:
    """It was cancelled, or another worker has it: its version must not appear."""
    trained = service(tmp_path)
    worker = Worker(FakeClaims("a"), trained)
    worker.claims.fail["commit"] = [Superseded("the job was cancelled, or given to another worker")]
    worker.claimed.run("fit", ["a"])
    ((_, outcome),) = worker.claims.finished[0]
    assert outcome.failure is not None
    assert outcome.failure.kind == "superseded"
    assert trained.store.versions("mean") == []
    assert list(tmp_path.rglob("manifest.json")) == []


def test_predictions_and_scores_ask_nobody() -> None:
    """They make nothing visible."""
    for verb in ("predict", "score"):
        worker = Worker(FakeClaims("a", verb=cast("Verb", verb)))
        worker.claimed.run(cast("Verb", verb), ["a"])
        assert worker.claims.committed == []


def test_a_model_that_raises_fails_its_own_job_alone() -> None:
    """Its neighbours are done."""

    def body(asked: Work) -> dict[str, Any]:
        if asked is bad:
            raise ZeroDivisionError
        return {}

    worker = Worker(FakeClaims("a", "b", "c", verb="score"), body)
    bad = worker.claims.waiting["b"]
    worker.claimed.run("score", ["a", "b", "c"])
    failed = [job_id for ((job_id, outcome),) in worker.claims.finished if outcome.failure is not None]
    assert (failed, len(worker.claims.finished)) == (["b"], 3)


def test_a_cancelled_job_ends_and_the_others_of_its_message_go_on() -> None:
    """What waits for long asks whether its job is still wanted; a ledger that is away ends nothing."""

    def body(_: Work) -> dict[str, Any]:
        check_wanted()
        return {}

    worker = Worker(FakeClaims("a", "b", "c", verb="predict"), body)
    worker.claims.cancelled, worker.claims.fail = {"b"}, {"check": [DOWN]}
    worker.claimed.run("predict", ["a", "b", "c"])
    ends = {job_id: outcome.failure for finished in worker.claims.finished for job_id, outcome in finished}
    assert {job_id: failure and failure.kind for job_id, failure in ends.items()} == {
        "a": None,
        "b": Superseded.kind,
        "c": None,
    }


def test_what_is_told_of_a_job_is_what_the_ledger_has() -> None:
    """A result that could not be kept is a failure in the log, too."""
    worker = Worker(FakeClaims("a", "b", verb="fit"))
    worker.claims.unkept["a"] = full = Unavailable("no space is left").failure()
    worker.claimed.run("fit", ["a", "b"])
    assert [(ended.claim.job_id, ended.outcome.failure) for ended in worker.finished] == [("a", full), ("b", None)]
