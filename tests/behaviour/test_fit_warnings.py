"""What is doubtful in a fit is said in its result and kept with the version."""

import re
import warnings

import pytest

from app.client import Client
from tests.support.api import Api, Json
from tests.support.cli import run
from tests.support.servers import until

DEPENDENT: Json = {"model": "multivariate", "data": {"X": [[1, 3], [2, 5], [3, 7], [5, 11]], "y": [1, 2, 3, 5]}}
CONSTANT: Json = {"model": "multivariate", "data": {"X": [[1], [2], [4]], "y": [5, 5, 5]}}
FEW: Json = {"model": "polynomial", "data": {"X": [[1], [2], [4]], "y": [1, 2, 2]}}
SOUND: Json = {"model": "multivariate", "data": {"X": [[1], [2], [4]], "y": [1, 2, 2]}}


def version(api: Api, model: str) -> Json:
    return api.http.get(f"/models/{model}/versions/latest").json()


def test_redundant_terms_are_named(api: Api) -> None:
    """x2 is 2 x1 + 1."""
    fitted = api.result("fit", DEPENDENT)
    assert fitted["warnings"] == ["1 of 3 terms is redundant: x2"]
    metrics = fitted["metrics"]
    assert (metrics["rank"], metrics["terms"], metrics["condition"], metrics["r2"]) == (2, 3, None, pytest.approx(1))
    kept = version(api, "multivariate")
    assert (kept["warnings"], kept["metrics"]) == (fitted["warnings"], metrics)


def test_too_few_rows_are_said(api: Api) -> None:
    (warning,) = api.result("fit", FEW)["warnings"]
    assert warning.startswith("there are fewer rows than terms (3 and 4)")


def test_a_sound_fit_has_no_warning(api: Api) -> None:
    """Its condition is a number."""
    fitted = api.result("fit", SOUND)
    assert fitted["warnings"] == version(api, "multivariate")["warnings"] == []
    assert fitted["metrics"]["rank"] == fitted["metrics"]["terms"] == 2
    assert 1 <= fitted["metrics"]["condition"] < 10


def test_a_constant_target_is_met_exactly(api: Api) -> None:
    fitted = api.result("fit", CONSTANT)
    assert fitted["coefficients"] == [5.0, 0.0]
    assert (fitted["metrics"]["r2"], fitted["metrics"]["rmse"]) == (1.0, 0.0)
    assert api.result("predict", {"model": "multivariate", "data": {"X": [[3], [1e6]]}})["y"] == [5.0, 5.0]


def test_the_page_shows_the_warnings_of_a_version(api: Api) -> None:
    number = api.result("fit", DEPENDENT)["version"]
    page = api.http.get("/", params={"model": "multivariate", "version": number}, headers={"Accept": "text/html"}).text
    assert "1 of 3 terms is redundant: x2" in page
    assert "3 of rank 2" in page


ROWS = "x,y\n1,7654.25\n2,7654.25\n"
PLACE = re.compile(r"tests/support/models\.py:\d+: UserWarning")
SPOKEN = ["the mean 2.0 is all that is learned (3 times)", "RuntimeWarning: divide by zero encountered in log"]


def test_what_the_code_of_a_model_warns_of_is_kept(api: Api) -> None:
    """At every fit, also after predictions of it warned, and alike in each mode."""
    for _ in range(2):
        fitted = api.result("fit", {**SOUND, "model": "warner", "data": {"X": [[1], [2], [4]], "y": [1, 2, 3]}})
        assert fitted["warnings"] == version(api, "warner")["warnings"] == SPOKEN
        assert api.result("predict", {"model": "warner", "data": {"X": [[3]]}})["y"] == [2.0]
    assert api.result("fit", SOUND)["warnings"] == []


def test_the_words_of_a_model_are_shown_and_not_logged(api: Api) -> None:
    """They may quote data."""
    fitted = api.result("fit", {"model": "warner", "data": {"X": [[1], [2]], "y": [7654.25, 7654.25]}})
    spoken = fitted["warnings"][0]
    assert spoken == "the mean 7654.25 is all that is learned (2 times)"
    query = {"model": "warner", "version": fitted["version"]}
    assert spoken in api.http.get("/", params=query, headers={"Accept": "text/html"}).text
    with Client(str(api.http.base_url)) as client, warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        client.fit([[1.0], [2.0]], [7654.25, 7654.25], model="warner")
    assert [(str(each.message), each.category) for each in seen] == [(text, UserWarning) for text in fitted["warnings"]]
    ran = run("fit", "-", "--model", "warner", "--target", "y", "--server", api.http.base_url, stdin=ROWS)
    assert f"warning: {spoken}" in ran.err, ran
    data = {"X": [[3]], "y": [7654.25]}
    assert api.result("predict", {"model": "warner", "data": {"X": data["X"]}})["y"] == [7654.25]
    assert api.result("score", {"model": "warner", "data": data})["rmse"] == 0
    logs = [each.log.read_text(errors="replace") for each in api.servers]
    assert all("7654.25" not in log for log in logs)  # an id may hold 7654
    until(lambda: any(PLACE.search(each.log.read_text(errors="replace")) for each in api.servers), "a warning's place")
