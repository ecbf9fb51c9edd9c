"""Objects of scikit-learn as estimators: clones are fitted, stored as skops files, and restored bit for bit."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMRegressor
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeRegressor
from xgboost import XGBClassifier

from app.errors import ModelFailed
from app.model.estimator import FitData
from app.model.own_estimators import OwnEstimator
from app.model.polynomial import PolynomialRegressor
from app.model.scikit.estimator import SklearnEstimator, is_estimator
from app.model.scikit.trusted_types import TRUSTED, defined_in
from app.schemas.columns import Column

RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 3))
Y = X @ [1.0, -2.0, 0.5] + 0.1 * RNG.normal(size=60)
COLUMNS = [Column(name, "number") for name in "abc"]


def data(y: Any = Y, **more: Any) -> FitData:
    return FitData(X, np.asarray(y, dtype=np.float64), COLUMNS, **more)


def estimator(template: Any, **more: Any) -> SklearnEstimator:
    return SklearnEstimator("mine", template, __name__, **more)


class Halved(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer of one's own."""

    def fit(self, X: Any, y: Any = None) -> "Halved":
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        return np.asarray(X) / 2


class Raising(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer with a bug."""

    def __init__(self, raised: type[Exception]) -> None:
        self.raised = raised

    def fit(self, X: Any, y: Any = None) -> "Raising":
        if self.raised is TypeError:
            np.zeros("many")  # numpy raises it
        raise self.raised

    def transform(self, X: Any) -> Any:
        return X


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (Ridge(), True),
        (make_pipeline(StandardScaler(), Ridge()), True),
        (SVC(), True),
        (Ridge, False),
        (StandardScaler(), False),
        (5, False),
        (RBF(), False),
        (PolynomialRegressor(), False),
        (OwnEstimator(PolynomialRegressor), False),
    ],
)
def test_regressors_and_classifiers_are_estimators(thing: object, *, expected: bool) -> None:
    """Their classes are not, nor what only transforms."""
    assert is_estimator(thing) is expected


@pytest.mark.parametrize(
    "template",
    [
        Ridge(),
        RandomForestRegressor(5, random_state=1),
        KNeighborsRegressor(),
        make_pipeline(StandardScaler(), Ridge()),
    ],
)
def test_a_restored_model_predicts_the_same_bits(template: Any) -> None:
    """As the very same object that is fitted directly; the object itself stays as it is."""
    mine = estimator(template)
    model = mine.fit({}, data())
    restored = mine.load(model.save())
    direct = clone(template).fit(X, Y).predict(X)
    assert model.predict(X).tolist() == restored.predict(X).tolist() == direct.tolist()
    assert not hasattr(template, "n_features_in_")


def test_a_request_changes_what_it_names() -> None:
    """Lists come for tuples, and whole numbers for others."""
    model = estimator(MLPRegressor(hidden_layer_sizes=(4,), max_iter=2000, random_state=0, alpha=1.0)).fit(
        {"hidden_layer_sizes": [3, 2], "solver": "lbfgs", "alpha": 2}, data()
    )
    found = model.estimator.get_params()
    assert (found["hidden_layer_sizes"], found["solver"], found["alpha"]) == ((3, 2), "lbfgs", 2.0)
    assert found["random_state"] == 0


def test_nothing_starts_threads_or_writes_caches(tmp_path: Any) -> None:
    """However the object was made."""
    template = make_pipeline(StandardScaler(), RandomForestRegressor(3, n_jobs=-1, verbose=5), memory=str(tmp_path))
    model = estimator(template).fit({}, data())
    params = model.estimator.get_params()
    assert params["randomforestregressor__n_jobs"] == 1
    assert not params["randomforestregressor__verbose"]
    assert params["memory"] is None
    assert list(tmp_path.iterdir()) == []
    assert template.memory == str(tmp_path)


def test_what_scikit_learn_refuses_is_a_value_error() -> None:
    """Of parameters before the fit, of data at the fit."""
    with pytest.raises(ValueError, match="max_iter"):
        estimator(make_pipeline(StandardScaler(), Ridge(max_iter=-1))).check({})
    with pytest.raises(ValueError, match="contains NaN"):
        estimator(Ridge()).fit({}, FitData(np.where(X > 2, np.nan, X), Y, COLUMNS))


@pytest.mark.parametrize("shape", [(60,), (60, 1), (60, 2)])
@pytest.mark.parametrize("template", [Ridge(), KNeighborsRegressor(), LinearRegression()])
def test_outputs_come_back_in_the_shape_of_y(template: Any, shape: tuple[int, ...]) -> None:
    """Also (n, 1), which scikit-learn returns in either way; terms are those of linear models."""
    mine = estimator(template)
    y = np.resize(Y, shape)
    model = mine.fit({}, data(y))
    assert model.predict(X).shape == mine.load(model.save()).predict(X).shape == shape
    coefficients = model.coefficients()
    if isinstance(template, KNeighborsRegressor):
        assert coefficients is None
        assert model.terms() == []
        return
    assert coefficients is not None
    assert model.terms() == ["1", "a", "b", "c"]
    assert np.column_stack([np.ones(60), X]) @ coefficients == pytest.approx(model.predict(X))


@pytest.mark.parametrize(
    ("template", "takes"),
    [(Ridge(), True), (KNeighborsRegressor(), False), (make_pipeline(make_pipeline(StandardScaler(), Ridge())), True)],
)
def test_weights_reach_the_last_step(template: Any, *, takes: bool) -> None:
    mine = estimator(template)
    assert mine.takes_weights is takes
    if takes:
        weighted = mine.fit({}, data(weight=np.linspace(0.1, 9, 60)))
        assert weighted.predict(X).tolist() != mine.fit({}, data()).predict(X).tolist()


@pytest.mark.parametrize("template", [LogisticRegression(), XGBClassifier(n_estimators=3)])
@pytest.mark.parametrize("classes", [["no", "yes"], [3, 7], [False, True]])
def test_labels_are_codes_in_the_service(template: Any, classes: Any) -> None:
    """Whatever they are, and whatever the library wants."""
    mine = estimator(template)
    codes = (Y > 0).astype(float)
    model = mine.fit({}, data(codes, classes=classes))
    restored = mine.load(model.save())
    assert (model.predict(X) == codes).mean() > 0.9
    assert restored.predict(X).tolist() == model.predict(X).tolist()
    assert restored.has_probabilities
    assert (restored.probabilities(X).argmax(axis=1) == restored.predict(X)).all()


def test_only_trusted_types_are_loaded() -> None:
    """Classes and functions of the modules of TRINITY_MODELS are; the words say how to add others."""
    template = make_pipeline(Halved(), FunctionTransformer(np.sinh), Ridge())
    with pytest.raises(ModelFailed, match=r"holds .*Halved.*TRINITY_TRUSTED_TYPES"):
        estimator(template).fit({}, data())
    mine = estimator(template, trusted=TRUSTED | defined_in([__name__]) | {"numpy.sinh"})
    stored = mine.fit({}, data()).save()
    with pytest.raises(ModelFailed, match=r"holds .*Halved.*TRINITY_TRUSTED_TYPES"):
        estimator(template).load(stored)
    assert mine.load(stored).predict(X).shape == (60,)


def test_a_lambda_cannot_be_kept() -> None:
    with pytest.raises(ModelFailed, match="<lambda>"):
        estimator(make_pipeline(FunctionTransformer(lambda X: X), Ridge())).fit({}, data())


def test_libraries_refuse_data_and_parameters_by_errors_of_any_class() -> None:
    """A TypeError for times, an OverflowError for a number of steps, and the error of LightGBM, in their own words."""
    times = [Column("day", "datetime"), *COLUMNS[1:]]
    passed = make_pipeline(make_column_transformer((StandardScaler(), ["b"]), remainder="passthrough"), Ridge())
    with pytest.raises(ValueError, match="not 'Timestamp'"):
        estimator(passed).fit({}, FitData(np.abs(X), Y, times))
    with pytest.raises(ValueError, match="too large"):
        estimator(Lasso()).fit({"max_iter": 10**15}, data())
    with pytest.raises(ValueError, match="num_leaves"):
        estimator(LGBMRegressor(verbose=-1)).fit({"num_leaves": 1}, data())
    with pytest.raises(ValueError, match="more memory than there is"):
        estimator(DecisionTreeRegressor()).fit({"max_leaf_nodes": 10**15}, data())


@pytest.mark.parametrize("raised", [TypeError, OverflowError])
def test_the_same_error_in_a_class_of_ones_own_is_a_bug(raised: type[Exception]) -> None:
    """Also where a library raises it in a call of that class."""
    mine = estimator(make_pipeline(Raising(raised), Ridge()), trusted=TRUSTED | defined_in([__name__]))
    with pytest.raises(raised):
        mine.fit({}, data())


def test_a_prediction_is_refused_like_a_fit() -> None:
    nearest = estimator(KNeighborsRegressor()).fit({}, data())
    nearest.estimator.n_neighbors = "many"
    with pytest.raises(ValueError, match="not supported between"):
        nearest.predict(X)


def test_the_libraries_are_those_of_the_parts() -> None:
    assert {"sklearn.linear_model._ridge", "sklearn.preprocessing._data", __name__, "skops.io"} <= set(
        estimator(make_pipeline(StandardScaler(), Ridge())).modules
    )


def test_histogram_boosting_is_fitted_to_texts_as_categories() -> None:
    """As to a frame of pandas' categories; texts that are new or missing are predicted as there."""
    texts = ["Bern", "Chur", "Rome"]
    codes = np.arange(60) % 3
    columns = [Column("city", "text", categories=texts), Column("area", "number")]
    rows = np.column_stack((codes, X[:, 0])).astype(np.float64)
    rows[:4, 0] = np.nan
    template = HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=2)
    mine = estimator(template)
    model = mine.load(mine.fit({}, FitData(rows, codes + Y, columns, texts={0: texts})).save())
    cities = pd.Series([None] * 4 + [texts[code] for code in codes[4:]], dtype="str")
    frame = pd.DataFrame({"city": cities.astype("category"), "area": X[:, 0]})
    direct = clone(template).fit(frame, codes + Y)
    assert model.predict(rows).tolist() == direct.predict(frame).tolist()
    new = pd.DataFrame({"city": pd.Series(["Oslo", "Rome"], dtype="str").astype("category"), "area": [0.5, 0.5]})
    found = model.with_texts({0: ["Oslo", "Rome"]}).predict(np.array([[0.0, 0.5], [1.0, 0.5]]))
    assert found.tolist() == direct.predict(new).tolist()
