"""The client imports models: files, and the fitted objects themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVC

from app.client import Client, Invalid
from tests.support.api import Api
from tests.support.forgery import of_version
from tests.support.model_files import CODES, LABELS, NUMBERS, ROWS, X, frame, onnx_regressor, skops_regressor

NAMES = np.array(LABELS)[CODES]


@pytest.fixture
def client(api: Api) -> Iterator[Client]:
    with Client(str(api.http.base_url)) as client:
        yield client


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(5, random_state=0).fit(X, NAMES),
        Ridge().fit(X, NUMBERS),
        xgboost.XGBRegressor(n_estimators=4).fit(X, NUMBERS),
        lightgbm.LGBMClassifier(n_estimators=4, verbose=-1).fit(X, NAMES),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_fitted_object_predicts_on_the_service_what_it_does_here(client: Client, model: Any) -> None:
    name = f"sent-{uuid4().hex[:8]}"
    result = client.import_model(name, model, sample=X[:5])
    assert result["version"] == 1
    predicted, expected = client.predict(ROWS, name), model.predict(ROWS)
    if expected.dtype.kind in "OU":
        assert predicted.tolist() == expected.tolist()
        np.testing.assert_array_equal(client.predict_proba(ROWS, name), model.predict_proba(ROWS))
    else:
        np.testing.assert_allclose(predicted, expected.astype(float), rtol=1e-12)


def test_a_file_and_a_frame(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx_regressor().content)
    sample = frame()[["a", "b", "n"]].assign(c=0.5)
    name = f"sent-{uuid4().hex[:8]}"
    assert client.import_model(name, path, sample)["inputs"] == ["a", "b", "n", "c"]
    assert client.import_model(name, str(path), columns=["one", "two", "three", "four"])["version"] == 2
    with pytest.raises(Invalid, match="the file takes 4"):
        client.import_model(name, path, columns=["one"])


def test_postal_codes_of_digits_are_texts_as_they_were_in_the_fit(client: Client) -> None:
    """In a frame of pandas; a CSV file of it does not tell them from numbers, but the model does."""
    codes = pd.DataFrame({"zip": np.array(["08001", "8002", "8953"])[CODES], "size": X[:, 0]})
    model = make_pipeline(make_column_transformer((OneHotEncoder(), ["zip"])), Ridge()).fit(codes, NUMBERS)
    name = f"sent-{uuid4().hex[:8]}"
    client.import_model(name, model, sample=codes[:9])
    rows = codes[:9].to_dict("records")
    np.testing.assert_allclose(client.predict(rows, name), model.predict(codes[:9]), rtol=1e-12)


def test_what_is_no_model_is_refused_here(client: Client) -> None:
    with pytest.raises(TypeError, match="dict is neither a path"):
        client.import_model("any", {})


def test_strict_and_types_to_approve_come_with_what_helps(client: Client, tmp_path: Path) -> None:
    """The words are those of the service, whatever sends the file."""
    old = tmp_path / "old.skops"
    old.write_bytes(of_version(skops_regressor().content, "1.4.2"))
    name = f"sent-{uuid4().hex[:8]}"
    with pytest.raises(Invalid, match=r"another minor version .* or import it without `strict`") as refused:
        client.import_model(name, old, strict=True)
    assert refused.value.pointers == ["/strict"]
    with pytest.warns(UserWarning, match="another minor version"):
        assert client.import_model(name, old)["version"] == 1
    with pytest.raises(Invalid, match=r"TRINITY_TRUSTED_TYPES=sklearn\.svm\._classes\.SVC for web processes"):
        client.import_model(name, SVC().fit(X, NAMES))
