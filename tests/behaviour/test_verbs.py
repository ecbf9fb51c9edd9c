"""The verbs fit, predict and score, on numbers in the request and on the dummy source."""

import pytest

from tests.support.api import Api, Json

LINE: Json = {"X": [[0.0], [1.0], [2.0], [3.0]], "y": [1.0, 3.0, 5.0, 7.0]}
PLANE: Json = {"X": [[0, 0], [1, 0], [0, 1], [1, 1], [2, 3], [3, 1]], "columns": ["width", "depth"]}
PLANE["y"] = [5 + 2 * width - 3 * depth for width, depth in PLANE["X"]]


def test_ping(api: Api) -> None:
    """GET /ping answers pong."""
    answer = api.http.get("/ping")
    assert (answer.status_code, answer.json()) == (200, {"ping": "pong"})


def test_health(api: Api) -> None:
    """Live and ready answer 200, and ready names its parts."""
    assert api.http.get("/health/live").status_code == 200
    ready = api.http.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json()["status"] == "ready"
    assert ready.json()["parts"]["store"] == "ok"
    assert ("ledger" in ready.json()["parts"]) is api.queued


def test_index(api: Api) -> None:
    """GET / lists every route with an example, and the mode."""
    index = api.http.get("/").json()
    assert index["name"] == "trinity"
    assert index["mode"] == ("async" if api.queued else "sync")
    assert all(set(route) >= {"method", "path", "description", "example"} for route in index["routes"])
    listed = {(route["method"], route["path"]) for route in index["routes"]}
    assert {("GET", "/ping"), ("POST", "/fit"), ("POST", "/predict"), ("POST", "/score"), ("GET", "/models")} <= listed


def test_empty_bodies(api: Api) -> None:
    """The first three calls need no body: the default model on the dummy source."""
    fitted = api.call("fit")
    assert (fitted["model"], fitted["status"]) == ("polynomial", "SUCCESS")
    assert fitted["result"]["terms"] == ["1", "x", "x^2", "x^3"]
    assert fitted["result"]["metrics"]["n"] == 50
    assert len(api.result("predict")["y"]) == 50
    assert api.result("score")["n"] == 50


def test_empty_object(api: Api) -> None:
    """An empty JSON object means the same as no body."""
    assert api.result("predict", {}) == api.result("predict")


def test_fit_finds_the_line(api: Api) -> None:
    """Fit on numbers in the request gives terms, coefficients, metrics and a version."""
    result = api.result("fit", {"model": "multivariate", "data": LINE})
    assert set(result) >= {"version", "terms", "coefficients", "metrics"}
    assert result["terms"] == ["1", "x"]
    assert result["coefficients"] == pytest.approx([1, 2], abs=1e-12)
    assert result["metrics"]["r2"] == pytest.approx(1)
    assert result["metrics"]["rmse"] == pytest.approx(0, abs=1e-12)
    assert result["metrics"]["mae"] == pytest.approx(0, abs=1e-12)
    assert result["metrics"]["n"] == 4


def test_predict_follows_the_line(api: Api) -> None:
    """Predict returns one y per row, from the latest fit."""
    api.result("fit", {"model": "multivariate", "data": LINE})
    result = api.result("predict", {"model": "multivariate", "data": {"X": [[10], [-1], [0.5]]}})
    assert set(result) == {"y"}
    assert result["y"] == pytest.approx([21, -1, 2], abs=1e-12)


def test_score_measures(api: Api) -> None:
    """Score returns r2, rmse, mae and n of the predictions against the given y."""
    api.result("fit", {"model": "multivariate", "data": LINE})
    result = api.result("score", {"model": "multivariate", "data": {"X": LINE["X"], "y": [2, 2, 6, 6]}})
    assert result == pytest.approx({"r2": 1 - 4 / 16, "rmse": 1, "mae": 1, "n": 4})


def test_dummy_source(api: Api) -> None:
    """The dummy source takes number, noise, seed, inputs and function; a fit recovers the function."""
    source = {"source": "dummy", "params": {"number": 200, "noise": 0, "seed": 7, "inputs": 1, "function": [1, 0, 4]}}
    result = api.result("fit", {"params": {"degree": 2}, "data": source})
    assert result["metrics"]["n"] == 200
    assert result["coefficients"] == pytest.approx([1, 0, 4], abs=1e-12)


def test_dummy_default_function(api: Api) -> None:
    """Without noise the default is 3 + 0.4x - 3x² + 2x³."""
    result = api.result("fit", {"data": {"source": "dummy", "params": {"noise": 0}}})
    assert result["coefficients"] == pytest.approx([3, 0.4, -3, 2], abs=1e-12)


def test_dummy_is_seeded(api: Api) -> None:
    """The same request gives the same data, another seed gives other data."""
    first, again = (api.result("fit", {"data": {"source": "dummy"}})["coefficients"] for _ in "ab")
    other = api.result("fit", {"data": {"source": "dummy", "params": {"seed": 1}}})["coefficients"]
    assert first == again
    assert first != other


def test_dummy_of_several_inputs(api: Api) -> None:
    """The dummy source makes the requested number of inputs."""
    source = {"source": "dummy", "params": {"inputs": 3, "number": 100}}
    result = api.result("fit", {"model": "multivariate", "data": source})
    assert result["terms"] == ["1", "x1", "x2", "x3"]


@pytest.mark.parametrize("verb", ["fit", "predict", "score"])
def test_named_route(api: Api, verb: str) -> None:
    """/models/{name}/verb is the verb on that model."""
    api.result("fit", {"model": "multivariate", "data": LINE})
    data = LINE if verb != "predict" else {"X": LINE["X"]}
    assert api.call(f"models/multivariate/{verb}", {"data": data})["model"] == "multivariate"


def test_parameters_shape_the_model(api: Api) -> None:
    """Degree, interactions and fit_intercept decide the terms, ordered by degree and then by input."""
    data = {"source": "dummy", "params": {"inputs": 2}}
    full = api.result("fit", {"params": {"degree": 2}, "data": data})
    assert full["terms"] == ["1", "x1", "x2", "x1^2", "x1 x2", "x2^2"]
    pure = api.result("fit", {"params": {"degree": 2, "interactions": False, "fit_intercept": False}, "data": data})
    assert pure["terms"] == ["x1", "x2", "x1^2", "x2^2"]


def test_three_inputs_and_their_products(api: Api) -> None:
    """A polynomial fit of three inputs recovers products and powers."""
    rows = [[a, b, c] for a in (-1, 0, 2, 3) for b in (-2, 0, 1, 4) for c in (-1, 0, 1, 3)]
    y = [1 + 2 * a * b - c**2 + 0.5 * a**2 * b for a, b, c in rows]
    result = api.result("fit", {"params": {"degree": 3}, "data": {"X": rows, "y": y}})
    found = dict(zip(result["terms"], result["coefficients"], strict=True))
    expected = dict.fromkeys(found, 0.0) | {"1": 1, "x1 x2": 2, "x3^2": -1, "x1^2 x2": 0.5}
    assert len(found) == 20
    assert found == pytest.approx(expected, abs=1e-10)


def test_several_outputs(api: Api) -> None:
    """y of n×k gives k coefficients per term and k numbers per prediction."""
    data = {"X": LINE["X"], "y": [[y, -10 * y] for y in LINE["y"]]}
    fitted = api.result("fit", {"model": "multivariate", "data": data})
    assert [len(pair) for pair in fitted["coefficients"]] == [2, 2]
    assert [each for pair in fitted["coefficients"] for each in pair] == pytest.approx([1, -10, 2, -20], abs=1e-11)
    body = {"model": "multivariate", "version": fitted["version"], "data": {"X": [[4]]}}
    assert api.result("predict", body)["y"] == [pytest.approx([9, -90])]
    score = api.result("score", {"model": "multivariate", "version": fitted["version"], "data": data})
    assert (score["r2"], score["n"]) == (pytest.approx(1), 4)


def test_one_output_in_a_column(api: Api) -> None:
    """y of n×1 stays n×1 in the predictions."""
    data = {"X": LINE["X"], "y": [[y] for y in LINE["y"]]}
    version = api.result("fit", {"model": "multivariate", "data": data})["version"]
    body = {"model": "multivariate", "version": version, "data": {"X": [[4]]}}
    assert api.result("predict", body)["y"] == [pytest.approx([9])]


def test_names_are_kept(api: Api) -> None:
    """Column names of the fit become names of the terms."""
    result = api.result("fit", {"model": "multivariate", "data": PLANE})
    assert result["terms"] == ["1", "width", "depth"]
    assert result["coefficients"] == pytest.approx([5, 2, -3], abs=1e-12)


def test_named_rows_in_any_order(api: Api) -> None:
    """After a fit on named columns, rows may be objects with their members in any order."""
    version = api.result("fit", {"model": "multivariate", "data": PLANE})["version"]
    rows = [{"width": 1, "depth": 2}, {"depth": 2, "width": 1}]
    body = {"model": "multivariate", "version": version, "data": {"X": rows}}
    assert api.result("predict", body)["y"] == pytest.approx([1, 1])


def test_columns_in_another_order(api: Api) -> None:
    """Named columns of a predict are matched by name, not by position."""
    version = api.result("fit", {"model": "multivariate", "data": PLANE})["version"]
    data = {"X": [[2, 1]], "columns": ["depth", "width"]}
    assert api.result("predict", {"model": "multivariate", "version": version, "data": data})["y"] == pytest.approx([1])


def test_fit_on_named_rows(api: Api) -> None:
    """Rows that are objects name the columns of a fit."""
    rows = [dict(zip(PLANE["columns"], row, strict=True)) for row in PLANE["X"]]
    rows[1] = dict(reversed(rows[1].items()))
    result = api.result("fit", {"model": "multivariate", "data": {"X": rows, "y": PLANE["y"]}})
    found = dict(zip(result["terms"], result["coefficients"], strict=True))
    assert found == pytest.approx({"1": 5, "width": 2, "depth": -3}, abs=1e-12)


def test_large_and_small_bodies_agree(api: Api) -> None:
    """20,000 rows in one request are predicted as each row alone would be."""
    version = api.result("fit", {"model": "multivariate", "data": LINE})["version"]
    body = {"model": "multivariate", "version": version, "data": {"X": [[row / 7] for row in range(20_000)]}}
    predicted = api.result("predict", body)["y"]
    assert predicted == pytest.approx([1 + 2 * row / 7 for row in range(20_000)])
