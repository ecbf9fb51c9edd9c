"""CSV bodies: the query says what the header can't."""

from typing import Any

import pytest

from app.errors import Invalid, Malformed, TrinityError
from app.schemas.requests import Webhook
from app.schemas.verbs import Verb
from app.serve.bodies.csv_body import parse_csv
from tests.support.tables import table_of

BODY = b"a,b,t\n1,2,3\n4,5,6\n"


def refusal(verb: Verb, query: dict[str, Any]) -> tuple[type[TrinityError], list[str]]:
    """The kind of a refusal and its pointers."""
    with pytest.raises(TrinityError) as caught:
        parse_csv(verb, BODY, query)
    return type(caught.value), [fault.pointer for fault in caught.value.faults]


def test_a_fit_takes_model_target_and_parameters() -> None:
    """Every other query parameter is the model's, in the type that JSON gives it."""
    query = {
        "model": "polynomial",
        "target": "t",
        "degree": "2",
        "interactions": "false",
        "name": "plain",
        "list": ["1", "2"],
    }
    request = parse_csv("fit", BODY, query)
    assert request.model == "polynomial"
    assert request.params == {"degree": 2, "interactions": False, "name": "plain", "list": [1, 2]}
    table = table_of(request)
    assert (table.inputs, table.outputs) == (["a", "b"], ["t"])


def test_several_targets() -> None:
    """?target= may be repeated."""
    table = table_of(parse_csv("fit", BODY, {"target": ["t", "a"]}))
    assert table is not None and table.y is not None
    assert table.y.tolist() == [[3, 1], [6, 4]]


@pytest.mark.parametrize(("text", "version"), [("3", 3), ("latest", "latest"), ("03", "03"), ("9" * 5000, "9" * 5000)])
def test_a_version_is_a_number_or_an_alias(text: str, version: int | str) -> None:
    """What isn't plainly a number is taken for an alias, and found or not."""
    assert parse_csv("predict", BODY, {"version": text}).version == version


@pytest.mark.parametrize(
    ("verb", "query", "pointer"),
    [
        ("fit", {}, "/target"),
        ("fit", {"target": "t", "separator": "ab"}, "/separator"),
        ("fit", {"target": "t", "separator": "1"}, "/separator"),
        ("fit", {"target": "t", "separator": [",", ";"]}, "/separator"),
        ("fit", {"target": "t", "decimal": ";"}, "/decimal"),
        ("fit", {"target": "t", "header": "maybe"}, "/header"),
        ("predict", {"encoding": "rot13"}, "/encoding"),
        ("predict", {"encoding": "../x"}, "/encoding"),
        ("predict", {"encoding": "idna"}, "/encoding"),
        ("predict", {"keep": "a\nb"}, "/keep"),
        ("fit", {"target": "t", "ignore": ["a", "b\rc"]}, "/ignore"),
        ("fit", {"target": "t", "version": "1"}, "/version"),
        ("fit", {"target": "t", "model": ["a", "b"]}, "/model"),
        ("predict", {"degree": "2"}, "/degree"),
        ("score", {"a/b": "2"}, "/a~1b"),
        ("score", {"version": ["1", "2"]}, "/version"),
        *(("fit", {"target": "t", "timeout": text}, "/timeout") for text in ("0", "-1", "nan", "", "soon", "1e999")),
        ("predict", {"timeout": ["1", "2"]}, "/timeout"),
        ("predict", {"webhook": ["http://a.example/"] * 2}, "/webhook"),
    ],
)
def test_a_wrong_query(verb: Verb, query: dict[str, Any], pointer: str) -> None:
    """Is refused with the parameter's name as the pointer."""
    assert refusal(verb, query) == (Invalid, [pointer])


@pytest.mark.parametrize("value", ["NaN", "[", "[" * 60_000, "{" * 5, "9" * 5000, "1e999", ""])
def test_a_parameter_that_is_no_json_is_text(value: str) -> None:
    """Whatever stands in the query, it is a value that the model may refuse, and no error here."""
    assert parse_csv("fit", BODY, {"target": "t", "degree": value}).params["degree"] == value


def test_a_quoted_name_may_hold_a_comma_and_a_line_end() -> None:
    """As in the header of a CSV file."""
    assert parse_csv("predict", BODY, {"keep": 'a, "b,c", "d\ne"'}).keep == ["a", "b,c", "d\ne"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_text_that_is_not_in_the_encoding_that_is_given(encoding: str) -> None:
    """Is Malformed, also where the byte order mark is missing."""
    with pytest.raises(Malformed, match=f"the CSV is not {encoding}"):
        table_of(parse_csv("fit", BODY, {"target": "t", "encoding": encoding}))


@pytest.mark.parametrize("verb", ["fit", "predict", "score"])
def test_a_timeout_and_a_webhook_go_with_every_verb(verb: Verb) -> None:
    """They aren't taken for parameters of the model."""
    request = parse_csv(verb, BODY, {"target": "t", "timeout": "2.5", "webhook": "http://a.example/"})
    assert (request.timeout, request.webhook, request.params) == (2.5, Webhook("http://a.example/"), {})
