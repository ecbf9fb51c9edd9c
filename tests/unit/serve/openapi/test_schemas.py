"""What /openapi.json is made from: schemas of types, bodies of the models and sources served, declared routes."""

from typing import Any, Literal

import msgspec

from app.data.dummy import Dummy
from app.model.own_estimators import OwnEstimator
from app.model.polynomial import PolynomialRegressor
from app.serve.openapi.document import Schemas
from app.serve.openapi.parts import path_parameters
from app.serve.openapi.schemas import BodySchemas
from app.serve.resources.route import public_routes, route, routes_of
from app.settings import Mode, Settings


class Odd(msgspec.Struct):
    """Parameters named like words of JSON Schema."""

    enum: int
    default: Any
    required: list[int]
    anyOf: str = "a"  # noqa: N815
    const: int = 1


class Plain(msgspec.Struct):
    """What there is less to say of: an empty default, and a list of one value."""

    only: Literal["a"] = "a"
    rest: dict[str, int] = {}


def schema(kind: Any) -> Any:
    return Schemas([kind]).components[kind.__name__]


def test_a_parameter_may_be_named_like_a_word_of_the_schema() -> None:
    properties = schema(Odd)["properties"]
    assert list(properties) == ["enum", "default", "required", "anyOf", "const"]
    assert properties["enum"] == {"type": "integer"}
    assert properties["default"] == {}


def test_what_says_nothing_is_left_out() -> None:
    """An empty default is; a list of one value is that value."""
    assert schema(Plain)["properties"] == {
        "only": {"const": "a", "default": "a"},
        "rest": {"type": "object", "additionalProperties": {"type": "integer"}},
    }


class RowsParams(msgspec.Struct):
    """The parameters of a source."""

    table: str
    limit: int = 10


class RowsSource:
    """Rows of a database.

    By name.
    """

    name = "warehouse"
    Params = RowsParams


def test_a_source_is_described_by_its_class() -> None:
    """Its name, its parameters and its docstring are all that the document needs; a required parameter is required."""
    settings = Settings(mode=Mode.SYNC)
    bodies = BodySchemas(
        {"polynomial": OwnEstimator(PolynomialRegressor)}, {"dummy": Dummy, "warehouse": RowsSource}, settings
    )
    body = bodies.body("fit")
    schemas = Schemas([*body.contents.values(), *bodies.members]).components
    choices = {choice["$ref"].rpartition("/")[2] for choice in schemas["FitBody"]["properties"]["data"]["anyOf"][:-1]}
    assert choices == {"Pairs", "DummySource", "WarehouseSource"}
    source = schemas["WarehouseSource"]
    assert source["description"] == "Rows of a database."
    assert source["properties"]["source"] == {"const": "warehouse"}
    assert source["required"] == ["source", "params"]
    assert schemas["WarehouseParams"]["required"] == ["table"]
    assert schemas["DummySource"]["required"] == ["source"]


def test_a_model_and_a_source_of_one_name_have_two_schemas() -> None:
    bodies = BodySchemas({"dummy": OwnEstimator(PolynomialRegressor)}, {"dummy": Dummy}, Settings(mode=Mode.SYNC))
    schemas = Schemas([*bodies.body("fit").contents.values(), *bodies.members]).components
    assert "degree" in schemas["dummyParams"]["properties"]
    assert "noise" in schemas["DummyParams"]["properties"]


class Greeting:
    """A resource."""

    @route("/greet/{name}", "Greets.", operation="greet")
    @route("/greet", "Greets the default model.")
    def on_get(self) -> None:
        """Greet."""

    @route("/greet", "Forgets.", queued=True)
    def on_delete(self) -> None:
        """Forget."""


def test_routes_are_declared_beside_responders() -> None:
    """In the order in which they are written; the responders stay as they are."""
    greeting = Greeting()
    routes = routes_of(greeting, object())
    assert [(each.method, each.path) for each in routes] == [
        ("GET", "/greet/{name}"),
        ("GET", "/greet"),
        ("DELETE", "/greet"),
    ]
    assert all(each.resource is greeting for each in routes)
    assert [each.description for each in public_routes(routes, Mode.SYNC)] == ["Greets.", "Greets the default model."]


def test_a_route_is_completed_from_its_path() -> None:
    """With the parameters in it, and their examples in the example's path."""
    parameters = path_parameters("polynomial")
    completed = routes_of(Greeting())[0].complete(parameters)
    assert [each.name for each in completed.parameters] == ["name"]
    assert completed.example_path == "/greet/polynomial"
