"""Predictions and scores that contradict the fit are refused before there is a job."""

from typing import Any

import pytest

from tests.behaviour.test_verbs import PLANE
from tests.support.api import Api, Json, pointers, problem


@pytest.fixture(scope="module")
def version(api: Api) -> int:
    """A fit of `multivariate` on the named columns width and depth."""
    number = api.result("fit", {"model": "multivariate", "data": PLANE})["version"]
    assert isinstance(number, int)
    return number


BAD_DATA: dict[str, tuple[str, Json, str]] = {
    "a column too many": ("predict", {"X": [[1, 2, 3]]}, "/data/X"),
    "a column too few": ("predict", {"X": [[1]]}, "/data/X"),
    "another column's name": ("predict", {"X": [[1, 2]], "columns": ["width", "height"]}, "/data/columns"),
    "a name missing in a row": ("predict", {"X": [{"width": 1}]}, "/data/X/0"),
    "a name too many in a row": ("predict", {"X": [{"width": 1, "depth": 2, "height": 3}]}, "/data/X/0"),
    "another name in a row": ("predict", {"X": [{"width": 1, "height": 2}]}, "/data/X/0"),
    "a bad second row": ("predict", {"X": [{"width": 1, "depth": 2}, {"width": 1, "height": 2}]}, "/data/X/1"),
    "names in another case": ("predict", {"X": [{"Width": 1, "Depth": 2}]}, "/data/X/0"),
    "a string": ("predict", {"X": [{"width": 1, "depth": "2"}]}, "/data/X/0/depth"),
    "ragged": ("predict", {"X": [[1, 2], [1, 2, 3]]}, "/data/X/1"),
    "empty": ("predict", {"X": []}, "/data/X"),
    "1-D": ("predict", {"X": [1, 2]}, "/data/X/0"),
    "a source with other inputs": ("predict", {"source": "dummy", "params": {"inputs": 3}}, "/data"),
    "score without y": ("score", {"X": [[1, 2]]}, "/data/y"),
    "score with a short y": ("score", {"X": [[1, 2], [3, 4]], "y": [1]}, "/data/y"),
    "score with an output too many": ("score", {"X": [[1, 2], [3, 4]], "y": [[1, 2], [3, 4]]}, "/data/y"),
    "score with other columns": ("score", {"X": [[1, 2, 3]], "y": [1]}, "/data/X"),
    "score on a source with other inputs": ("score", {"source": "dummy", "params": {"inputs": 1}}, "/data"),
}


@pytest.mark.parametrize(("verb", "data", "pointer"), BAD_DATA.values(), ids=BAD_DATA.keys())
def test_data_of_another_shape(api: Api, version: int, no_job: None, verb: str, data: Json, pointer: str) -> None:
    """Another shape or other names than in the fit are a 422 with a pointer, and never a job."""
    document = problem(api.post(verb, {"model": "multivariate", "version": version, "data": data}), 422)
    assert document["errors"]
    assert all(found.startswith(pointer) for found in pointers(document)), document


VERSIONS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "never made": (999_999, (404,)),
    "zero": (0, (404, 422)),
    "negative": (-1, (404, 422)),
    "half": (1.5, (422,)),
    "true": (True, (422,)),
    "a list": ([1], (422,)),
    "10^30": (10**30, (404, 422)),
    "a number in quotes": ("1", (422,)),
    "an unknown alias": ("nope", (404,)),
    "no alias": ("", (404, 422)),
    "a path": ("../../../etc/passwd", (404, 422)),
    "a path within": ("../versions/1", (404, 422)),
    "dots": ("..", (404, 422)),
    "a NUL": ("la\0test", (404, 422)),
    "a long alias": ("x" * 10_000, (404, 422)),
    "an alias in another script": ("최신", (404, 422)),
}


@pytest.mark.parametrize(("wanted", "statuses"), VERSIONS.values(), ids=VERSIONS.keys())
@pytest.mark.parametrize("verb", ["predict", "score"])
def test_unknown_versions(
    api: Api, version: int, no_job: None, verb: str, wanted: Any, statuses: tuple[int, ...]
) -> None:
    """An unknown version or alias is a 404, an impossible one a 404 or 422, pointing to /version; never a job."""
    answer = api.post(
        verb, {"model": "multivariate", "version": wanted, "data": PLANE | ({} if verb == "score" else {"y": None})}
    )
    assert answer.status_code in statuses, answer.text
    assert pointers(problem(answer, answer.status_code)) == ["/version"]


@pytest.mark.parametrize("verb", ["predict", "score"])
@pytest.mark.parametrize("route", ["", "models/never-fitted/"])
@pytest.mark.parametrize("wanted", [None, "latest"])
def test_nothing_fitted_yet(api: Api, no_job: None, route: str, verb: str, wanted: str | None) -> None:
    """Predict and score before any fit are a 404 that says how to fit, and never a job."""
    body = {"version": wanted} | ({} if route else {"model": "never-fitted"})
    document = problem(api.post(f"{route}{verb}", body), 404)
    assert "fit" in document["detail"]
    assert "POST" in document["detail"]


def test_parameters_belong_to_the_fit(api: Api, version: int, no_job: None) -> None:
    """Predict takes no model parameters."""
    document = problem(api.post("predict", {"model": "multivariate", "params": {"fit_intercept": False}}), 422)
    assert pointers(document) == ["/params"]


def test_two_different_models(api: Api, no_job: None) -> None:
    """A model in the path and another in the body contradict each other."""
    problem(api.post("models/multivariate/fit", {"model": "polynomial"}), 422)
