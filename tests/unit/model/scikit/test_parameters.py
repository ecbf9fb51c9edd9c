"""The parameters of scikit-learn's estimators that requests may set: JSON-able, typed, and never dangerous ones."""

from typing import Any

import msgspec
import pytest
from lightgbm import LGBMRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.utils import all_estimators
from sklearn.utils._test_common.instance_generator import _construct_instances
from xgboost import XGBRegressor

from app.model.scikit.parameters import parameters_of


def convert(estimator: Any, **params: Any) -> Any:
    """The parameters of a request as the estimator's Struct has them."""
    return msgspec.convert(params, parameters_of(estimator, "Any"))


def properties(estimator: Any) -> dict[str, Any]:
    """The JSON Schema of each parameter."""
    schema = msgspec.json.schema(parameters_of(estimator, "Any"))
    found: dict[str, Any] = schema["$defs"]["AnyParameters"]["properties"]
    return found


def test_types_limits_values_and_defaults_are_those_of_scikit_learn() -> None:
    """As OpenAPI, the page and the client show them."""
    assert properties(Lasso())["alpha"] == {"type": "number", "minimum": 0, "default": 1.0}
    found = properties(LogisticRegression(C=5.0))
    assert found["C"] == {"type": "number", "exclusiveMinimum": 0, "default": 5.0}
    assert found["solver"]["enum"] == ["lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"]
    assert "penalty" not in found  # it is deprecated
    assert properties(MLPRegressor())["hidden_layer_sizes"]["default"] == (100,)
    assert properties(RandomForestRegressor())["max_depth"]["anyOf"][0] == {"type": "integer", "minimum": 1}


@pytest.mark.parametrize(
    ("estimator", "good", "bad"),
    [
        (Ridge(), {"alpha": 2}, {"alpha": -1}),
        (Ridge(), {"max_iter": None}, {"max_iter": 0}),
        (SVR(), {"gamma": "scale"}, {"gamma": "wide"}),
        (SVR(), {"gamma": 0.5}, {"gamma": [1]}),
        (RandomForestRegressor(), {"min_samples_split": 0.5}, {"min_samples_split": 1}),
        (RandomForestRegressor(), {"max_features": "sqrt"}, {"max_features": 1.5}),
        (RandomForestRegressor(), {"random_state": 7}, {"random_state": -7}),
        (MLPRegressor(), {"hidden_layer_sizes": [5, 3]}, {"hidden_layer_sizes": "big"}),
        (XGBRegressor(), {"learning_rate": 0.5}, {"learning_rate": "fast"}),
        (XGBRegressor(), {"n_estimators": 10}, {"no_such_parameter": 1}),
        (LGBMRegressor(), {"num_leaves": 10}, {"num_leaves": 1.5}),
    ],
)
def test_values_are_checked_before_the_estimator_sees_them(
    estimator: Any, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    """By scikit-learn's constraints, or the annotations of other libraries."""
    convert(estimator, **good)
    with pytest.raises(msgspec.ValidationError):
        convert(estimator, **bad)


def test_the_steps_of_pipelines_have_theirs_under_their_names() -> None:
    """But the steps cannot be replaced."""
    found = properties(make_pipeline(StandardScaler(), Ridge()))
    assert {"standardscaler__with_mean", "ridge__alpha"} <= found.keys()
    assert not {"steps", "memory", "verbose", "ridge", "standardscaler"} & found.keys()


@pytest.mark.parametrize(
    "estimator",
    [
        Pipeline([("scale", StandardScaler()), ("fit", RandomForestRegressor())]),
        GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [1, 2]}),
        make_pipeline(TfidfVectorizer(), Ridge()),
        XGBRegressor(),
        LGBMRegressor(),
        Pipeline([("scale", "passthrough"), ("fit", Ridge())]),
    ],
    ids=["pipeline", "search", "texts", "xgboost", "lightgbm", "no step"],
)
def test_no_request_reaches_files_threads_steps_or_other_parameters(estimator: Any) -> None:
    """Neither as such nor by way of a grid."""
    last = {name.rpartition("__")[2] for name in properties(estimator)}
    never = {
        "memory",
        "n_jobs",
        "verbose",
        "steps",
        "input",
        "param_grid",
        "estimator",
        "token_pattern",
        "scale",
        "fit",
    }
    assert not last & never


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_defaults_of_every_estimator_are_what_its_parameters_allow() -> None:
    """Of all that scikit-learn has: a request without parameters is a good one, and one with all of them too."""
    counted = 0
    for name, kind in all_estimators():
        if name == "FrozenEstimator":
            continue
        parameters = parameters_of(next(iter(_construct_instances(kind))), name)
        written = msgspec.json.encode(parameters())
        msgspec.json.decode(written, type=parameters)
        counted += len(msgspec.structs.fields(parameters))
    assert counted > 1500
