"""What a fitted pipeline knows of its columns decides how its sample is read, and which rows are made up."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from app.data.csv_reader.options import CsvOptions
from app.model.imported.fitted_columns import inputs_of
from app.model.imported.trial import run_trial
from app.service.importing import read_sample, sample_of

ROWS = 60
Y = np.arange(ROWS) % 7
FRAME = pd.DataFrame({
    "zip": np.array(["08001", "8002", "8953"])[np.arange(ROWS) % 3],
    "day": np.array(["2026-01-05", "2026-02-06"])[np.arange(ROWS) % 2],
    "vip": np.array(["true", "false"])[np.arange(ROWS) % 2],
    "floor": np.arange(ROWS) % 4 + 5,
    "moved": pd.to_datetime("2026-01-05") + pd.to_timedelta(np.arange(ROWS) % 3, "D"),
    "area": np.linspace(30, 90, ROWS),
})  # fmt: skip
TEXTS = ["zip", "day", "vip"]
LABELS = np.where(Y > 3, "high", "low")


IMPUTED = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())


def classifier() -> Any:
    return make_pipeline(make_column_transformer((OneHotEncoder(), TEXTS)), LogisticRegression())


ESTIMATORS = {
    "one-hot": make_pipeline(make_column_transformer((OneHotEncoder(), TEXTS), ("drop", ["floor"])), Ridge()),
    "imputed": make_pipeline(ColumnTransformer([("a", IMPUTED, TEXTS)]), Ridge()),
    "by position": make_pipeline(ColumnTransformer([("a", OneHotEncoder(), slice(0, 3))]), Ridge()),
    "by kind": make_pipeline(
        make_column_transformer(
            (OneHotEncoder(), make_column_selector(dtype_include=[object, "str"])),
            ("passthrough", make_column_selector(dtype_include=np.number)),
        ),
        Ridge(),
    ),
    "target": make_pipeline(make_column_transformer((TargetEncoder(), TEXTS)), Ridge()),
    "search": GridSearchCV(classifier(), {"logisticregression__C": [0.1, 1]}, cv=2),
    "voting": VotingClassifier([("a", classifier())]),
    "calibrated": CalibratedClassifierCV(classifier(), cv=2),
}


def trial(tmp_path: Path, model: Any, rows: pd.DataFrame | None) -> dict[str, Any]:
    path = tmp_path / "model.skops"
    skops.io.dump(model, path)
    request: dict[str, Any] = {}
    if rows is not None:
        sample = sample_of(*read_sample(rows.to_csv(index=False).encode(), CsvOptions()))
        request["sample"] = msgspec.to_builtins(sample, str_keys=True)
    found: dict[str, Any] = run_trial(str(path), "skops", request)
    return found


def kinds(found: dict[str, Any]) -> dict[str, str]:
    return {column["name"]: column["kind"] for column in found["columns"]}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_texts_that_look_like_something_else_are_texts_if_the_file_learned_texts(name: str, tmp_path: Path) -> None:
    """With a sample, whose cells are digits, times and truth values, and without one."""
    rows = FRAME.drop(columns="moved")
    model = ESTIMATORS[name].fit(rows, LABELS if hasattr(ESTIMATORS[name], "predict_proba") else Y)
    for sample in (rows[:9], None):
        found = kinds(trial(tmp_path, model, sample))
        assert [found[column] for column in TEXTS] == ["text"] * 3
        assert found["area"] == "number"


def test_categories_of_pandas_are_texts(tmp_path: Path) -> None:
    """Of histogram boosting, whose encoder is none of its parameters."""
    rows = FRAME[["zip", "area"]].astype({"zip": "category"})
    model = HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=2).fit(rows, Y)
    assert kinds(trial(tmp_path, model, rows[:9])) == {"zip": "text", "area": "number"}


def test_missing_cells_of_such_a_column_are_missing(tmp_path: Path) -> None:
    rows = FRAME[["zip", "area"]].assign(zip=FRAME["zip"].mask(FRAME["area"] > 70))
    encoded = ColumnTransformer([("a", OrdinalEncoder(), ["zip"])])
    found = trial(tmp_path, make_pipeline(encoded, HistGradientBoostingRegressor(max_iter=2)).fit(rows, Y), rows[::6])
    assert found["columns"][0] == {"name": "zip", "kind": "text", "nullable": True}


def test_rows_without_a_sample_are_of_values_that_the_file_knows(tmp_path: Path) -> None:
    """Numbers, times and texts beside a column whose words are counted; an encoder refuses all others."""
    rows = FRAME.assign(about="a bright flat")[["about", "floor", "moved", "zip"]]
    columns = [("t", TfidfVectorizer(), "about"), ("o", OneHotEncoder(), ["floor", "moved", "zip"])]
    model = make_pipeline(ColumnTransformer(columns), Ridge()).fit(rows, Y)
    assert [each.example for each in inputs_of(model)[1]] == [None, 5.0, 1767571200.0, "08001"]
    assert kinds(trial(tmp_path, model, None)) == {
        "about": "text",
        "floor": "number",
        "moved": "datetime",
        "zip": "text",
    }
