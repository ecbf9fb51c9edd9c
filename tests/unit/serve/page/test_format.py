"""Fields of forms made from parameters, and numbers as text for people."""

from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from app.data.dummy import Dummy, DummyParams
from app.model.models import PolynomialRegressor
from app.serve.page.format import duration, number
from app.serve.page.forms import Field, fields, source_forms


class Params(msgspec.Struct):
    """One of each kind; `free` has no default."""

    free: str
    count: Annotated[int, Meta(ge=1, le=9, description="How many.")] = 3
    share: Annotated[float, Meta(gt=0)] = 0.5
    kind: Literal["a", "b"] = "b"
    on: bool = True
    rest: list[int] = []
    maybe: float | None = None
    word: str = "5"
    perhaps: str | None = None
    mixed: Literal["1", 2] = 2


def test_each_parameter_has_a_field_with_its_default() -> None:
    assert fields(Params) == [
        Field("free", "text", ""),
        Field("count", "number", "3", "How many.", "1", "9", "1"),
        Field("share", "number", "0.5"),
        Field("kind", "text", "b", choices=("a", "b")),
        Field("on", "checkbox", "on"),
        Field("rest", "json", "[]"),
        Field("maybe", "json", ""),
        Field("word", "text", "5"),
        Field("perhaps", "text", ""),
        Field("mixed", "json", "2", choices=("2", "1")),
    ]


def test_the_shipped_parameters_have_fields() -> None:
    assert {field.name: field.kind for field in fields(PolynomialRegressor.parameters())}["degree"] == "number"
    assert [field.name for field in fields(DummyParams)] == ["number", "noise", "seed", "inputs", "function", "kind"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\N{EN DASH}"),
        (0.0, "0"),
        (-3, "−3"),
        (1234567, "1\u202f234\u202f567"),
        (0.95903987, "0.959"),
        (-0.25, "−0.25"),
        (8.8817e-16, "8.882·10⁻¹⁶"),
        (1.5e300, "1.5·10³⁰⁰"),
        (228.64, "228.6"),
    ],
)
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (-0.001, "0 ms"), (0.0421, "42 ms"), (1.26, "1.3 s"), (90, "1.5 min"), (7200, "2.0 h")],
)
def test_lengths_of_time(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_each_source_has_a_form() -> None:
    """By its name, with the first line of its docstring and a field for each parameter."""

    class Other(Dummy):
        """Other points.

        More of them.
        """

    forms = source_forms({"other": Other, "dummy": Dummy})
    assert [form.name for form in forms] == ["dummy", "other"]
    assert forms[1].description == "Other points."
    assert forms[1].fields == fields(DummyParams)
