"""Columns of every kind by way of the client, in every mode: what is learned, chosen, passed over and refused."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from app import client as trinity
from app.client import Client
from tests.support.api import Api, problem

CITIES = ["Bern", "Chur", "Bern", "Genf", "Genf", "Chur"]
SIZES = [1, 2, 3, 2, 5, 4]
NEW = [True, False, False, True, False, True]
RENT = [3.0, 2.5, 4.0, 6.5, 8.5, 5.5]
FLATS: dict[str, list[Any]] = {"city": CITIES, "size": SIZES, "new": NEW}
DESIGN = np.array([[1, c == "Chur", c == "Genf", s, n] for c, s, n in zip(CITIES, SIZES, NEW, strict=True)], float)
EXPECTED = np.linalg.lstsq(DESIGN, np.array(RENT), rcond=None)[0]
FRAMES: list[Any] = [pd.DataFrame, pl.DataFrame, dict]


@pytest.fixture
def client(api: Api) -> Iterator[Client]:
    with Client(str(api.http.base_url)) as client:
        yield client


@pytest.mark.parametrize("frame", FRAMES, ids=["pandas", "polars", "dict"])
def test_texts_and_truth_values_become_terms(client: Client, frame: Callable[..., Any]) -> None:
    """As numpy solves the one-hot columns; a frame in another order of columns predicts the same."""
    model = client.model("multivariate").fit(frame(FLATS), RENT)
    assert model.terms_ == ["1", "city=Chur", "city=Genf", "size", "new=true"]
    np.testing.assert_allclose(model.coefficients_, EXPECTED, rtol=1e-10)
    swapped = frame({name: FLATS[name] for name in ("new", "size", "city")})
    for found in (model.predict(swapped), client.predict(swapped, "multivariate", model.version_)):
        np.testing.assert_allclose(found, DESIGN @ EXPECTED, rtol=1e-10)


def test_categories_and_lists_are_as_texts(client: Client) -> None:
    """Categories of pandas, rows without names, and dicts are the same data."""
    frame = pd.DataFrame({**FLATS, "city": pd.Categorical(CITIES)})
    records = [dict(zip(FLATS, row, strict=True)) for row in zip(*FLATS.values(), strict=True)]
    lists = [list(record.values()) for record in records]
    for X in (frame, records, lists):
        model = client.model("multivariate").fit(X, RENT)
        np.testing.assert_allclose(model.coefficients_, EXPECTED, rtol=1e-10)


def test_a_fitted_estimator_shows_its_columns(client: Client) -> None:
    """As the version keeps them; print shows the parameters alone."""
    model = client.model("multivariate").fit(pd.DataFrame(FLATS), RENT)
    assert model.schema_ == client.version("multivariate", model.version_)["schema"]
    assert [column["kind"] for column in model.schema_["columns"]] == ["text", "integer", "boolean"]
    columns = "city (text: Bern, Chur, Genf), size (integer: 1 to 5), new (boolean: true or false) -> y"
    assert repr(model) == f"Multivariate(fit_intercept=True) version {model.version_}: {columns}"
    assert repr(client.fitted("multivariate", model.version_)) == repr(model)
    assert str(model) == "Multivariate(fit_intercept=True)"


def test_many_columns_are_shown_in_short(client: Client) -> None:
    columns = {f"c{i}": [i, i + 0.5] for i in range(12)} | {"c0": ["a" * 50, "b"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there are fewer rows than terms
        shown = repr(client.model("multivariate").fit(columns, [1, 2]))
    assert f"c0 (text: {'a' * 39}…, b), c1 (number: 1 to 1.5)" in shown
    assert "c9 (number: 9 to 9.5) and 2 more -> y" in shown


def test_columns_that_are_really_called_x1_and_x2(client: Client) -> None:
    """Whether the inputs had names is kept with the version; by y = 1 + 10·x1 - x2."""
    frame = pd.DataFrame({"x1": [1.0, 2, 3, 4], "x2": [2.0, 1, 5, 1]})
    model = client.model("multivariate").fit(frame, 1 + 10 * frame["x1"] - frame["x2"])
    swapped, fitted = frame[["x2", "x1"]], client.fitted("multivariate", model.version_)
    assert list(fitted.feature_names_in_) == list(model.feature_names_in_) == ["x1", "x2"]
    for found in (
        model.predict(swapped),
        fitted.predict(swapped),
        client.predict(swapped, "multivariate", model.version_),
    ):
        np.testing.assert_allclose(found, [9, 20, 26, 40], rtol=1e-12)
    unnamed = client.model("multivariate").fit(frame.to_numpy(), 1 + 10 * frame["x1"] - frame["x2"])
    assert not hasattr(client.fitted("multivariate", unnamed.version_), "feature_names_in_")


def test_versions_of_earlier_releases_have_names_that_are_not_those_of_columns_without(client: Client) -> None:
    """They kept the names alone."""
    version = client.model("multivariate").fit({"a": [1.0, 2, 3], "b": [2.0, 1, 5]}, [1, 2, 3]).version_
    manifest = client.version("multivariate", version)
    for inputs, named in ((["a", "b"], True), (["x1", "x2"], False)):
        manifest["schema"] = {"inputs": inputs, "outputs": ["y"], "vector": True}
        model = client.model("multivariate").load_manifest(manifest)
        assert hasattr(model, "feature_names_in_") == named
        assert f"{inputs[0]} (number)" in repr(model)


@pytest.mark.parametrize("choice", [{"inputs": ["size", "new"]}, {"inputs": [" size ", " new"]}, {"ignore": "city"}])
def test_columns_are_chosen_at_the_fit_and_passed_over_afterwards(client: Client, choice: dict[str, Any]) -> None:
    """Whatever they hold then; names that the fit's data did not have are refused."""
    model = client.model("multivariate").fit(pd.DataFrame(FLATS), RENT, **choice)
    expected = np.linalg.lstsq(DESIGN[:, [0, 3, 4]], np.array(RENT), rcond=None)[0]
    np.testing.assert_allclose(model.coefficients_, expected, rtol=1e-10)
    assert (model.n_features_in_, list(model.feature_names_in_)) == (2, ["size", "new"])
    odd = {**FLATS, "city": [object()] * 6}
    np.testing.assert_allclose(model.predict(odd), DESIGN[:, [0, 3, 4]] @ expected, rtol=1e-10)
    assert model.score(odd, RENT) == pytest.approx(model.metrics_["r2"], rel=1e-12)
    again = client.fit(FLATS, RENT, "multivariate", **choice)
    np.testing.assert_allclose(again["coefficients"], expected, rtol=1e-10)
    with pytest.raises(trinity.Invalid, match="unknown 'wide'"):
        model.predict({**FLATS, "wide": SIZES})


def test_columns_without_names_are_chosen_by_their_positions(client: Client) -> None:
    """They are x1, x2 …; afterwards X may have all columns, or those that were chosen."""
    X = np.array([[1.0, 9, 2], [2, 7, 1], [3, 8, 5], [4, 1, 1]])
    y = 1 + 10 * X[:, 0] - X[:, 2]
    model = client.model("multivariate").fit(X, y, ignore=["x2"])
    assert model.terms_ == ["1", "x1", "x3"]
    np.testing.assert_allclose(model.predict(X), y, rtol=1e-12)
    np.testing.assert_allclose(model.predict(X[:, [0, 2]]), y, rtol=1e-12)
    with pytest.raises(ValueError, match="X has 1 features"):
        model.predict(X[:, :1])


def test_a_choice_of_no_column_is_refused_with_a_pointer(client: Client) -> None:
    with pytest.raises(trinity.Invalid, match="no column 'nope'") as refused:
        client.model("multivariate").fit(FLATS, RENT, ignore=["size", "nope"])
    assert refused.value.pointers == ["/ignore/1"]


def test_all_columns_that_stand_in_the_way_are_named_at_once(client: Client) -> None:
    """Times, holes and unlike values; the service says what to do about each."""
    days = pd.to_datetime(["2020-01-01", "2020-01-02", None])
    frame = pd.DataFrame({"day": days, "hole": [1.0, None, 2], "odd": ["x", 1, "y"], "size": [1, 2, 4]})
    with pytest.raises(trinity.Invalid, match=r"^3 columns cannot be used\. row 0, column 'day'") as refused:
        client.model("multivariate").fit(frame, [1, 2, 3])
    assert refused.value.pointers == ["/data/X/0/0", "/data/X/1/1", "/data/X/1/2"]
    assert all(f"ignore={name}" in str(refused.value) for name in ("day", "hole"))


def test_what_the_fit_did_not_see_is_refused_by_its_place(client: Client) -> None:
    """In any block of many rows: the place is that in X."""
    model = client.model("multivariate").fit(FLATS, RENT)
    with pytest.raises(trinity.Invalid, match=r"row 1, column 'city': 'Ulm' was not among the texts of the fit"):
        model.predict({"city": ["Bern", "Ulm"], "size": [1, 2], "new": [True, False]})
    many = pd.DataFrame({"city": ["Bern"] * 150_000, "size": 1, "new": True})
    np.testing.assert_allclose(model.predict(many), np.full(150_000, EXPECTED[[0, 3, 4]].sum()), rtol=1e-10)
    many.loc[140_000, "city"] = "Ulm"
    with pytest.raises(trinity.Invalid, match=r"row 140000, column 'city': 'Ulm'") as refused:
        model.predict(many)
    assert refused.value.pointers == ["/data/X/140000/0"]


def test_missing_values_among_numbers_are_refused_by_their_place(client: Client) -> None:
    """Before anything is sent; a mask says what is missing."""
    named = pd.DataFrame(np.arange(200.0).reshape(5, 40), columns=[f"c{i}" for i in range(40)])
    named.iloc[3, 17] = np.nan
    masked = np.ma.masked_array([[1.0, 2], [3, 4], [5, 7], [999, 1]], mask=[[0, 0], [0, 0], [0, 0], [1, 0]])
    for X, column in ((named, "c17"), (masked, "x1")):
        with pytest.raises(ValueError, match=rf"^Input X contains NaN: row 3, column '{column}'"):
            client.model("multivariate").fit(X, range(len(X)))


def test_names_are_compared_before_widths(client: Client) -> None:
    model = client.model("multivariate").fit({"a": [1.0, 2, 3], "b": [2.0, 1, 5]}, [1, 2, 3])
    with pytest.raises(trinity.Invalid, match="unknown 'extra'"):
        model.predict({"a": [1.0], "b": [2.0], "extra": [0]})
    with pytest.raises(trinity.Invalid, match="missing 'b'"):
        model.predict({"a": [1.0]})


def test_what_the_service_warns_of_is_a_warning_of_python(client: Client) -> None:
    """At this line, for columns that depend on each other and for fewer rows than terms."""
    line = np.arange(5.0)
    with pytest.warns(UserWarning, match="1 of 3 terms is redundant: b") as redundant:
        client.model("multivariate").fit({"a": line, "b": 2 * line + 1}, line)
    with pytest.warns(UserWarning, match="fewer rows than terms .2 and 3.") as few:
        client.fit([[1.0, 2.0], [2.0, 1.0]], [1.0, 2.0], "multivariate")
    assert {warning.filename for warning in (*redundant, *few)} == {__file__}


def test_a_model_takes_missing_values_if_it_says_so(client: Client, api: Api) -> None:
    """Its own description says it; others refuse them."""
    assert api.http.get("/models/multivariate").json()["takes_missing"] is False
    assert api.http.get("/models/filling").json()["takes_missing"] is True
    model = client.model("filling").fit({"a": [1.0, None, 3]}, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(model.predict({"a": [np.nan, 5.0]}), [2.0, 5.0])
    problem(api.post("predict", {"model": "multivariate", "data": {"X": [[None]]}}), 422)
