"""Data in arrays, lists and data frames: conversion to numbers, and refusals with the column's name."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from app.client.dataframes import to_rows, to_rows_and_targets

DAYS = pd.to_datetime(["2020-01-01", "2020-01-02"])
DATES = [dt.date(2020, 1, 1), dt.date(2020, 1, 2)]
SPANS = [dt.timedelta(days=1), dt.timedelta(days=2)]
NUMBERS = [1.0, 2.0]


@pytest.mark.parametrize("kind", ["Int64", "Float64", "boolean"])
def test_missing_values_of_pandas(kind: str) -> None:
    """They are NaN as in scikit-learn's message, with the column; without any, the columns are numbers."""
    whole = pd.DataFrame({"a": NUMBERS, "b": pd.array([1, 1], dtype=kind)})
    np.testing.assert_array_equal(to_rows(whole).X, [[1, 1], [2, 1]])
    with pytest.raises(ValueError, match=r"^Input X contains NaN"):
        to_rows(pd.DataFrame({"a": NUMBERS, "b": pd.array([1, None], dtype=kind)}))


def test_missing_values_are_reported_with_their_column() -> None:
    """In X and in y."""
    missing = pd.array([1, None], dtype="Int64")
    with pytest.raises(ValueError, match="Input X contains NaN: column 'b' has missing values"):
        to_rows(pd.DataFrame({"a": NUMBERS, "b": missing}))
    with pytest.raises(ValueError, match="Input y contains NaN: y has missing values"):
        to_rows_and_targets([[1.0], [2.0]], pd.Series(missing, dtype=object))


@pytest.mark.parametrize(
    ("frame", "held"),
    [
        (pd.DataFrame({"n": NUMBERS, "day": DAYS}), "datetimes"),
        (pd.DataFrame({"day": DAYS}), "datetimes"),
        (pd.DataFrame({"day": DAYS.tz_localize("UTC")}), "datetimes"),
        (pd.DataFrame({"n": NUMBERS, "day": pd.period_range("2020", periods=2, freq="D")}), "datetimes"),
        (pd.DataFrame({"n": NUMBERS, "day": pd.Series(DATES, dtype=object)}), "datetimes"),
        (pd.DataFrame({"day": pd.to_timedelta([1, 2], unit="D")}), "timedeltas"),
        (pd.DataFrame({"n": NUMBERS, "day": pd.Series(SPANS, dtype=object)}), "timedeltas"),
        (pl.DataFrame({"n": [1, 2], "day": DATES}), "datetimes"),
        (pl.DataFrame({"n": NUMBERS, "day": [dt.time(1), dt.time(2)]}), "datetimes"),
        (pl.DataFrame({"day": SPANS}), "timedeltas"),
    ],
)
def test_times_are_not_fitted_as_ticks(frame: Any, held: str) -> None:
    """In pandas and polars, alone or beside numbers, in X and in y."""
    with pytest.raises(ValueError, match=f"^column 'day' holds {held}; give numbers$"):
        to_rows(frame)
    with pytest.raises(ValueError, match=f"^y holds {held}; give numbers$"):
        to_rows_and_targets([[1.0], [2.0]], frame["day"])


def test_times_in_arrays_and_lists() -> None:
    """Without names the message has X or the position of the column."""
    with pytest.raises(ValueError, match=r"^X holds datetimes"):
        to_rows(DAYS.to_numpy().reshape(-1, 1))
    with pytest.raises(ValueError, match=r"^column 1 holds datetimes"):
        to_rows([[1.0, dt.datetime(2020, 1, 1, tzinfo=dt.UTC)]])


@pytest.mark.parametrize("columns", [["a", 1], pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])])
def test_names_that_would_be_lost_are_refused(columns: Any) -> None:
    """As scikit-learn does if only some names are strings."""
    with pytest.raises(TypeError, match="only supported if all input features have string names"):
        to_rows(pd.DataFrame([[1.0, 2.0]], columns=columns))


def test_numbers_are_not_names() -> None:
    """A data frame numbers its columns if they have no names."""
    assert to_rows(pd.DataFrame([[1.0, 2.0]])).names is None
    assert to_rows(pd.DataFrame([[1.0, 2.0]], columns=["a", "b"])).names == ["a", "b"]


def test_text_is_refused_by_the_name_of_its_column() -> None:
    with pytest.raises(ValueError, match="column 'b' holds text; give numbers"):
        to_rows(pd.DataFrame({"a": [1, 2], "b": ["1.5", "x"]}))
