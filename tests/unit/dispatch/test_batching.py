"""execute_batch: predictions of one version are done at once, bit by bit as alone, and none fails by another."""

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from app.data.dummy import Dummy
from app.data.records import TableRecords
from app.dispatch.batching import JobWork, execute_batch
from app.dispatch.execute import execute
from app.errors import Failure, TrinityError
from app.model.base import Array
from app.model.models import MultivariateRegressor, PolynomialRegressor
from app.model.own_estimators import OwnEstimator
from app.schemas.jobs import Outcome
from app.schemas.requests import Request, Source, Work
from app.schemas.tables import Table
from app.schemas.verbs import Verb
from app.service import Service
from app.service.row_work import MAX_BATCH_VALUES
from app.storage.model_store import Store
from tests.support.fakes import Clock, Mean

FAR = 1e300  # a quadratic of it is beyond float64
BUG, BUG_ROWS = 13.0, 26  # a value, and a number of rows, that `Counting` has a bug for


class Counting(Mean):
    """Remembers how many rows came at once, and has bugs."""

    name = "counting"
    batchable = True
    calls: ClassVar[list[int]] = []

    def predict(self, X: Any) -> Array:
        self.calls.append(len(X))
        if len(X) == BUG_ROWS or np.any(X == BUG):
            raise KeyError("a bug")
        return super().predict(X)


class Relative(Mean):
    """Predicts how far each row lies from the mean of those around it: its rows don't stand alone."""

    name = "relative"

    def predict(self, X: Any) -> Array:
        return np.asarray(X[:, 0] - X[:, 0].mean())


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Versions 1, 2, … of every model, those of the real ones of several widths and numbers of outputs."""
    models = {
        kind.name: OwnEstimator(kind) for kind in (PolynomialRegressor, MultivariateRegressor, Counting, Relative)
    }
    limits = {"max_design_bytes": 2**24, "max_answer_bytes": 2**24, "max_loaded_bytes": 2**24}
    made = Service(models, "counting", Store(tmp_path), {"dummy": Dummy}, **limits)
    rng = np.random.default_rng(1)

    def fit(model: str, inputs: int, outputs: int | None, **params: Any) -> None:
        y = rng.normal(size=300 if outputs is None else (300, outputs))
        data = TableRecords(Table(rng.normal(2, 3, (300, inputs)), y))
        asked = made.check("fit", Request(model, params=params, data=data))
        made.run(asked, f"{model}-{inputs}-{outputs}", 0.0)

    for inputs, outputs in ((1, None), (1, 1), (3, 4), (12, None)):
        fit("polynomial", inputs, outputs, degree=2)
        fit("multivariate", inputs, outputs, fit_intercept=inputs != 3)
    fit("counting", 1, None)
    fit("relative", 1, None)
    Counting.calls.clear()
    yield made
    Counting.calls.clear()


def rows(count: int, inputs: int = 1, scale: float = 1.0, seed: int = 0) -> Table:
    """Rows of random numbers, and y for those who want it."""
    rng = np.random.default_rng((seed, count, inputs))
    return Table(scale * rng.normal(2, 3, (count, inputs)), rng.normal(size=count))


def work(count: int, model: str = "counting", verb: Verb = "predict") -> Work:
    """Work on so many rows of one column."""
    return Work(verb, model, 1, {}, rows(count))


def together(service: Service, works: Sequence[Work]) -> list[Outcome]:
    """Their outcomes, which are the same as when each is done alone, in the same order."""
    named = [JobWork(f"job{place}", work) for place, work in enumerate(works)]
    outcomes = in_order(execute_batch(service, named, Clock()))
    called = len(Counting.calls)
    assert outcomes == [execute(service, work, job_id, Clock()) for job_id, work, *_ in named]
    del Counting.calls[called:]
    return outcomes


def in_order(stacks: Iterable[list[tuple[int, Outcome]]]) -> list[Outcome]:
    """The outcomes of all places, of which each ends once."""
    ended = [one for stack in stacks for one in stack]
    assert sorted(place for place, _ in ended) == list(range(len(ended)))
    return [outcome for _, outcome in sorted(ended, key=lambda one: one[0])]


def kind(outcome: Outcome) -> str | None:
    """The kind of the failure, if it is one."""
    return outcome.failure and outcome.failure.kind


def test_results_are_the_same_to_the_last_bit(service: Service) -> None:
    """1 to 50 rows for every version of the real models, mixed: JSON's shortest decimals tell every bit apart."""
    rng = np.random.default_rng(2)
    works = [
        service.check(
            "predict", Request(model, version, data=TableRecords(rows(count, inputs, 10.0 ** rng.integers(-3, 4), n)))
        )
        for n in range(4)
        for model in ("polynomial", "multivariate")
        for version, inputs in enumerate((1, 1, 3, 12), 1)
        for count in (1, *rng.integers(1, 51, 3), 50)
    ]
    rng.shuffle(works)  # type: ignore[arg-type]
    assert {kind(outcome) for outcome in together(service, works)} == {None}


def test_predictions_of_one_version_are_done_at_once(service: Service) -> None:
    """One call for all of them, whatever stands between them; they share their times."""
    clock = Clock()
    works = [("a", work(1)), ("b", work(2, "relative")), ("c", work(3)), ("d", work(4, verb="score")), ("e", work(5))]
    outcomes = in_order(execute_batch(service, [JobWork(*each) for each in works], clock))
    assert sorted(Counting.calls) == [4, 9]
    assert {(one.started_s, one.finished_s, one.version, kind(one)) for one in outcomes} == {(1000, 1000, 1, None)}


def test_all_kinds_of_work_may_come_together(service: Service) -> None:
    """Scores, sources, versions that aren't there and models that are gone: each has the outcome it has alone."""
    source = Work("predict", "counting", 1, {}, Source("dummy", {"number": 3, "inputs": 1}))
    gone = [Work("predict", model, 7, {}, rows(1)) for model in ("counting", "counting", "no-model", "no-model")]
    outcomes = together(service, [source, work(2), *gone, work(2, verb="score"), work(2), source])
    assert [kind(one) for one in outcomes] == [None, None, *["not-found"] * 4, None, None, None]


def test_nothing_is_nothing(service: Service) -> None:
    """No works have no outcomes."""
    assert list(execute_batch(service, [])) == []


def test_rows_that_do_not_stand_alone_are_not_stacked(service: Service) -> None:
    """A model that says nothing of its rows is called for each work."""
    together(service, [work(2, "relative"), work(3, "relative")])


@pytest.mark.parametrize(("pace_s", "stacks"), [(0.0, [[0, 1, 2, 3]]), (1.0, [[0], [1], [2], [3]])])
def test_what_is_done_one_by_one_is_told_at_once(service: Service, pace_s: float, stacks: list[list[int]]) -> None:
    """Results that take a moment are given together, and those that take longer each as it ends."""
    clock = Clock()
    named = [JobWork(str(place), work(2, "relative")) for place in range(4)]
    ended = execute_batch(service, named, lambda: clock.tick(pace_s))
    assert [[place for place, _ in stack] for stack in ended] == stacks


def test_a_bad_job_fails_alone(service: Service) -> None:
    """A row whose prediction is beyond float64 is its own job's failure, and its neighbours have their results."""
    far = Work("predict", "polynomial", 1, {}, Table(np.array([[FAR]])))
    outcomes = together(service, [work(1, "polynomial"), far, work(9, "polynomial")])
    assert [kind(one) for one in outcomes] == [None, "invalid", None]


def test_a_job_of_another_width_fails_alone(service: Service) -> None:
    """What can't be stacked isn't."""
    outcomes = together(service, [work(1, "polynomial"), Work("predict", "polynomial", 1, {}, rows(1, 2))])
    assert [kind(one) for one in outcomes] == [None, "invalid"]


def test_a_stack_that_fails_is_done_again_one_by_one(service: Service) -> None:
    """A bug that only the stack meets is nobody's failure, one that a job meets alone is that job's."""
    assert [kind(one) for one in together(service, [work(12), work(14)])] == [None, None]
    assert Counting.calls == [26, 12, 14]
    bug = Work("predict", "counting", 1, {}, Table(np.array([[BUG]])))
    assert [kind(one) for one in together(service, [bug, work(1)])] == ["model-failed", None]


@pytest.mark.parametrize("count", [2, 3, 100, 128, 129])
def test_one_bad_row_is_found_by_halving(service: Service, count: int) -> None:
    """Wherever it stands, the bad work of n is found in at most 2·log2(n) + 2 calls, and all others succeed."""
    for place in {0, 1, count // 3, count // 2, count - 2, count - 1}:
        Counting.calls.clear()
        works = [Work("predict", "counting", 1, {}, Table(np.array([[float(-n)]]))) for n in range(count)]
        works[place] = Work("predict", "counting", 1, {}, Table(np.array([[BUG]])))
        outcomes = in_order(execute_batch(service, [JobWork(str(n), one) for n, one in enumerate(works)]))
        assert [kind(one) for one in outcomes] == ["model-failed" if n == place else None for n in range(count)]
        assert len(Counting.calls) <= 2 * math.log2(count) + 2


def test_several_bad_rows_fail_alone(service: Service) -> None:
    """However many are bad, each other work has its result."""
    bad = {3, 4, 17, 40, 63}
    works = [Work("predict", "counting", 1, {}, Table(np.array([[BUG if n in bad else float(-n)]]))) for n in range(64)]
    outcomes = in_order(execute_batch(service, [JobWork(str(n), one) for n, one in enumerate(works)]))
    assert {n for n, one in enumerate(outcomes) if kind(one)} == bad


def test_a_high_stack_is_cut(service: Service) -> None:
    """No more rows are predicted at once than the limit allows; what has more on its own stands alone."""
    half, limit = MAX_BATCH_VALUES // 2, MAX_BATCH_VALUES
    asked = [Work("predict", "counting", 1, {}, Table(np.zeros((n, 1)))) for n in (half, half, 1, limit + 1, 2, 3)]
    stacks = execute_batch(service, [JobWork(str(place), one) for place, one in enumerate(asked)])
    assert [[place for place, _ in stack] for stack in stacks] == [[0, 1], [2], [3], [4, 5]]
    assert Counting.calls == [limit, 1, limit + 1, 5]


def test_a_stack_takes_no_more_memory_than_a_request_may(tmp_path: Path) -> None:
    """Stacks are kept within what may be predicted without a closer look, here 20 rows."""
    limits = {"max_answer_bytes": 2**24, "max_loaded_bytes": 2**24}
    small = Service(
        {"counting": OwnEstimator(Counting)}, "counting", Store(tmp_path), {}, max_design_bytes=20 * 24, **limits
    )
    small.run(small.check("fit", Request(data=TableRecords(rows(2)))), "job", 0.0)
    Counting.calls.clear()
    assert small.max_batch_rows(work(1)) == 20
    assert len(list(execute_batch(small, [JobWork(str(n), work(9)) for n in range(3)]))) == 2
    assert Counting.calls == [18, 9]


def test_predict_together_raises_as_run_does(service: Service) -> None:
    """The service itself leaves it to its caller to find out who is at fault."""
    far = Work("predict", "polynomial", 1, {}, Table(np.array([[FAR]])))
    caught: list[Failure] = []
    for call in (lambda: service.run(far, "job", 0.0), lambda: service.predict_batch([work(1, "polynomial"), far])):
        with pytest.raises(TrinityError) as error:
            call()
        caught.append(error.value.failure())
    assert caught[0] == caught[1]
