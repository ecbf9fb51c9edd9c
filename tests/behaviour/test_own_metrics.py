"""Models that are judged by metrics of their own: fit, score, the version and the gate say these, in every mode."""

from itertools import count
from typing import Any

import pytest

from tests.support.api import Api, Json, pointers, problem

NUMBER = count(1)
ROWS = {"X": [[1], [2], [3], [10]], "y": [1, 2, 3, 14]}


@pytest.fixture
def name() -> str:
    """A name that no model has."""
    return f"own-metrics-{next(NUMBER)}"


def fitted(api: Api, name: str, factor: float, gate: Json | None = None) -> Any:
    promote = {} if gate is None else {"promote": {"on": ROWS, **gate}}
    body = {"estimator": "tolerant", "params": {"factor": factor}, "data": ROWS, **promote}
    return api.result(f"models/{name}/fit", body)


def test_fit_score_and_version_say_them(api: Api, name: str) -> None:
    """With the number of rows; what is undefined is null."""
    said = {"met": 0.75, "worst": 4.0, "odd": None, "n": 4}
    assert fitted(api, name, 1)["metrics"] == said
    assert api.result("score", {"model": name, "data": ROWS}) == said
    assert api.http.get(f"/models/{name}/versions/1").json()["metrics"] == said


def test_rows_count_by_their_weights(api: Api, name: str) -> None:
    """As the class itself makes of them."""
    fitted(api, name, 1)
    data = {**ROWS, "sample_weight": [1, 1, 1, 0]}
    assert api.result("score", {"model": name, "data": data})["met"] == 1


def test_the_gate_compares_by_them(api: Api, name: str) -> None:
    """By the first that the class names, or by another, whose lower values may be the better ones."""
    first = fitted(api, name, 1.0, {})["promotion"]
    assert (first["promoted"], first["metric"], first["score"]) == (True, "met", 0.75)
    worse = fitted(api, name, 1.4, {})["promotion"]
    assert (worse["promoted"], worse["champion_score"]) == (False, 0.75)
    lower = fitted(api, name, 1.4, {"metric": "worst"})["promotion"]
    assert (lower["promoted"], lower["score"], lower["champion_score"]) == (True, pytest.approx(1.2), 4.0)
    undefined = fitted(api, name, 1.0, {"metric": "odd"})["promotion"]
    assert not undefined["promoted"] and "not defined" in undefined["detail"]


def test_other_metrics_are_refused(api: Api) -> None:
    """With the names of those that there are."""
    body = {"model": "tolerant", "data": ROWS, "promote": {"on": ROWS, "metric": "r2"}}
    found = problem(api.post("fit", body), 422)
    assert pointers(found) == ["/promote/metric"] and "met, worst, odd" in str(found)


def test_a_score_that_is_no_dict_is_the_model_s_fault(api: Api, name: str) -> None:
    """And publishes nothing."""
    rows = {"X": [[1]] * 13, "y": [1] * 13}
    answer = api.post(f"models/{name}/fit", {"estimator": "tolerant", "data": rows})
    error = api.finished(answer)["error"] if api.queued else answer.json()
    assert error["type"].endswith("model-failed") and "score returned no dict of numbers" in error["detail"]
    assert api.http.get(f"/models/{name}").status_code == 404
