"""The fields of the form for predictions: one of the right kind for each column, filled from a row."""

from math import nan

from app.schemas.columns import Column
from app.schemas.wording import seen
from app.serve.page.format import number
from app.serve.page.forms import MAX_FIELDS, Field, column_fields

COLUMNS = [
    Column("size", "number", min=0.5, max=2000000.0),
    Column("rooms", "integer", nullable=True, min=1.0, max=1.0),
    Column("city", "text", categories=["Bern", "Chur"]),
    Column("free", "text"),
    Column("new", "boolean"),
    Column("quiet", "boolean", nullable=True),
    Column("day", "datetime", min="2020-01-01T00:00:00Z", max="2021-01-01T00:00:00Z"),
]


def test_each_column_has_a_field_of_its_kind() -> None:
    assert column_fields(COLUMNS, [1.5, nan, 1.0, 0.0, 1.0, 0.0, 1577836800.0]) == [
        Field("size", "number", "1.5"),
        Field("rooms", "number", "", nullable=True),
        Field("city", "text", "Chur", choices=("Bern", "Chur")),
        Field("free", "text", ""),
        Field("new", "checkbox", "on"),
        Field("quiet", "json", "false", choices=("true", "false"), nullable=True),
        Field("day", "datetime", "2020-01-01T00:00:00"),
    ]


def test_without_a_row_they_are_empty() -> None:
    assert [field.value for field in column_fields(COLUMNS, [None] * len(COLUMNS))] == [""] * len(COLUMNS)


def test_many_columns_share_a_field_that_holds_a_row_of_csv() -> None:
    columns = [Column(str(number), "text", categories=["a, b"]) for number in range(MAX_FIELDS + 1)]
    (field,) = column_fields(columns, [0.0] * len(columns))
    assert field == Field("41 values, comma separated", "csv", ",".join(['"a, b"'] * 41))


def test_what_the_fit_saw_is_said_in_words() -> None:
    assert [seen(column, number) for column in COLUMNS] == [
        "0.5 to 2·10⁶",
        "1 to 1, some missing",
        "Bern, Chur",
        "more than 1\u202f000 texts",
        "true or false",
        "true or false, some missing",
        "2020-01-01T00:00:00Z to 2021-01-01T00:00:00Z",
    ]
    assert seen(Column("many", "text", categories=list("abcdefghij")), number) == "a, b, c, d, e, f, g, h, … and 2 more"
    assert seen(Column("long", "text", categories=["a" * 50]), number) == "a" * 39 + "…"
    assert seen(Column("x", "number"), number) == ""
