"""Every parameter that is offered for an estimator of the zoo can be set over JSON: its default, what is allowed."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, SplineTransformer

from app.model.scikit.estimator import SklearnEstimator
from app.service.sources import check_params
from tests.support import zoo


def allowed(schema: dict[str, Any]) -> Iterator[Any]:
    """Values that a JSON Schema lists, or bounds: the bounds themselves, and a number beside an open one."""
    for choice in schema.get("anyOf", ()):
        yield from allowed(choice)
    yield from schema.get("enum", ())
    match schema.get("type"):
        case "boolean":
            yield from (True, False)
        case "null":
            yield None
        case "integer" | "number" as kind:
            least, most = schema.get("minimum"), schema.get("maximum")
            yield from (bound for bound in (least, most) if bound is not None)
            if (above := schema.get("exclusiveMinimum")) is not None:
                below = next(
                    (bound for bound in (most, schema.get("exclusiveMaximum")) if bound is not None), above + 2
                )
                yield above + 1 if kind == "integer" else (above + below) / 2


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


@pytest.mark.parametrize("name", zoo.ALL)
def test_what_is_offered_can_be_set(name: str) -> None:
    """In a request, and in a queued one, which is JSON a second time; scikit-learn's own checks take it."""
    estimator = SklearnEstimator(name, getattr(zoo, name), "tests.support.zoo")
    (reference,), components = msgspec.json.schema_components([estimator.parameters()])
    schemas = components[reference["$ref"].rpartition("/")[2]].get("properties", {})
    for field in msgspec.structs.fields(estimator.parameters()):
        for value in (default_of(field), *allowed(schemas[field.encode_name])):
            sent = msgspec.json.decode(msgspec.json.encode({field.encode_name: value}))
            params = check_params(estimator.parameters(), sent, "/params")
            assert params[field.name] == value
            assert isinstance(params[field.name], bool) == isinstance(value, bool)
            estimator.check(params)
            estimator.check(msgspec.json.decode(msgspec.json.encode(params)))


LISTS = [
    (
        make_pipeline(OrdinalEncoder(categories=[["a", "b"], ["x"]]), Ridge()),
        {"ordinalencoder__categories": [["b"], []]},
    ),
    (make_pipeline(OrdinalEncoder(), Ridge()), {"ordinalencoder__categories": [["b", "a"]]}),
    (make_pipeline(SplineTransformer(knots=[[0.0], [1.0]]), Ridge()), {"splinetransformer__knots": [[0.0], [2.0]]}),
    (HistGradientBoostingRegressor(interaction_cst=[[0, 1]]), {"learning_rate": 0.5}),
    (MLPRegressor(hidden_layer_sizes=[3]), {"hidden_layer_sizes": [5, 3]}),
    (RidgeCV(alphas=(1.0, 2.0)), {"alphas": [0.5]}),
]


@pytest.mark.parametrize(("template", "params"), LISTS)
def test_lists_and_lists_of_lists_are_kept_and_set(template: Any, params: dict[str, Any]) -> None:
    """Such as the categories of each column; scikit-learn takes some as lists only, and others as any sequence."""
    estimator = SklearnEstimator("any", template, "tests")
    for asked in ({}, params):
        sent = msgspec.json.decode(msgspec.json.encode(check_params(estimator.parameters(), asked, "/params")))
        estimator.check(sent)
