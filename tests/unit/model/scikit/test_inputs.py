"""What scikit-learn estimators are given: a matrix where it will do, or the data frame that pandas would read."""

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from app.data.csv_reader.csv_records import CsvRecords
from app.model.scikit.inputs import form_of, rows_of
from app.schemas.columns import KINDS, Column
from app.schemas.tables import Table
from app.service.choice import FitChoice
from app.service.columns import learn_schema

NUMBERS = [Column("a", "number"), Column("b", "integer")]
TEXT = Column("city", "text", categories=["Bern", "Rome"])
BY_NAME = ColumnTransformer([("city", OneHotEncoder(), ["city"])])
CSV = """y,price,rooms,city,new,day,area
1,1.5,3,Bern,true,2020-01-01,1
2,2.5,4,Rome,false,2020-01-02T10:00:00,2
3,,5,,true,,
"""


class Scale(StandardScaler):
    """A transformer of one's own, which may look for columns by name."""


@pytest.mark.parametrize(
    ("estimator", "columns", "form"),
    [
        (Ridge(), NUMBERS, "matrix"),
        (HistGradientBoostingRegressor(), [*NUMBERS, TEXT], "categories"),
        (GridSearchCV(make_pipeline(HistGradientBoostingRegressor()), {}), [TEXT], "categories"),
        (make_pipeline(BY_NAME, HistGradientBoostingRegressor()), [TEXT], "frame"),
        (make_pipeline(StandardScaler(), Ridge()), [*NUMBERS, Column("c", "boolean")], "matrix"),
        (Ridge(), [TEXT], "frame"),
        (Ridge(), [Column("t", "datetime")], "frame"),
        (make_pipeline(BY_NAME, Ridge()), NUMBERS, "frame"),
        (make_pipeline(FunctionTransformer(np.log1p), Ridge()), NUMBERS, "frame"),
        (make_pipeline(Scale(), Ridge()), NUMBERS, "frame"),
        (HistGradientBoostingRegressor(), NUMBERS, "matrix"),
        (HistGradientBoostingRegressor(categorical_features=["a"]), NUMBERS, "frame"),
        (make_pipeline(TfidfVectorizer(), Ridge()), [TEXT], "texts"),
    ],
)
def test_a_frame_is_made_only_where_it_is_needed(estimator: Any, columns: list[Column], form: str) -> None:
    """It costs each prediction some 0.2 ms."""
    assert form_of(estimator, columns) == form


@pytest.mark.parametrize("columns", [NUMBERS, [TEXT, TEXT]])
def test_words_are_counted_in_one_column_of_text(columns: list[Column]) -> None:
    with pytest.raises(ValueError, match="one column of text"):
        form_of(make_pipeline(TfidfVectorizer(), Ridge()), columns)


def table_of(text: str) -> Table:
    return CsvRecords(text.encode()).read(FitChoice(frozenset(KINDS), takes_missing=True, target=["y"]))


def test_a_frame_is_what_pandas_reads() -> None:
    """The same columns, dtypes and missing values."""
    table = table_of(CSV)
    found = rows_of(table.X, learn_schema(table).columns, {}, "frame")
    expected = pd.read_csv(io.StringIO(CSV), parse_dates=["day"], date_format="ISO8601").drop(columns="y")
    pd.testing.assert_frame_equal(found, expected, check_dtype=True)


def test_dtypes_are_those_of_the_fit() -> None:
    """Whatever a request holds: a single row, nothing but missing values, texts that are new."""
    table = table_of(CSV)
    columns = learn_schema(table).columns
    fitted = rows_of(table.X, columns, {}, "frame")
    for row in range(3):
        assert (rows_of(table.X[row : row + 1], columns, {}, "frame").dtypes == fitted.dtypes).all()
    new = rows_of(np.array([[1.0, 2.0, 0.0, 1.0, np.nan, 3.0]]), columns, {2: ["Oslo"]}, "frame")
    assert new["city"].tolist() == ["Oslo"]
    assert new["city"].dtype == fitted["city"].dtype
    half = rows_of(np.array([[1.0, 2.5, np.nan, 1.0, np.nan, 3.0]]), columns, {}, "frame")
    assert half["rooms"].tolist() == [2.5]
    assert half["city"].isna().all() and half["city"].dtype == fitted["city"].dtype


def test_selectors_of_dtypes_find_their_columns() -> None:
    """As in a notebook."""
    table = table_of(CSV)
    frame = rows_of(table.X, learn_schema(table).columns, {}, "frame")
    transformer = make_column_transformer(
        ("passthrough", make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include="str")),
    ).fit(frame)
    assert [list(names) for _, _, names in transformer.transformers_[:2]] == [["price", "rooms", "area"], ["city"]]
