"""The tensors of the Open Inference Protocol: read as they are meant; for the rest nothing but the domain's errors."""

import json
import re
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.data.records import ColumnRecords, TableRecords
from app.errors import Invalid, Malformed
from app.schemas.jobs import Job
from app.serve.oip.messages import InferInput, read_request, response

X: dict[str, Any] = {"name": "X", "shape": [2, 2], "datatype": "FP64", "data": [1, 2.5, 3, -4]}
NUMBERS = np.array([[1, 2.5], [3, -4]])
JOB = Job(id="j", verb="predict", model="m", version=1, status="SUCCESS", created_s=0.0, array=NUMBERS)
BINARY = {"name": "X", "shape": [2, 2], "datatype": "FP64", "parameters": {"binary_data_size": 32}}
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
SIZES = st.integers(-2, 5) | st.sampled_from([2**31, 2**32, 2**62, 2**63, 2**64, 10**30])
SHAPES = st.lists(SIZES, max_size=4)
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["X", "a", "b", ""]) | st.text(max_size=3),
        "shape": SHAPES | JSONS,
        "datatype": st.sampled_from(["FP64", "FP32", "INT32", "INT64", "FP16", "BYTES", "BOOL"]) | st.text(max_size=4),
    },
    optional={
        "data": JSONS | st.lists(st.integers(-3, 3), max_size=10) | st.lists(st.lists(st.floats(), max_size=3)),
        "parameters": st.fixed_dictionaries({}, optional={"binary_data_size": SIZES | JSONS}) | JSONS,
    },
)
REQUESTS = st.fixed_dictionaries(
    {"inputs": st.lists(TENSORS, max_size=3) | JSONS}, optional={"id": JSONS, "outputs": JSONS, "parameters": JSONS}
)


def read(body: Any, binary: bytes | None = None, json_length: str | None = None) -> InferInput:
    """What a request asks for, with `binary` after its JSON."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    length = str(len(text)) if binary is not None else None
    return read_request(text + (binary or b""), json_length or length, max_inputs=3)


def pointer(error: pytest.ExceptionInfo[Invalid]) -> str:
    (fault,) = error.value.faults
    return fault.pointer


@pytest.mark.parametrize("data", [[1, 2.5, 3, -4], [[1, 2.5], [3, -4]]])
def test_numbers_come_flat_or_in_rows(data: Any) -> None:
    assert np.array_equal(read({"inputs": [X | {"data": data}]}).records.table.X, NUMBERS)


@pytest.mark.parametrize(("datatype", "kind"), [("FP64", "<f8"), ("FP32", "<f4"), ("INT32", "<i4"), ("INT64", "<i8")])
def test_each_datatype_in_binary_and_in_json(datatype: str, kind: str) -> None:
    """Both give the same float64."""
    numbers = np.array([[1, -2], [3, 2**30 - 1]], kind)
    tensor = BINARY | {"datatype": datatype, "parameters": {"binary_data_size": numbers.nbytes}}
    binary = read({"inputs": [tensor]}, numbers.tobytes()).records.table.X
    text = read({"inputs": [X | {"datatype": datatype, "data": numbers.tolist()}]}).records.table.X
    assert binary.dtype == text.dtype == np.float64
    assert np.array_equal(binary, numbers) and np.array_equal(text, numbers)
    assert binary.flags.c_contiguous and binary.flags.aligned


def test_float32_in_json_is_rounded_as_it_is_in_binary() -> None:
    asked = read({"inputs": [{"name": "X", "shape": [1], "datatype": "FP32", "data": [0.1]}]})
    assert asked.records.table.X.tolist() == [[float(np.float32(0.1))]]


def test_a_vector_is_one_column() -> None:
    assert read({"inputs": [X | {"shape": [4]}]}).records.table.X.shape == (4, 1)


def test_a_tensor_a_column() -> None:
    """Binary and JSON together, of shape [n] or [n, 1]."""
    a = {"name": "a", "shape": [2], "datatype": "FP64", "parameters": {"binary_data_size": 16}}
    b = {"name": "b", "shape": [2, 1], "datatype": "INT64", "data": [3, 4]}
    table = read({"inputs": [a, b]}, np.array([1.0, 2.0]).tobytes()).records.table
    assert table.inputs == ["a", "b"] and table.X.tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"datatype": "FP16"}, "/inputs/0/datatype"),
        ({"datatype": "BYTES"}, "/inputs/0/data/0"),
        ({"datatype": "BOOL"}, "/inputs/0/data/0"),
        ({"shape": []}, "/inputs/0/shape"),
        ({"shape": [0, 2]}, "/inputs/0/shape"),
        ({"shape": [2, 1, 2]}, "/inputs/0/shape"),
        ({"shape": [-2, -2]}, "/inputs/0/shape/0"),
        ({"shape": [[2], 2]}, "/inputs/0/shape/0"),
        ({"shape": [2**32, 2**32]}, "/inputs/0/data"),
        ({"shape": [2**63 - 1, 2**63 - 1]}, "/inputs/0/data"),
        ({"shape": [2**64, 2**64]}, "/inputs/0/shape/0"),
        ({"shape": [2, 2**63]}, "/inputs/0/shape/1"),
        ({"shape": [10**4200, 10**4200]}, "/inputs/0/shape/0"),
        ({"shape": [4]}, "/inputs/0/data"),
        ({"data": [[1, 2], [3]]}, "/inputs/0/data/1"),
        ({"data": [1, 2, "3", 4]}, "/inputs/0/data/2"),
        ({"data": [1, 2, True, 4]}, "/inputs/0/data/2"),
        ({"data": [1, 2, 3]}, "/inputs/0/data"),
        ({"datatype": "FP32", "data": [1, 2, 3, 1e300]}, "/inputs/0/data/3"),
        ({"datatype": "FP32", "data": [[1, 2], [3, 1e300]]}, "/inputs/0/data/1/1"),
        ({"datatype": "FP32", "shape": [2], "data": [1, 1e300]}, "/inputs/0/data/1"),
        ({"datatype": "FP32", "shape": [2, 1], "data": [[1], [1e300]]}, "/inputs/0/data/1/0"),
        ({"datatype": "INT32", "data": [1, 2, 2**31, 4]}, "/inputs/0/data/2"),
        ({"datatype": "INT64", "data": [1, 2, 2**63, 4]}, "/inputs/0/data/2"),
        ({"datatype": "INT64", "data": [1, 2, 3.5, 4]}, "/inputs/0/data/2"),
        ({"parameters": {"shared_memory_region": "a"}}, "/inputs/0/parameters/shared_memory_region"),
    ],
)
def test_a_tensor_that_is_not_what_it_says(change: dict[str, Any], where: str) -> None:
    tensor = X | change
    if where == "/inputs/0/data" and change == {"shape": [4]}:
        tensor["data"] = [[1, 2], [3, 4]]
    with pytest.raises(Invalid) as error:
        read({"inputs": [tensor]})
    assert pointer(error) == where


@pytest.mark.parametrize(
    ("member", "where"),
    [
        ('"parameters": {"a": 1e999}', "/parameters/a"),
        ('"outputs": [{"name": "y", "parameters": {"a": 1, "b/": -1e999}}]', "/outputs/0/parameters/b~1"),
        ('"parameters": {"a": 1e999}, "parameters": 3', "/parameters"),
    ],
)
def test_a_parameter_beyond_float64(member: str, where: str) -> None:
    """Of the request, an output or an input."""
    inputs = json.dumps({"inputs": [X]}).encode()
    with pytest.raises(Invalid) as error:
        read(inputs[:-1] + b", " + member.encode() + b"}")
    assert pointer(error) == where
    with pytest.raises(Invalid) as error:
        read(inputs.replace(b'"X"', b'"X", "parameters": {"a": 1e999}'))
    assert pointer(error) == "/inputs/0/parameters/a"


@pytest.mark.parametrize("digits", [19, 20, 300, 4200])
def test_a_binary_tensor_of_an_enormous_shape(digits: int) -> None:
    """Is refused before anybody multiplies, or prints, what it makes."""
    with pytest.raises(Invalid) as error:
        read({"inputs": [BINARY | {"shape": [10**digits, 10**digits]}]}, bytes(32))
    assert pointer(error) == "/inputs/0/shape/0"


@pytest.mark.parametrize("size", [0, 31, 33, 64, -32, 2**63, 2**70, "32", 32.0, True, [32], {}])
def test_a_lie_about_the_size(size: Any) -> None:
    """Whatever isn't the product of shape and datatype."""
    with pytest.raises(Invalid) as error:
        read({"inputs": [BINARY | {"parameters": {"binary_data_size": size}}]}, bytes(32))
    assert pointer(error) == "/inputs/0/parameters/binary_data_size"


@pytest.mark.parametrize("length", [0, 8, 31, 33, 1000])
def test_more_or_less_than_the_tensors(length: int) -> None:
    with pytest.raises(Invalid):
        read({"inputs": [BINARY]}, bytes(length))


@pytest.mark.parametrize("length", ["", "-1", "1e3", "9" * 400, "0x10", "٣", "100000", "1.0", "+1"])
def test_a_length_of_the_json_that_is_none(length: str) -> None:
    with pytest.raises(Malformed):
        read_request(json.dumps({"inputs": [BINARY]}).encode() + bytes(32), length, max_inputs=3)


def test_binary_data_without_its_header() -> None:
    with pytest.raises(Invalid, match="Inference-Header-Content-Length"):
        read({"inputs": [BINARY]})


def test_not_finite() -> None:
    """In JSON it isn't JSON; in binary there is a pointer to the input, and the words say where in it."""
    with pytest.raises(Malformed):
        read({"inputs": [X | {"data": [1, 2, float("nan"), 4]}]})
    with pytest.raises(Invalid, match="row 1, column 0") as error:
        read({"inputs": [BINARY]}, np.array([1.0, 2.0, np.inf, 4.0]).tobytes())
    assert pointer(error) == "/inputs/0"


@pytest.mark.parametrize("text", [b"", b"[", b"null", b"[]", b"\xff", b'{"inputs": ' + b"[" * 100_000])
def test_not_a_request(text: bytes) -> None:
    with pytest.raises((Malformed, Invalid)):
        read(text)


@pytest.mark.parametrize(
    ("outputs", "parameters", "binary"),
    [
        (None, None, False),
        ([], {}, False),
        ([{"name": "y"}], None, False),
        (None, {"binary_data_output": True, "sequence_id": 7}, True),
        ([{"name": "y", "parameters": {"binary_data": True}}], None, True),
        ([{"name": "y", "parameters": {"binary_data": False}}], {"binary_data_output": True}, False),
        ([{"name": "y"}], {"binary_data_output": True}, True),
    ],
)
def test_who_asks_for_binary_gets_it(outputs: Any, parameters: Any, *, binary: bool) -> None:
    """An output's own wish goes before that of the whole request; other parameters are left alone."""
    asked = read({"inputs": [X], "outputs": outputs, "parameters": parameters})
    body, json_bytes = response(msgspec.structs.replace(JOB, version=3), asked)
    head = json.loads(body[:json_bytes])
    assert (head["model_name"], head["model_version"], "id" in head) == ("m", "3", False)
    (output,) = head["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("y", "FP64", [2, 2])
    if binary:
        assert json_bytes is not None
        assert body[json_bytes:] == NUMBERS.tobytes()
        assert output["parameters"] == {"binary_data_size": 32} and "data" not in output
    else:
        assert json_bytes is None and output["data"] == [1, 2.5, 3, -4]


@pytest.mark.parametrize(
    "outputs",
    [
        [{"name": "z"}],
        [{"name": "y"}, {"name": "y"}],
        [{"name": "y", "parameters": {"binary_data": 1}}],
        [{"name": "y", "parameters": {"classification": 3}}],
        [{"name": "y", "parameters": {"shared_memory_region": "a"}}],
    ],
)
def test_outputs_that_are_not_there(outputs: Any) -> None:
    with pytest.raises(Invalid):
        read({"inputs": [X], "outputs": outputs})


def test_the_id_comes_back() -> None:
    asked = read({"id": 'a "b" \n', "inputs": [X]})
    assert json.loads(response(JOB, asked)[0])["id"] == 'a "b" \n'


def test_no_more_inputs_than_the_model_has_columns() -> None:
    with pytest.raises(Invalid, match="columns"):
        read({"inputs": [X] * 4})


@settings(max_examples=400, deadline=None)
@given(request=REQUESTS, binary=st.none() | st.binary(max_size=64), length=st.none() | st.integers(-2, 300))
def test_whatever_comes(request: Any, binary: bytes | None, length: int | None) -> None:
    """Numbers that a model can take, or an error of the domain."""
    try:
        asked = read(request, binary, None if length is None else str(length))
    except (Invalid, Malformed):
        return
    assert (
        asked.records.table.X.dtype == np.float64
        and asked.records.table.X.ndim == 2
        and np.isfinite(asked.records.table.X).all()
    )
    response(msgspec.structs.replace(JOB, array=asked.records.table.X), asked)


TOKENS = [
    "1e999",
    "-1e999",
    "9" * 25,
    "9" * 5000,
    "NaN",
    "null",
    "true",
    '""',
    "[]",
    "{}",
    "[[1]]",
    '{"a": 1e999}',
    "[1e999]",
]
TEXT = json.dumps(
    {
        "id": "seven",
        "parameters": {"binary_data_output": True, "colour": {"red": 1}},
        "inputs": [X, BINARY | {"name": "b", "datatype": "FP32", "parameters": {"binary_data_size": 16}}],
        "outputs": [{"name": "y", "parameters": {"binary_data": False}}],
    }
)
VALUES = [
    found.span() for found in re.finditer(r'(?<=[:\[,] )("\w*"|[\d.-]+|true|false)(?=[],}])|(?<=\[)[\d.-]+', TEXT)
]
MEMBERS = [found.span(1) for found in re.finditer(r'("\w+": (?:"\w*"|[\d.-]+|true|false|\[[\d., -]*\]))(?=[,}])', TEXT)]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A request that was right, but for a value or two that are others, or a member that comes twice."""
    spots = draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=2, unique=True))
    text = TEXT
    for start, end in sorted(spots, reverse=True):
        text = text[:start] + draw(st.sampled_from(TOKENS)) + text[end:]
    if draw(st.booleans()):
        start, end = draw(st.sampled_from([spot for spot in MEMBERS if spot[1] <= min(spots)[0]] or MEMBERS[:1]))
        name = TEXT[start:end].partition(":")[0]
        text = f"{text[:start]}{name}: {draw(st.sampled_from(TOKENS))}, {text[start:]}"
    return text.encode()


@settings(max_examples=400, deadline=None)
@given(text=mutated(), binary=st.sampled_from([bytes(16), bytes(15), b""]))
def test_whatever_is_wrong_with_a_request(text: bytes, binary: bytes) -> None:
    """Likewise, where the wrong is in the middle of what is right."""
    told = ""
    try:
        read_request(text + binary, str(len(text)), max_inputs=3)
    except (Invalid, Malformed) as error:
        told = error.detail
    assert len(told) < 500


def _texts(texts: list[str]) -> bytes:
    return b"".join(len(text.encode()).to_bytes(4, "little") + text.encode() for text in texts)


def test_texts_and_truth_values_in_json_and_in_binary() -> None:
    """A text in binary stands after its length; both give the same columns, with the tensors' names."""
    city, old = ["Bern", "", "Zürich"], [True, False, True]
    as_json = [
        {"name": "city", "shape": [3], "datatype": "BYTES", "data": city},
        {"name": "old", "shape": [3, 1], "datatype": "BOOL", "data": [[each] for each in old]},
        {"name": "x", "shape": [3], "datatype": "FP32", "data": [0.5, 1, 2]},
    ]
    parts = [_texts(city), bytes(old), np.array([0.5, 1, 2], "<f4").tobytes()]
    in_binary = [
        {**{key: tensor[key] for key in ("name", "shape", "datatype")}, "parameters": {"binary_data_size": len(part)}}
        for tensor, part in zip(as_json, parts, strict=True)
    ]
    for records in (read({"inputs": as_json}).records, read({"inputs": in_binary}, b"".join(parts)).records):
        assert isinstance(records, ColumnRecords)
        assert (list(records.columns), records.names) == ([city, old, [0.5, 1, 2]], ["city", "old", "x"])


def test_one_tensor_of_texts_holds_all_columns() -> None:
    """Row by row."""
    for data in (["a", "b", "c", "d"], [["a", "b"], ["c", "d"]]):
        records = read({"inputs": [X | {"datatype": "BYTES", "data": data}]}).records
        assert isinstance(records, ColumnRecords)
        assert (list(records.columns), records.names) == ([["a", "c"], ["b", "d"]], None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        _texts(["a"]),
        _texts(["a", "b", "c"]),
        _texts(["a", "b"])[:-1],
        _texts(["a"]) + b"\x01\x00\x00",
        b"\xff" * 10,
        _texts(["a"]) + b"\x01\x00\x00\x00\xff",
    ],
)
def test_texts_in_binary_that_are_none(data: bytes) -> None:
    """Too few, too many, cut off, or not UTF-8."""
    tensor = {"name": "X", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": len(data)}}
    with pytest.raises(Invalid):
        read({"inputs": [tensor]}, data)


@pytest.mark.parametrize("name", ["a", "input-0", ""])
def test_a_single_tensor_of_any_name_is_x(name: str) -> None:
    """Clients name it as they like."""
    records = read({"inputs": [X | {"name": name}]}).records
    assert isinstance(records, TableRecords) and records.table.inputs is None
    assert np.array_equal(records.table.X, NUMBERS)


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("datatype", ["FP64", "BYTES"])
def test_long_arrays_are_read_in_pieces(datatype: str, *, nested: bool) -> None:
    """To the same values, and the index in a refusal is that of the whole."""
    values = [f"text,[{i}" if datatype == "BYTES" else i / 7 for i in range(60_000)]
    data: list[Any] = [values[i : i + 2] for i in range(0, 60_000, 2)] if nested else values
    tensor = {"name": "X", "shape": [30_000, 2], "datatype": datatype, "data": data}
    records = read({"inputs": [tensor]}).records
    columns = records.columns if isinstance(records, ColumnRecords) else records.table.X.T.tolist()
    assert columns == [values[0::2], values[1::2]]
    data[-1] = [values[0], None] if nested else None
    with pytest.raises(Invalid) as error:
        read({"inputs": [tensor]})
    assert pointer(error) == "/inputs/0/data/" + ("29999/1" if nested else "59999")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b'{"inputs": [], "inputs": []}', ""),
        (b'{"id": "a", "inputs": [%b], "id": "b"}', "/id"),
        (b'{"inputs": [%b], "parameters": {"a": 1, "a": 2}}', "/parameters/a"),
        (b'{"inputs": [{"name": "X", "name": "X", "shape": [1], "datatype": "FP64", "data": [1]}]}', "/inputs/0/name"),
    ],
)
def test_a_member_given_twice_is_malformed(text: bytes, where: str) -> None:
    """Wherever it is."""
    with pytest.raises((Malformed, Invalid)) as error:
        read(text.replace(b"%b", json.dumps(X).encode()))
    assert not where or error.value.pointers == [where]
