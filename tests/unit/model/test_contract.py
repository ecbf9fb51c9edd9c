"""The contract of a model, held by every regressor that is shipped and by the smallest one a user could write."""

import inspect
import json
from io import BytesIO
from typing import Annotated, Any, ClassVar, Self

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.utils.estimator_checks import check_estimator

from app.model import models
from app.model.base import Regressor
from app.model.sklearn_compat import NotFittedError

Array = NDArray[np.float64]


class Mean(Regressor):
    """The smallest model: predicts the mean of y, whatever X."""

    name: ClassVar[str] = "mean"

    def __init__(self, shrink: Annotated[float, msgspec.Meta(ge=0)] = 0.0) -> None:
        self.shrink = shrink

    def fit(self, X: Any, y: Any) -> Self:
        self.check_parameters()
        self.mean_ = np.asarray(y.mean(axis=0)) / (1 + self.shrink)
        return self

    def predict(self, X: Any) -> Array:
        return np.tile(self.mean_, (len(X), *[1] * self.mean_.ndim))


SHIPPED = [
    model
    for model in vars(models).values()
    if inspect.isclass(model) and issubclass(model, Regressor) and not inspect.isabstract(model)
]


@pytest.fixture(params=[*SHIPPED, Mean], ids=lambda model: model.__name__)
def kind(request: pytest.FixtureRequest) -> type[Regressor]:
    return request.param


@pytest.fixture(params=[(40,), (40, 1), (40, 3)], ids=["y flat", "y one column", "y three columns"])
def data(request: pytest.FixtureRequest) -> tuple[Array, Array]:
    rng = np.random.default_rng(7)
    return rng.normal(size=(40, 2)), rng.normal(size=request.param)


@pytest.mark.filterwarnings("ignore:Estimator .* does not inherit from:UserWarning")
@pytest.mark.parametrize("model", SHIPPED)
def test_scikit_learn_accepts_it(model: type[Regressor]) -> None:
    """Every check that scikit-learn has for an estimator passes."""
    checks = check_estimator(model(), on_skip=None, on_fail="raise")
    assert sum(check["status"] == "passed" for check in checks) > 40


def test_predictions_have_the_shape_of_y(kind: type[Regressor], data: tuple[Array, Array]) -> None:
    """A flat y predicts flat, columns predict columns, one column included."""
    X, y = data
    model = kind().fit(X, y)
    assert model.predict(X[:7]).shape == (7, *y.shape[1:])
    assert model.predict_checked(X[:1]).shape == (1, *y.shape[1:])


def test_what_is_learned_survives_json_and_npz(kind: type[Regressor], data: tuple[Array, Array]) -> None:
    """A model restored from plain arrays and JSON predicts the same to the last bit."""
    X, y = data
    model = kind().fit(X, y)
    learned = model.learned()
    arrays = {key: value for key, value in learned.items() if isinstance(value, np.ndarray)}
    file = BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    file.seek(0)
    plain = json.loads(json.dumps({key: value for key, value in learned.items() if key not in arrays}))
    with np.load(file, allow_pickle=False) as stored:
        again = kind.restore(json.loads(json.dumps(model.get_params())), {**plain, **stored})
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.learned().keys() == learned.keys()


def test_score_is_r2(kind: type[Regressor], data: tuple[Array, Array]) -> None:
    """Scoring is one number, at most 1."""
    X, y = data
    assert kind().fit(X, y).score(X, y) <= 1


def test_parameters_describe_the_signature(kind: type[Regressor]) -> None:
    """The parameters' Struct has the defaults of `__init__`, refuses unknown names, and is made once."""
    schema = kind.parameters()
    assert msgspec.to_builtins(schema()) == kind().get_params()
    assert kind.parameters() is schema
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"colour": "red"}, schema)


def test_wrong_parameters_are_refused_at_fit(kind: type[Regressor], data: tuple[Array, Array]) -> None:
    """Every parameter is checked for its type before anything is learned."""
    for parameter in kind().get_params():
        with pytest.raises(ValueError, match=parameter):
            kind().set_params(**{parameter: "a word"}).fit(*data)


def test_coefficients_belong_to_terms(kind: type[Regressor], data: tuple[Array, Array]) -> None:
    """There is one row of coefficients per term, as many as were announced, or none at all."""
    X, y = data
    found = kind().fit(X, y).coefficients(["a", "b"])
    if found is None:
        assert kind().terms(["a", "b"]) == []
    else:
        assert len(found[0]) == len(found[1]) == kind().n_terms(2)
        assert found[1].shape[1:] == y.shape[1:]


@pytest.mark.parametrize("model", SHIPPED)
def test_predicting_before_a_fit_is_an_error(model: type[Regressor]) -> None:
    """A model that has learned nothing says so."""
    with pytest.raises(NotFittedError, match="not fitted yet"):
        model().predict([[1.0]])


def test_limits_of_parameters() -> None:
    """A degree is a whole number from 1 to 50; numpy's integers are whole numbers too."""
    for degree in (0, 51, 2.5, True):
        with pytest.raises(ValueError, match="degree"):
            models.PolynomialRegressor(degree=degree).fit([[1.0], [2.0]], [1.0, 2.0])
    models.PolynomialRegressor(degree=np.int64(1)).fit([[1.0], [2.0]], [1.0, 2.0])  # type: ignore[arg-type]


def test_what_cannot_be_stored_is_named() -> None:
    """What no file of a version holds is refused with its name, its kind, and words for what can be stored."""
    for value, kind in ((object(), "object"), ({"a": 1}, "dict"), (np.array([None]), "array of object")):
        model = Mean().fit(np.ones((2, 1)), np.ones(2))
        model.secret_ = value  # type: ignore[attr-defined]
        with pytest.raises(
            TypeError, match=rf"secret_ cannot be stored \({kind}\): a model can keep arrays of numbers, numb"
        ):
            model.learned()
