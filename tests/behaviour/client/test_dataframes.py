"""Data in arrays, lists, dicts and data frames: what is sent of it, and refusals with the column's name."""

import datetime as dt
import decimal
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from app.client.dataframes import ColumnChoice, check_not_missing, to_rows, to_rows_and_targets, to_targets

NAN = float("nan")
DATES = [dt.date(2020, 1, 1), dt.date(2020, 1, 2)]
SPANS = [dt.timedelta(days=1), dt.timedelta(days=2)]
NUMBERS = [1.0, 2.0]
EAST = dt.timezone(dt.timedelta(hours=2))


def cells(X: Any) -> list[Any]:
    """The first column as it is sent; NaN, which JSON shows as null, as None."""
    return [None if value != value else value for value in to_rows(X).X[:, 0].tolist()]  # noqa: PLR0124  NaN


CELLS: dict[str, tuple[Any, list[Any]]] = {
    "pandas text": (pd.Series(["a", None]), ["a", None]),
    "pandas objects": (pd.Series(["a", NAN], dtype=object), ["a", None]),
    "pandas string[pyarrow]": (pd.Series(["a", pd.NA], dtype="string[pyarrow]"), ["a", None]),
    "pandas categories": (pd.Series(pd.Categorical(["a", None])), ["a", None]),
    "pandas categories of numbers": (pd.Series(pd.Categorical([3, None])), [3.0, None]),
    "pandas truth values": (pd.Series([True, False]), [True, False]),
    "pandas nullable truth values": (pd.Series([True, None], dtype="boolean"), [True, None]),
    "pandas nullable integers": (pd.Series([7, None], dtype="Int64"), [7.0, None]),
    "pandas nullable floats": (pd.Series([7.5, None], dtype="Float64"), [7.5, None]),
    "pandas integers of arrow": (pd.Series([7, None], dtype="int64[pyarrow]"), [7.0, None]),
    "pandas datetimes": (
        pd.Series(pd.to_datetime(["2020-01-02T03:04:05.5", None])),
        ["2020-01-02T03:04:05.500000Z", None],
    ),
    "pandas datetimes of a zone": (
        pd.Series(pd.to_datetime(["2020-01-02T03:04:05+02:00", None])),
        ["2020-01-02T01:04:05Z", None],
    ),
    "pandas dates": (pd.Series([DATES[0], None], dtype=object), ["2020-01-01", None]),
    "pandas dates of arrow": (pd.Series([DATES[0], None], dtype="date32[pyarrow]"), ["2020-01-01", None]),
    "pandas sparse": (pd.Series(pd.arrays.SparseArray([1.0, 0.0])), [1.0, 0.0]),
    "polars text": (pl.Series(["a", None]), ["a", None]),
    "polars categories": (pl.Series(["a", None], dtype=pl.Categorical), ["a", None]),
    "polars enum": (pl.Series(["a", None], dtype=pl.Enum(["a"])), ["a", None]),
    "polars truth values": (pl.Series([True, None]), [True, None]),
    "polars integers": (pl.Series([7, None]), [7.0, None]),
    "polars decimals": (pl.Series([decimal.Decimal("1.5"), None]), [1.5, None]),
    "polars dates": (pl.Series([DATES[0], None]), ["2020-01-01", None]),
    "polars datetimes of a zone": (
        pl.Series([dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=EAST), None]),
        ["2020-01-02T01:04:05.000000Z", None],
    ),
    "polars nothing": (pl.Series([None, None]), [None, None]),
    "arrow text": (pa.chunked_array([["a", None]]), ["a", None]),
    "arrow truth values": (pa.chunked_array([[True, None]]), [True, None]),
    "arrow numbers": (pa.chunked_array([[1, None]]), [1.0, None]),
    "a list of mixed values": (["a", np.str_("b"), None], ["a", "b", None]),
    "a list of numpy's values": ([np.float32(0.5), np.int64(2), decimal.Decimal(3)], [0.5, 2.0, 3.0]),
    "a list of truth values": ([True, np.bool_(0), None], [True, False, None]),
    "a list of times": (
        [dt.datetime(2020, 1, 2, 3, tzinfo=EAST), dt.datetime(2020, 1, 2), np.datetime64("2020-01-02"), pd.NaT],  # noqa: DTZ001
        ["2020-01-02T01:00:00Z", "2020-01-02T00:00:00Z", "2020-01-02", None],
    ),
    "an array of texts": (np.array(["a", "b"]), ["a", "b"]),
    "an array with a mask": (np.ma.masked_array([1, 999], mask=[0, 1]), [1, None]),
}


@pytest.mark.parametrize("case", CELLS)
def test_values_are_sent_as_json_holds_them(case: str) -> None:
    """Texts, truth values, RFC 3339 times and numbers; whatever stands for a missing value as null."""
    column, expected = CELLS[case]
    found = cells({"a": column})
    assert found == expected
    assert [type(value) is bool for value in found] == [type(value) is bool for value in expected]


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "arrow"])
def test_a_frame_of_several_kinds(frame: Callable[..., Any]) -> None:
    """Each column is of its own kind, and the names are those of the frame."""
    rows = to_rows(frame({"city": ["Bern", None], "size": [1, 2], "new": [True, False]}))
    assert rows.X.tolist() == [["Bern", 1.0, True], [None, 2.0, False]]
    assert rows.names == ["city", "size", "new"]


FORMS: dict[str, Any] = {
    "a lazy frame": pl.LazyFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}),
    "a dict of columns": {"a": [1.0, 2.0], "b": np.array([3.0, 4.0])},
    "a list of dicts": [{"a": 1.0, "b": 3.0}, {"b": 4.0, "a": 2.0}],
    "a structured array": np.array([(1.0, 3.0), (2.0, 4.0)], dtype=[("a", float), ("b", int)]),
    "a record batch": pa.RecordBatch.from_pydict({"a": [1.0, 2.0], "b": [3.0, 4.0]}),
    "names with blanks": pd.DataFrame({" a": [1.0, 2.0], "b ": [3.0, 4.0]}),
}


@pytest.mark.parametrize("form", FORMS)
def test_named_columns_come_in_many_forms(form: str) -> None:
    rows = to_rows(FORMS[form])
    assert (rows.X.tolist(), rows.names, rows.numeric) == ([[1, 3], [2, 4]], ["a", "b"], True)


def test_rows_without_names() -> None:
    """Lists of rows keep the type of each value; an array of truth values is one of numbers."""
    assert to_rows([["a", 1, True], ["b", 2.5, False]]).X.tolist() == [["a", 1.0, True], ["b", 2.5, False]]
    assert to_rows(np.array([["a"], [1]], dtype=object)).X.tolist() == [["a"], [1]]
    assert to_rows([[1, 2.0], (3, np.float64(4))]).numeric
    assert to_rows(np.array([[True, False]])).X.tolist() == [[1.0, 0.0]]
    assert to_rows(np.ma.masked_array([[1.0, 2.0]], mask=[[1, 0]])).X.tolist()[0][1] == 2.0


@pytest.mark.parametrize(
    ("X", "words"),
    [
        ({"a": [1, 2], "b": [1]}, "column 'b' has 1 value, column 'a' has 2"),
        ({"a": 1}, "column 'a' is not a list of values but of the type int"),
        ({"a": "text"}, "column 'a' is not a list of values but of the type str"),
        ([{"a": 1, "b": 2}, {"a": 1}], "row 1: its names are not those of the first row; they differ in 'b'"),
        ([["a", 1], ["b"]], "row 1 has 1 value, the first row has 2"),
        ([[1], [2, 3]], "row 1 has 2 values, the first row has 1"),
        (pd.Series(["a", "b"]), "Expected 2D array, got 1D array"),
        (pl.Series([1, 2]), "Expected 2D array, got 1D array"),
        ({"a": []}, r"Found array with 0 sample\(s\) \(shape=\(0, 1\)\)"),
        (pd.DataFrame(index=[0]), r"Found array with 0 feature\(s\) \(shape=\(1, 0\)\)"),
        ([[[1.0]]], "Expected 2D array, got 3D array"),
    ],
)
def test_data_of_no_rectangle_are_refused(X: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        to_rows(X)


def test_missing_values_among_numbers_are_named_by_row_and_column() -> None:
    """In all columns at once: pandas', polars' and numpy's, and those behind a mask."""
    masked = np.ma.masked_array([[1.0, 2.0], [999.0, 4.0], [5.0, NAN]], mask=[[0, 0], [1, 0], [0, 0]])
    frame = {"a": [1.0, None, 5.0], "b": [2.0, 4.0, None]}
    for X, first, second in (
        (masked, "x1", "x2"),
        (pd.DataFrame(frame, dtype="Float64"), "a", "b"),
        (pl.DataFrame(frame), "a", "b"),
        (frame, "a", "b"),
    ):
        where = rf"row 1, column '{first}' \(1 of 3 values\); row 2, column '{second}' \(1 of 3 values\)\. Fill"
        with pytest.raises(ValueError, match=rf"^Input X contains NaN: {where}"):
            check_not_missing(to_rows(X))


def test_many_columns_with_missing_values_are_counted() -> None:
    with pytest.raises(ValueError, match=r"column 'x10' \(1 of 1 value\); and 1 more column\."):
        check_not_missing(to_rows(np.full((1, 11), NAN)))


@pytest.mark.parametrize("column", [[1.0, float("inf")], [1, 10**400], [decimal.Decimal("1e999"), 2]])
def test_infinity_is_named_by_row_and_column(column: list[Any]) -> None:
    """In X and in y, beside texts or alone."""
    row = 0 if column[1] == 2 else 1
    for X in ({"n": [1, 2], "wide": column}, {"n": ["a", "b"], "wide": column}):
        with pytest.raises(ValueError, match=rf"^Input X contains infinity .*: row {row}, column 'wide'"):
            to_rows(X)
    with pytest.raises(ValueError, match=r"^Input y contains infinity"):
        to_targets(column)


def test_missing_targets_are_named_by_row() -> None:
    masked = np.ma.masked_array([1.0, 999.0], mask=[0, 1])
    for y in ([1.0, NAN], pd.Series([1, None], dtype="Int64"), pl.Series([1, None]), masked):
        with pytest.raises(ValueError, match=r"^Input y contains NaN: row 1 \(1 of 2 values\)\.$"):
            to_rows_and_targets([[1.0], [2.0]], y)
    with pytest.raises(ValueError, match="Input y contains NaN: y has missing values"):
        to_targets(pd.Series([1, pd.NA], dtype=object))


@pytest.mark.parametrize(
    ("frame", "held"),
    [
        (pd.DataFrame({"day": pd.to_timedelta([1, 2], unit="D")}), "timedeltas"),
        (pd.DataFrame({"n": NUMBERS, "day": pd.Series(SPANS, dtype=object)}), "timedeltas"),
        (pl.DataFrame({"day": SPANS}), "timedeltas"),
        (pl.DataFrame({"n": NUMBERS, "day": [dt.time(1), dt.time(2)]}), "times of day"),
        (pl.DataFrame({"day": [b"a", b"b"]}), "bytes"),
        (np.array([(b"a",), (b"b",)], dtype=[("day", "S1")]), "bytes"),
    ],
)
def test_values_of_no_kind_are_refused_by_their_column(frame: Any, held: str) -> None:
    """Alone or beside numbers, unless the column is left out."""
    with pytest.raises(ValueError, match=f"^column 'day' holds {held}; give numbers$"):
        to_rows(frame)
    assert to_rows(frame, ColumnChoice(ignore=["day"])).X[:, -1].tolist() == [None, None]


def test_all_columns_that_cannot_be_sent_are_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"column 'a' holds bytes.*; column 'b' holds timedeltas.*; .*'c'"):
        to_rows({"a": [b"x"], "b": SPANS[:1], "c": [float("inf")]})


@pytest.mark.parametrize("odd", [{}, [1], object(), pd.Interval(0, 1), pd.Period("2020", "D")])
def test_objects_that_are_no_values_are_refused_by_their_place(odd: Any) -> None:
    with pytest.raises(TypeError, match="row 1, column 'a': argument must be a string or a real number, not"):
        to_rows({"a": [1, odd]})


@pytest.mark.parametrize(
    "y",
    [
        {"a": [1, 2], "b": [3, 4]},
        [{"a": 1, "b": 3}, {"a": 2, "b": 4}],
        pd.DataFrame({"a": [1, 2], "b": [3, 4]}),
        pl.LazyFrame({"a": [1, 2], "b": [3, 4]}),
        pa.table({"a": [1, 2], "b": [3, 4]}),
    ],
)
def test_several_targets_come_in_the_forms_of_x(y: Any) -> None:
    assert to_targets(y).tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize("day", [DATES, pd.to_datetime(DATES), pd.to_datetime(DATES).tz_localize("UTC")])
def test_times_are_no_targets(day: Any) -> None:
    with pytest.raises(ValueError, match=r"^y holds datetimes; give numbers$"):
        to_targets(pd.Series(day))


@pytest.mark.parametrize("columns", [["a", 1], pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])])
def test_names_that_would_be_lost_are_refused(columns: Any) -> None:
    """As scikit-learn does if only some names are strings."""
    with pytest.raises(TypeError, match="only supported if all input features have string names"):
        to_rows(pd.DataFrame([[1.0, 2.0]], columns=columns))


def test_numbers_are_not_names() -> None:
    """A data frame numbers its columns if they have no names."""
    assert to_rows(pd.DataFrame([[1.0, 2.0]])).names is None
    assert to_rows({0: [1.0]}).names is None
    assert to_rows(pd.DataFrame([[1.0, 2.0]], columns=["a", "b"])).names == ["a", "b"]


def test_columns_that_are_passed_over_are_not_looked_at() -> None:
    """They are sent empty, or left out where the version knows them."""
    frame = {"a": [1.0], "odd": [object()], "w": [2.0]}
    for choice in (ColumnChoice.of(ignore=" odd "), ColumnChoice.of(inputs=["a"], weight="w")):
        assert to_rows(frame, choice).X.tolist() == [[1.0, None, 2.0]]
        assert to_rows(frame, choice, drop=True).names == ["a", "w"]
    assert to_rows([[1.0, object()]], ColumnChoice(ignore=["x2"])).X.tolist() == [[1.0, None]]
