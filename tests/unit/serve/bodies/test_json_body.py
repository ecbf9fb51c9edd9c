"""JSON bodies: decoded, or refused with a pointer to the value that is wrong."""

import json
import re

import numpy as np
import pytest

from app.data.records import ColumnRecords
from app.errors import Invalid, Malformed, TrinityError
from app.model.own_estimators import KINDS as MODEL_KINDS
from app.schemas.columns import KINDS
from app.schemas.requests import Request, Webhook
from app.schemas.verbs import Verb
from app.serve.bodies.json_body import parse_json
from app.service.choice import FitChoice
from tests.support.tables import table_of


def parsed(text: str | bytes, verb: Verb = "fit") -> Request:
    """The request of a body."""
    return parse_json(verb, text.encode() if isinstance(text, str) else text)


def _read(request: Request) -> None:
    if request.data is not None:
        request.data.read(FitChoice(MODEL_KINDS, takes_missing=False))


def refusal(text: str | bytes, verb: Verb = "fit") -> tuple[type[TrinityError], list[str]]:
    """The kind of a refusal and its pointers; its words are short whatever was sent."""
    with pytest.raises(TrinityError) as caught:
        _read(parsed(text, verb))
    assert len(caught.value.detail) < 500
    return type(caught.value), [fault.pointer for fault in caught.value.faults]


@pytest.mark.parametrize("body", ["", " \n", "{}"])
def test_nothing_is_an_empty_request(body: str) -> None:
    """No body asks for the defaults, as {} does."""
    assert parsed(body) == Request()


def test_rows_and_outputs() -> None:
    """X is n×p, y n or n×k, both float64 and contiguous; integers are numbers, too."""
    table = table_of(parsed('{"data": {"X": [[1, 2.5], [3, 4], [5, 6]], "y": [[1], [2], [3]]}}'))
    assert table is not None and table.y is not None
    assert table.X.tolist() == [[1, 2.5], [3, 4], [5, 6]]
    assert (table.y.shape, table.inputs, table.outputs) == ((3, 1), None, None)
    assert all(a.dtype == np.float64 and a.flags.c_contiguous for a in (table.X, table.y))


def test_named_rows_in_any_order() -> None:
    """The first row, or `columns`, gives the order."""
    rows = '[{"a": 1, "b": 2}, {"b": 4, "a": 3}]'
    for columns, names, X in (
        ("", ["a", "b"], [[1, 2], [3, 4]]),
        (',"columns": ["b", "a"]', ["b", "a"], [[2, 1], [4, 3]]),
    ):
        table = table_of(parsed(f'{{"data": {{"X": {rows} {columns}}}}}'))
        assert table is not None
        assert (table.inputs, table.X.tolist()) == (names, X)


@pytest.mark.parametrize("version", ["3", '"latest"'])
def test_a_version_is_a_number_or_an_alias(version: str) -> None:
    """For predict and score."""
    assert parsed(f'{{"version": {version}}}', "predict").version in {3, "latest"}


@pytest.mark.parametrize("version", ["1", "0", "007", "9" * 100])
@pytest.mark.parametrize("verb", ["predict", "score"])
def test_a_version_in_quotes_is_told_from_an_alias(version: str, verb: Verb) -> None:
    """No alias is a number: the message says how to write a version."""
    with pytest.raises(Invalid, match="is not an alias; write the number of a version without quotes") as caught:
        parsed(f'{{"version": "{version}"}}', verb)
    assert [fault.pointer for fault in caught.value.faults] == ["/version"]
    assert len(caught.value.detail) < 120


@pytest.mark.parametrize("word", ["NaN", "-NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize(
    ("around", "pointer"),
    [
        ('{"data":{"X":[[1,2],[3,#]]}}', "/data/X/1/1"),
        ('{"data":{"X":[[1]],"y":[[1],[2,#]]}}', "/data/y/1/1"),
        ('{"data": {"X": [{"a": 1}, {"a~/\\"b": #}]}}', '/data/X/1/a~0~1"b'),
        ('{"model": "[{,:\\"\\\\", "params": {"list": [[], {}, [1, {"deep": #}]]}}', "/params/list/2/1/deep"),
        ('{"data":{"X":"wrong","y":[#]}}', "/data/y/0"),
        ('{"unknown": 1, "params": {"degree": #}}', "/params/degree"),
        ("#", ""),
        (" [ 1 , # ]", "/1"),
    ],
)
def test_a_literal_that_is_no_json_has_a_pointer(word: str, around: str, pointer: str) -> None:
    """NaN and Infinity make a body malformed wherever they stand, and the answer says where."""
    assert refusal(around.replace("#", word)) == (Malformed, [pointer])


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 400, "9" * 5000])
def test_a_number_beyond_float64_is_invalid(number: str) -> None:
    """It is JSON, but no number that can be reckoned with."""
    assert refusal(f'{{"data":{{"X":[[1],[{number}]]}}}}') == (Invalid, ["/data/X/1/0"])


@pytest.mark.parametrize("number", ["9" * 25, "9" * 400, "9" * 5000, "1.5", "true", "0", "-1"])
def test_a_version_that_is_none(number: str) -> None:
    """Numbers that no version has are refused here or, when they are merely too high, not found later."""
    body = f'{{"version": {number}}}'
    if number.startswith("9") and len(number) < 4300:
        assert parsed(body, "predict").version == int(number)
    else:
        assert refusal(body, "predict") == (Invalid, ["/version"])


@pytest.mark.parametrize(
    "body",
    ["[" * 100_000, '{"data":' * 100_000, '{"params":{"a":' + "[" * 100_000 + "]" * 100_000 + "}}", '[{"a":' * 100_000],
    ids=["arrays", "objects", "closed arrays", "both"],
)
def test_deep_nesting_is_malformed(body: str) -> None:
    """And neither a crash nor a 500."""
    assert refusal(body)[0] is Malformed


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nope",
        b"{}{}",
        b'{"model": "\xff"}',
        b"\xff\xfe{}",
        b'{"model": "\x00"}',
        b'{"a": 1,}',
        b'{"model": "\\ud800"}',
        b"{'a': 1}",
        b"nan",
    ],
)
def test_what_is_no_json(body: bytes) -> None:
    """Is malformed, without a pointer, because there is nothing to point at."""
    assert refusal(body) == (Malformed, [])


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ('"X": [[1, 2], [3]]', "/data/X/1"),
        ('"X": [[1, 2], [3, 4], []]', "/data/X/2"),
        ('"X": [[1], 2]', "/data/X/1"),
        ('"X": [[1], {"a": 1}]', "/data/X/1"),
        ('"X": [{"a": 1}, [1]]', "/data/X/1"),
        ('"X": [{"a": 1}, {"b": 1}]', "/data/X/1"),
        ('"X": [{"a": 1}, {}]', "/data/X/1"),
        ('"X": [1, 2]', "/data/X/0"),
        ('"X": []', "/data/X"),
        ('"X": [["1"], [2]]', "/data/X/1/0"),
        ('"X": [[true], ["a"]]', "/data/X/1/0"),
        ('"X": [["2020-02-01"]]', "/data/X/0/0"),
        ('"X": [[null]]', "/data/X/0/0"),
        ('"X": [[[1]]]', "/data/X/0/0"),
        ('"X": [{"a": "text", "b": null, "c": [1]}]', "/data/X/0/c"),
        ('"X": [[1]], "y": [1, [2]]', "/data/y/1"),
        ('"X": [[1]], "y": [[1], 2]', "/data/y/1"),
        ('"X": [[1]], "y": [[1], [2, 3]]', "/data/y/1"),
        ('"X": [[1]], "y": []', "/data/y"),
        ('"X": [[1, 2]], "columns": ["a", "a"]', "/data/columns/1"),
        ('"X": [[1, 2]], "columns": ["a"]', "/data/columns"),
        ('"X": [[1, 2]], "columns": []', "/data/columns"),
        ('"X": [[1]], "columns": [""]', "/data/columns/0"),
        ('"X": [[1]], "source": "dummy"', "/data"),
        ('"y": [1]', "/data"),
        ('"X": [[1]], "params": {"a": 1}', "/data/params"),
        ('"X": [[1]], "Z": 1', "/data/Z"),
        ('"X": [{"a": "1"}, {"a": 1}]', "/data/X/1/a"),
    ],
)
def test_well_formed_but_wrong(data: str, pointer: str) -> None:
    """Each is Invalid, with a pointer to the value or member."""
    kind, pointers = refusal(f'{{"data": {{{data}}}}}')
    assert kind is Invalid
    assert pointers in ([pointer], [f"{pointer}/0"])


def test_mixed_rows_are_told_from_ragged_ones() -> None:
    """The words don't claim that a row of the right length is too long."""
    request = parsed('{"data": {"X": [[1, 2], {"a": 1, "b": 2}]}}')
    with pytest.raises(Invalid) as caught:
        table_of(request)
    assert "values" not in caught.value.detail


def test_an_integer_of_any_length_is_out_of_range() -> None:
    """Python refuses to print one of over 4,300 digits; the pointer is found all the same."""
    text = '{"params": {"fit_intercept": true, "degree": 1' + "0" * 5000 + "}}"
    assert refusal(text) == (Invalid, ["/params/degree"])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"data":{"sample_weight":[1e999]},"data":null}', "/data/sample_weight/0"),
        ('{"params":{"a":1e999},"params":null}', "/params"),
        ('{"params":{"a":1e999},"params":[1]}', "/params"),
        ('{"params":{"a":1e999},"zz":' + "[" * 900 + "]" * 900 + "}", "/params/a"),
    ],
)
def test_a_member_given_twice_ends_the_pointer_before_it(body: str, pointer: str) -> None:
    """Readers differ in which of the two counts; it is no fault of ours in any case."""
    assert refusal(body) == (Invalid, [pointer])


@pytest.mark.parametrize("verb", ["fit", "predict", "score"])
@pytest.mark.parametrize("path", ["zz[...]", "data[...]", "params[...]", "[0]", "data.X[9][...]", "x`"])
def test_a_name_that_looks_like_a_path(verb: Verb, path: str) -> None:
    """Is an unknown member like any other."""
    assert refusal(f'{{"a - at `$.{path}": 1}}', verb)[0] is Invalid
    assert refusal(f'{{"a - at `$.{path}`": 1, "data": null}}', verb)[0] is Invalid


def test_an_unknown_member_that_is_not_utf8() -> None:
    """Nobody reads its name until a pointer to what comes after it is asked for."""
    assert refusal(b'{"zz":{"\xff": 1, "a": NaN}}', "predict") == (Malformed, [])


@pytest.mark.parametrize("verb", ["fit", "predict", "score"])
def test_a_timeout_and_a_webhook_go_with_every_verb(verb: Verb) -> None:
    """Seconds, and an object with the URL."""
    request = parsed('{"timeout": 2.5, "webhook": {"url": "http://a.example/"}}', verb)
    assert (request.timeout, request.webhook) == (2.5, Webhook("http://a.example/"))
    assert parsed('{"timeout": 30, "webhook": null}', verb) == Request(timeout=30.0)


@pytest.mark.parametrize("value", ["0", "-1", "-0.5", '"5"', "true", "[]", "1e999", "9" * 400])
def test_a_timeout_is_a_number_over_zero(value: str) -> None:
    """And a finite one."""
    assert refusal(f'{{"timeout": {value}}}') == (Invalid, ["/timeout"])


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ('"http://a.example/"', "/webhook"),
        ("{}", "/webhook"),
        ('{"url": 5}', "/webhook/url"),
        ('{"url": null}', "/webhook/url"),
        ('{"url": "http://a.example/", "secret": "x"}', "/webhook/secret"),
    ],
)
def test_a_webhook_is_an_object_with_a_url(value: str, pointer: str) -> None:
    """And with nothing else."""
    assert refusal(f'{{"webhook": {value}}}', "predict") == (Invalid, [pointer])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"model": "polynomial", "model": "multivariate"}', "/model"),
        ('{"params": {"degree": 1, "degree": 2}}', "/params/degree"),
        ('{"data": {"X": [[1]], "y": [1], "X": [[2]]}}', "/data/X"),
        ('{"data": {"X": [[1]], "y": [1]}, "data": {"X": [[1]], "y": [1]}}', "/data"),
        ('{"data": {"source": "dummy", "params": {"number": 5, "number": 6}}}', "/data/params/number"),
        ('{"webhook": {"url": "http://a", "url": "http://b"}}', "/webhook/url"),
        ('{"data": {"X": [{"a": 1}, {"a": 1, "a": 2}], "y": [1, 2]}}', "/data/X/1/a"),
        ('{"data": {"X": [{"a": "x:y"}, {"a": "z", "a" : "x:y"}], "y": [1, 2]}}', "/data/X/1/a"),
    ],
)
def test_a_member_given_twice_is_malformed(body: str, pointer: str) -> None:
    """The decoder would take the last one and say nothing."""
    assert refusal(body) == (Malformed, [pointer])


def test_the_byte_order_mark_of_utf8_is_passed_over() -> None:
    """RFC 8259 §8.1: a parser may ignore it."""
    body = '\ufeff{"data": {"X": [[0.5]]}}'.encode()
    assert table_of(parsed(body, "predict")).X.tolist() == [[0.5]]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("rows", [1, 100_000])
def test_another_encoding_is_named(encoding: str, rows: int) -> None:
    """And not told as a fault of JSON."""
    body = ('{"data": {"X": [[0.5]' + ",[1]" * (rows - 1) + "]}}").encode(encoding)
    with pytest.raises(Malformed, match=r"UTF-(16|32); JSON is sent as UTF-8"):
        parsed(body)


LARGE = 40_000
ROWS = {
    "numbers": lambda i: [i / 7, i],
    "named numbers": lambda i: {"a": i / 7, "b": i},
    "texts": lambda i: [f'a,[{i % 7}\\"', i],
    "times": lambda i: {"a": f"2020-01-01T00:{i % 60:02}:00Z", "b : c": True},
    "texts at the end": lambda i: ["x" if i == LARGE - 1 else "y", None if i % 3 else "z"],
}


@pytest.mark.parametrize("kind", ROWS)
def test_a_large_body_is_read_as_its_rows_are(kind: str) -> None:
    """It is decoded in pieces, and makes the table that the same rows make in Python."""
    rows = [ROWS[kind](i) for i in range(LARGE)]
    values = [list(row.values()) if isinstance(row, dict) else row for row in rows]
    choice = FitChoice(frozenset(KINDS), takes_missing=True)
    for separators in ((",", ":"), (", ", " : ")):
        body = json.dumps({"data": {"X": rows, "y": [[i] for i in range(LARGE)]}}, separators=separators)
        data = parsed(body).data
        assert data is not None
        table = data.read(choice)
        expected = ColumnRecords(list(zip(*values, strict=True)), table.inputs, "", range(2)).read(choice)
        assert np.array_equal(table.X, expected.X, equal_nan=True)
        assert (table.kinds, table.categories) == (expected.kinds, expected.categories)
        assert table.y is not None and table.y.tolist() == [[i] for i in range(LARGE)]


@pytest.mark.parametrize(
    ("part", "error", "pointer"),
    [
        ("[1, 2]", Invalid, f"/data/X/{LARGE}"),
        ('["a"]', Invalid, f"/data/X/{LARGE}/0"),
        ("[{}]", Invalid, f"/data/X/{LARGE}/0"),
        ("1", Invalid, f"/data/X/{LARGE}"),
        ("[NaN]", Malformed, f"/data/X/{LARGE}/0"),
        ("[1e999]", Invalid, f"/data/X/{LARGE}/0"),
    ],
)
def test_a_large_body_is_refused_with_the_row(part: str, error: type[TrinityError], pointer: str) -> None:
    """Its number is that of the whole, not that of the piece."""
    X = "[1234567.5]," * LARGE + part
    assert refusal(f'{{"data": {{"X": [{X}], "y": [1]}}}}') == (error, [pointer])


@pytest.mark.parametrize("part", [",", ", ", "]", "1", "[1] [2],[1]"])
def test_a_large_body_is_malformed_at_its_byte(part: str) -> None:
    """The position is that in the whole body."""
    X = ",".join(["[1234567.5]"] * LARGE) + part
    body = f'{{"data": {{"X": [{X}], "y": [1]}}}}'
    with pytest.raises(Malformed, match=r"\(byte \d+\)") as caught:
        _read(parsed(body))
    at = re.search(r"\(byte (\d+)\)", caught.value.detail)
    assert at and abs(int(at[1]) - body.index(X) - len(X)) < 20
