"""Bodies in numpy's format: taken as they lie, refused when they lie, and nothing but the domain's errors."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import Invalid, Malformed
from app.schemas.requests import Version
from app.schemas.tables import Matrix
from app.serve.bodies.arrays import first_nonfinite
from app.serve.bodies.npy_body import encode_npy, parse_npy
from tests.support.tables import table_of

ROWS = np.array([[1.0, 2.5], [3.0, -4.0], [0.0, 1e-300]])


def saved(array: Any, **options: Any) -> bytes:
    """The file that numpy writes."""
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def headed(header: str, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    """A file with any header."""
    text = header.encode("latin-1")
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", len(text)) + text + data


def read(body: bytes, **query: Any) -> Matrix:
    table = table_of(parse_npy(body, query))
    assert table is not None
    return table.X


@pytest.mark.parametrize("kind", ["<f8", ">f8", "<f4", ">f4", "<f2", "i1", "<i2", ">i4", "<i8", "u1", "<u4", "<u8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_numbers_of_any_kind_and_order(kind: str, order: Any) -> None:
    numbers = np.array([[1, 2, 3], [4, 5, 6]], dtype=kind, order=order)
    X = read(saved(numbers))
    assert X.dtype == np.float64 and X.flags.c_contiguous and X.flags.aligned
    assert X.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_float64_is_not_copied() -> None:
    body = np.frombuffer(saved(ROWS), np.uint8)
    assert np.shares_memory(read(memoryview(body)), body)  # type: ignore[arg-type]


def test_numbers_that_lie_askew_are_aligned() -> None:
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }"
    body = headed(header, ROWS.tobytes())
    assert (len(body) - ROWS.nbytes) % 8
    assert read(body).flags.aligned and np.array_equal(read(body), ROWS)


def test_a_vector_is_rows_of_one_input() -> None:
    assert read(saved(np.array([1.0, 2.0, 3.0]))).shape == (3, 1)


def test_the_query_says_the_rest() -> None:
    request = parse_npy(saved(ROWS), {"model": "m", "version": "2", "timeout": "1.5"})
    assert (request.model, request.version, request.timeout) == ("m", 2, 1.5)
    with pytest.raises(Invalid, match="unknown query parameter"):
        parse_npy(saved(ROWS), {"degree": "2"})


@pytest.mark.parametrize("version", ["latest", "3"])
def test_a_version_is_a_number_or_an_alias(version: str) -> None:
    wanted: Version = 3 if version == "3" else version
    assert parse_npy(saved(ROWS), {"version": version}).version == wanted


@pytest.mark.parametrize(
    "array",
    [
        np.array([None, 1], dtype=object),
        np.array(["a"]),
        np.array([b"a"]),
        np.array([True, False]),
        np.array([1j]),
        np.array([1], dtype="M8[s]"),
        np.array([1], dtype=np.longdouble),
        np.zeros(2, dtype=[("a", "<f8")]),
        np.zeros((2, 2, 2)),
        np.float64(3.0),
        np.zeros((0, 3)),
        np.zeros((3, 0)),
    ],
)
def test_what_is_no_matrix_of_numbers(array: Any) -> None:
    """Objects are never made, as their pickles are never read."""
    with pytest.raises((Invalid, Malformed)):
        read(saved(array, allow_pickle=True))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00\xff\xff",
        b"PK\x03\x04" + bytes(100),
        saved(ROWS)[:-1],
        saved(ROWS) + b"x",
        saved(ROWS)[:40],
        headed("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2)}" + " " * 5_000, ROWS.tobytes()),
        headed("{'descr': '<f8', 'fortran_order': False, 'shape': (-3, -2)}", ROWS.tobytes()),
        headed("{'descr': '<f8', 'fortran_order': False, 'shape': (True, 6)}", ROWS.tobytes()),
        headed("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", ROWS.tobytes()),
        headed("{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775808, 2, 0)}"),
        headed("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 9223372036854775808)}"),
        headed("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 4611686018427387904, 4)}"),
        headed(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {(0,) * 65}}}"),
        headed(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {(1,) * 65}}}", bytes(8)),
        headed(f"{{'descr': '<f8', 'fortran_order': False, 'shape': (1, {10**3000})}}", bytes(8)),
        headed("{'descr': '<f8', 'fortran_order': False, 'shape': 6}", ROWS.tobytes()),
        headed("{'descr': '<f8', 'fortran_order': False, 'shape': (3L, 2L)}", ROWS.tobytes()),
        headed("{'descr': '<f8', 'fortran_order': 0, 'shape': (3, 2)}", ROWS.tobytes()),
        headed("{'descr': '|O', 'fortran_order': False, 'shape': (6,)}", ROWS.tobytes()),
        headed("{'descr': '(1000000000,)f8', 'fortran_order': False, 'shape': (1,)}", ROWS.tobytes()),
        headed("{'descr': '|V8', 'fortran_order': False, 'shape': (6,)}", ROWS.tobytes()),
        headed("(" * 2_000),
        headed("{[]: 1}"),
        headed("{'descr': __import__('os'), 'fortran_order': False, 'shape': (6,)}", ROWS.tobytes()),
        headed("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2)}", ROWS.tobytes(), version=(3, 0)),
    ],
)
def test_what_is_no_file_of_numpys_or_lies(body: bytes) -> None:
    with pytest.raises((Malformed, Invalid)):
        read(body)


def test_version_two_of_the_format() -> None:
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2)}"
    assert np.array_equal(read(headed(header, ROWS.tobytes(), version=(2, 0))), ROWS)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 1, 299_999])
def test_not_finite_is_refused_with_its_place(value: float, row: int) -> None:
    X = np.zeros((300_000, 3))
    X[row, 2] = value
    with pytest.raises(Invalid) as error:
        read(saved(X))
    assert error.value.faults[0].pointer == f"/data/X/{row}/2"


def test_large_is_finite() -> None:
    """A sum that overflows is no proof."""
    X = np.full((1_000, 2), 1.7e308)
    assert first_nonfinite(X) is None


@pytest.mark.parametrize("y", [np.array([1.0, -0.0, 5e-324]), ROWS, np.asfortranarray(ROWS), ROWS[::2, 0]])
def test_y_can_be_loaded_by_numpy(y: Matrix) -> None:
    loaded = np.load(io.BytesIO(encode_npy(y)), allow_pickle=False)
    assert loaded.shape == y.shape and loaded.tobytes() == y.tobytes()


HEADERS = st.text(st.sampled_from("{}()[]'\":, <>|f8i4OL0129-descrfortran_orderFalseTrueshape\\\n\x0c#"), max_size=80)
SHAPES = st.lists(st.integers(-2, 6) | st.sampled_from([2**31, 2**63, 2**64]), max_size=66).map(tuple)


@settings(max_examples=400, deadline=None)
@given(
    header=HEADERS
    | st.builds(
        lambda kind, order, shape: f"{{'descr': {kind!r}, 'fortran_order': {order}, 'shape': {shape}}}",
        st.sampled_from(["<f8", ">f4", "|O", "<i8", "u1", "M8", "V0", "f8,f8", "S0"]) | st.text(max_size=5),
        st.booleans(),
        SHAPES,
    ).filter(lambda text: text.isascii()),
    data=st.binary(max_size=64),
    version=st.sampled_from([(1, 0), (2, 0), (3, 0), (9, 9)]),
)
def test_whatever_comes(header: str, data: bytes, version: tuple[int, int]) -> None:
    """Numbers that a model can take, or an error of the domain."""
    try:
        X = read(headed(header, data, version))
    except (Invalid, Malformed):
        return
    assert X.dtype == np.float64 and X.ndim == 2 and X.size and np.isfinite(X).all()
