"""The schemas of /openapi.json, made from types: in few words, and with the names that parameters have."""

from typing import Any, Literal

import msgspec

from app.serve.openapi.document import Schemas


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
