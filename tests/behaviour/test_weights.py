"""Weights of rows at fit and score."""

import numpy as np
import pytest

from tests.support.api import Api, Json, pointers, problem

X = [[1.0], [2.0], [4.0], [7.0]]
Y = [1.0, 3.0, 2.0, 8.0]
WEIGHT = [1.0, 0.5, 0.0, 2.5]


def solved() -> tuple[list[float], float]:
    """Coefficients and weighted R², by numpy."""
    design, y, weight = np.column_stack((np.ones(4), np.array(X))), np.array(Y), np.array(WEIGHT)
    root = np.sqrt(weight)
    coefficients = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
    spread = weight @ (y - np.average(y, weights=weight)) ** 2
    return coefficients.tolist(), float(1 - weight @ (y - design @ coefficients) ** 2 / spread)


def fit_body(model: str = "multivariate", **members: object) -> Json:
    return {"model": model, "data": {"X": X, "y": Y, **members}}


def test_weights_beside_the_rows(api: Api) -> None:
    """`sample_weight` at fit and score."""
    coefficients, r2 = solved()
    fitted = api.result("fit", fit_body(sample_weight=WEIGHT))
    assert fitted["coefficients"] == pytest.approx(coefficients, rel=1e-12)
    assert fitted["metrics"]["r2"] == pytest.approx(r2, rel=1e-12)
    assert api.result("score", fit_body(sample_weight=WEIGHT))["r2"] == pytest.approx(r2, rel=1e-12)
    assert api.result("score", fit_body())["r2"] != pytest.approx(r2, rel=1e-3)


def test_a_column_of_weights(api: Api) -> None:
    """`weight` names it; it is no input."""
    coefficients, r2 = solved()
    named = [{"x": x, "w": w} for (x,), w in zip(X, WEIGHT, strict=True)]
    body: Json = {"model": "multivariate", "weight": "w", "data": {"X": named, "y": Y}}
    fitted = api.result("fit", body)
    assert fitted["terms"] == ["1", "x"]
    assert fitted["coefficients"] == pytest.approx(coefficients, rel=1e-12)
    assert api.result("score", body)["r2"] == pytest.approx(r2, rel=1e-12)


@pytest.mark.parametrize("verb", ["fit", "score"])
@pytest.mark.parametrize(
    ("weight", "pointer"),
    [
        ([1.0], "/data/sample_weight"),
        ([0, 0, 0, 0], "/data/sample_weight"),
        ([1, -1, 1, 1], "/data/sample_weight/1"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(api: Api, verb: str, weight: list[float], pointer: str) -> None:
    """Too few, all zero, negative."""
    api.result("fit", fit_body())
    refused = problem(api.post(verb, fit_body(sample_weight=weight)), 422)
    assert pointers(refused) == [pointer]


def test_a_model_that_takes_no_weights_says_so(api: Api) -> None:
    """Before the work begins, at the member that brought the weights."""
    column = {"model": "picky", "weight": "w", "data": {"X": [{"x": 0, "w": 1}], "y": [1]}}
    beside = {"model": "picky", "data": {"X": [[0]], "y": [1], "sample_weight": [2]}}
    for body, pointer in ((column, "/weight"), (beside, "/data/sample_weight")):
        found = problem(api.post("fit", body), 422)
        assert found["errors"][0] == {
            "pointer": pointer,
            "detail": "the model 'picky' takes no weights: its fit has no sample_weight",
        }
