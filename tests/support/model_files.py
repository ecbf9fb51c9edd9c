"""Files of fitted models, and what their own libraries predict with them: the numbers that tests compare with."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

RNG = np.random.default_rng(11)
X = np.column_stack((RNG.normal(size=(120, 3)), RNG.integers(0, 6, 120)))
NUMBERS = X @ [1.0, -2.0, 0.5, 0.25] + RNG.normal(scale=0.1, size=120)
CODES = np.digitize(NUMBERS, [-1.0, 1.5])
LABELS = ["low", "mid", "top"]
ROWS = X[::7]


class ModelSample(NamedTuple):
    """A file, and what it predicts for ROWS: numbers, or labels and probabilities."""

    name: str
    content: bytes
    y: list[Any]
    probabilities: np.ndarray[Any, Any] | None = None
    classes: list[Any] | None = None


def saved(save: Callable[[str], object], suffix: str) -> bytes:
    """What a library writes."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"model{suffix}"
        save(str(path))
        return path.read_bytes()


@cache
def xgboost_classifier(suffix: str = ".ubj") -> ModelSample:
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=6, max_depth=3, n_jobs=1).fit(X, CODES)
    content = saved(model.save_model, suffix)
    return ModelSample(f"model{suffix}", content, model.predict(ROWS).tolist(), model.predict_proba(ROWS), [0, 1, 2])


@cache
def xgboost_regressor() -> ModelSample:
    import xgboost

    model = xgboost.XGBRegressor(n_estimators=6, n_jobs=1).fit(X, NUMBERS)
    return ModelSample("model.json", saved(model.save_model, ".json"), model.predict(ROWS).astype(float).tolist())


@cache
def lightgbm_classifier() -> ModelSample:
    import lightgbm

    model = lightgbm.LGBMClassifier(n_estimators=6, n_jobs=1, verbose=-1).fit(X, CODES)
    content = saved(model.booster_.save_model, ".txt")
    with warnings.catch_warnings(action="ignore"):
        return ModelSample("model.txt", content, model.predict(ROWS).tolist(), model.predict_proba(ROWS), [0, 1, 2])


@cache
def lightgbm_regressor() -> ModelSample:
    import lightgbm

    model = lightgbm.LGBMRegressor(n_estimators=6, n_jobs=1, verbose=-1).fit(X, NUMBERS)
    with warnings.catch_warnings(action="ignore"):
        return ModelSample("model.txt", saved(model.booster_.save_model, ".txt"), model.predict(ROWS).tolist())


@cache
def onnx_classifier(*, zipmap: bool = False) -> ModelSample:
    import onnxruntime
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=1000).fit(X, np.array(LABELS)[CODES])
    options = {} if zipmap else {"options": {"zipmap": False}}
    kind = np.float32 if zipmap else np.float64  # maps are of floats only
    content = to_onnx(model, X[:1].astype(kind), **options).SerializeToString()
    session = onnxruntime.InferenceSession(content)
    labels, scores = session.run(None, {session.get_inputs()[0].name: ROWS.astype(kind)})
    table = np.array([[row[label] for label in LABELS] for row in scores]) if zipmap else scores
    return ModelSample("model.onnx", content, labels.tolist(), table, LABELS)


@cache
def onnx_regressor() -> ModelSample:
    import onnxruntime
    from skl2onnx import to_onnx
    from sklearn.linear_model import Ridge

    content = to_onnx(Ridge().fit(X, NUMBERS), X[:1].astype(np.float32)).SerializeToString()
    session = onnxruntime.InferenceSession(content)
    (y,) = session.run(None, {session.get_inputs()[0].name: ROWS.astype(np.float32)})
    return ModelSample("model.onnx", content, y.ravel().astype(float).tolist())


CITIES = ["Bern", "Zug", "Genf"]
CITY = np.array(CITIES)[RNG.integers(0, 3, len(X))]
FRAME_ROWS = [
    {"city": str(city), "a": float(row[0]), "b": float(row[1]), "n": int(row[3])}
    for city, row in zip(CITY[::7], ROWS, strict=True)
]
FRAME_CSV = "\n".join(["city,a,b,n", *(",".join(map(str, row.values())) for row in FRAME_ROWS)]) + "\n"


def frame() -> Any:
    """A table of text and numbers."""
    import pandas as pd

    return pd.DataFrame({"city": CITY, "a": X[:, 0], "b": X[:, 1], "n": X[:, 3].astype(int)})


@cache
def skops_pipeline() -> ModelSample:
    """Columns by their names, text among them, in front of a forest."""
    import pandas as pd
    import skops.io
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city"]), (StandardScaler(), ["a", "b", "n"])
    )
    model = make_pipeline(columns, RandomForestClassifier(12, random_state=0)).fit(frame(), np.array(LABELS)[CODES])
    rows = pd.DataFrame(FRAME_ROWS)
    return ModelSample(
        "pipeline.skops", skops.io.dumps(model), model.predict(rows).tolist(), model.predict_proba(rows), LABELS
    )


@cache
def skops_regressor() -> ModelSample:
    import skops.io
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(max_iter=8).fit(X, NUMBERS)
    return ModelSample("model.skops", skops.io.dumps(model), model.predict(ROWS).tolist())


@cache
def skops_classifier() -> ModelSample:
    import skops.io
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=1000).fit(X, CODES == 1)
    return ModelSample(
        "model.skops", skops.io.dumps(model), model.predict(ROWS).tolist(), model.predict_proba(ROWS), [False, True]
    )


SAMPLES: dict[str, Callable[[], ModelSample]] = {
    "xgboost-classifier-ubj": xgboost_classifier,
    "xgboost-classifier-json": lambda: xgboost_classifier(".json"),
    "xgboost-regressor": xgboost_regressor,
    "lightgbm-classifier": lightgbm_classifier,
    "lightgbm-regressor": lightgbm_regressor,
    "onnx-classifier": onnx_classifier,
    "onnx-classifier-maps": lambda: onnx_classifier(zipmap=True),
    "onnx-regressor": onnx_regressor,
    "skops-classifier": skops_classifier,
    "skops-regressor": skops_regressor,
}
