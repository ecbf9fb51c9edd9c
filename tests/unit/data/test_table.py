"""CSV: what people's programs write is read, and what is no table of numbers is refused with a pointer."""

from collections.abc import Sequence

import numpy as np
import pytest

from app.data.csv_reader.csv_records import CsvRecords
from app.data.csv_reader.options import CsvOptions
from app.errors import Invalid, Malformed, TrinityError
from app.schemas.columns import NUMERIC
from app.schemas.tables import Table
from app.service.choice import FitChoice
from tests.support.processor_time import units

READS = 500  # in some of so many, a thread still referred to the text


def read_csv(raw: bytes | bytearray, target: Sequence[str] = (), options: CsvOptions | None = None) -> Table:
    """Read a table for a model that takes numbers alone."""
    return CsvRecords(raw, options).read(FitChoice(NUMERIC, takes_missing=False, target=target))


def test_nothing_refers_to_the_text_once_it_is_read() -> None:
    """A thread of pyarrow that still did so when the process ends would abort it."""
    for _ in range(READS):
        raw = bytearray(b"a,b\n1,2\n")
        read_csv(raw)
        raw.clear()  # not possible while anything refers to it


GOOD = {
    "LF": b"a,b\n1,2\n3,4\n",
    "CRLF": b"a,b\r\n1,2\r\n3,4\r\n",
    "CR": b"a,b\r1,2\r3,4\r",
    "BOM": b"\xef\xbb\xbfa,b\n1,2\n3,4\n",
    "BOM and quotes": b'\xef\xbb\xbf"a","b"\r\n1,2\r\n3,4\r\n',
    "no newline at the end": b"a,b\n1,2\n3,4",
    "empty lines at the end": b"a,b\n1,2\n3,4\n\n\r\n\n",
    "an empty line between": b"a,b\n1,2\n\n3,4\n",
    "quoted numbers": b'a,b\n"1","2"\n3,"4"\n',
    "spaces": b" a , b \n 1, 2\n3 ,4 \n",
    "exponents and signs": b"a,b\n+1,2e0\n0.3E+1,4.\n",
}


@pytest.mark.parametrize("raw", GOOD.values(), ids=GOOD)
def test_spellings_of_one_table(raw: bytes) -> None:
    """All are the same two columns of two rows."""
    table = read_csv(raw)
    assert (table.inputs, table.X.tolist(), table.y) == (["a", "b"], [[1, 2], [3, 4]], None)
    assert table.X.dtype == np.float64


NAMES = {
    b'"a,b",c\n1,2\n': ["a,b", "c"],
    b'"a\nb",c\n1,2\n': ["a\nb", "c"],
    b'"a\r\nb",c\r\n1,2\r\n': ["a\r\nb", "c"],
    b'"say ""x""",c\n1,2\n': ['say "x"', "c"],
    "größe,日本\n1,2\n".encode(): ["größe", "日本"],
    b"1,2\n1,2\n": ["1", "2"],
    b"# a,'b'\n1,2\n": ["# a", "'b'"],
}


@pytest.mark.parametrize(("raw", "names"), NAMES.items(), ids=map(repr, NAMES.values()))
def test_names_are_kept(raw: bytes, names: list[str]) -> None:
    """Quoted or not, with commas, line breaks and quotes inside."""
    assert read_csv(raw).inputs == names
    assert read_csv(raw).X.tolist() == [[1, 2]]


def test_one_column() -> None:
    """A table of one column needs no comma."""
    table = read_csv(b"a\n1\n2\n3\n")
    assert (table.inputs, table.X.shape) == (["a"], (3, 1))


def test_numbers_are_read_to_the_last_bit() -> None:
    """As Python reads them."""
    texts = ["0.1", "1e-320", "-0", "123456789012345678901234567890", "2.2250738585072011e-308"]
    values = read_csv(("a\n" + "\n".join(texts)).encode()).X
    assert values.tobytes() == np.array([[float(text)] for text in texts]).tobytes()


BAD = {
    "empty": (b"", "/data/X"),
    "only newlines": (b"\n\n", "/data/X"),
    "a header only": (b"a,b\n", "/data/X"),
    "a header without newline": (b"a,b", "/data/X"),
    "a header and empty lines": (b"a,b\n\n\n", "/data/X"),
    "an empty cell": (b"a,b\n1,2\n3,\n", "/data/X/1/1"),
    "an empty first cell": (b"a,b\n,2\n", "/data/X/0/0"),
    "a quoted empty cell": (b'a,b\n1,""\n', "/data/X/0/1"),
    "a text": (b"a,b\n1,2\n3,four\n", "/data/X/1/1"),
    "a text with an apostrophe": (b"a,b\n1,2\nO'Brien,4\n", "/data/X/1/0"),
    "a text with quotes": (b'a,b\n1,2\n"say ""x""",4\n', "/data/X/1/0"),
    "a text with both": (b'a,b\n1,2\n"it\'s ""x""",4\n', "/data/X/1/0"),
    "a text like numpy's message": (b"a,b\n1,x' to float64 at row 7 column 7\n", "/data/X/0/1"),
    "nan": (b"a,b\n1,2\n3,nan\n", "/data/X/1/1"),
    "NaN": (b"a,b\nNaN,2\n", "/data/X/0/0"),
    "inf": (b"a,b\n1,2\n-inf,4\n", "/data/X/1/0"),
    "over the range": (b"a,b\n1,1e999\n", "/data/X/0/1"),
    "hexadecimal": (b"a,b\n1,0x10\n", "/data/X/0/1"),
    "an underscore": (b"a,b\n1,1_0\n", "/data/X/0/1"),
    "complex": (b"a,b\n1,1+2j\n", "/data/X/0/1"),
    "true": (b"a,b\n1,True\n", "/data/X/0/1"),
    "wide digits": ("a,b\n1,\uff12\n".encode(), "/data/X/0/1"),
    "two numbers": (b"a,b\n1,2 3\n", "/data/X/0/1"),
    "a comment": (b"a,b\n#1,2\n", "/data/X/0/0"),
    "a line of a space that isn't ASCII": ("a\n1\n\u3000\n".encode(), "/data/X/1/0"),
    "a short row": (b"a,b\n1,2\n3\n", "/data/X/1"),
    "a short row in another encoding": (b"a,b\n1,2\n\xe9\n", "/data/X/1"),
    "a long row": (b"a,b\n1,2\n3,4,5\n", "/data/X/1"),
    "a short row after an empty line": (b"a,b\n1,2\n\n3\n", "/data/X/1"),
    "every row short": (b"a,b\n1\n2\n", "/data/X/0"),
    "every row long": (b"a,b\n1,2,3\n", "/data/X/0"),
    "a name twice": (b"a,b,a\n1,2,3\n", "/data/columns/2"),
    "a column without a name": (b"a,,c\n1,2,3\n", "/data/columns/1"),
    "a name of a blank that isn't ASCII": ("\u3000\n1\n".encode(), "/data/columns/0"),
    "a column without a name at the end": (b"a,b,\n1,2,3\n", "/data/columns/2"),
}


@pytest.mark.parametrize(("raw", "pointer"), BAD.values(), ids=BAD)
def test_what_is_no_table_of_numbers(raw: bytes, pointer: str) -> None:
    """Each is Invalid, with the pointer of the equivalent JSON and words of a bounded length."""
    with pytest.raises(Invalid) as caught:
        read_csv(raw)
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    assert len(caught.value.detail) < 300


@pytest.mark.parametrize(
    "raw", [b"a,b\n\xff,1\n", b"a,b\n1,\x002\n", b"\xff\xfea\x00\n\x001\x00\n", b'"a,b\n1,2\n', b'a"b,c"d\n"1,2\n']
)
def test_what_is_no_csv(raw: bytes) -> None:
    """Bytes that aren't UTF-8 and quotes that never close are refused, and nothing else is raised."""
    with pytest.raises(TrinityError) as caught:
        read_csv(raw)
    assert isinstance(caught.value, Malformed | Invalid)


def test_the_refusal_names_line_and_column() -> None:
    """As an editor counts them: the header and blank lines are lines."""
    with pytest.raises(Invalid, match="line 4, column 'size': 'large'"):
        read_csv(b"weight,size\n1,2\n\n3,large\n")


def test_a_long_cell_is_not_quoted_whole() -> None:
    """A megabyte in one cell doesn't come back in the message."""
    with pytest.raises(Invalid) as caught:
        read_csv(b"a,b\n1," + b"x" * 1_000_000 + b"\n")
    assert len(caught.value.detail) < 300


def test_a_wide_header_is_read_in_linear_time() -> None:
    """Ten times as many columns, with and without a target, take about ten times as long, not a hundred times."""
    _read_wide_header(6)  # the library is imported by the first table of a process
    short = min(units(lambda: _read_wide_header(10_000)) for _ in range(3))
    assert min(units(lambda: _read_wide_header(100_000)) for _ in range(2)) < 50 * short


def _read_wide_header(columns: int) -> None:
    names = [f"c{i}" for i in range(columns)]
    raw = (",".join(names) + "\n" + ",".join(["1"] * columns) + "\n").encode()
    assert read_csv(raw).X.shape == (1, columns)
    assert read_csv(raw, names[-5:]).X.shape == (1, columns - 5)


def test_pointers_are_those_of_the_same_request_as_json() -> None:
    """A target's cell is y's, and the inputs are counted without the targets."""
    raw = b"t,a,u,b\n1,2,3,4\n5,6,7,8\n"
    for bad, target, pointer in (
        (b"6", ["t"], "/data/X/1/0"),
        (b"8", ["t", "u"], "/data/X/1/1"),
        (b"5", ["t"], "/data/y/1"),
        (b"7", ["u", "t"], "/data/y/1/0"),
    ):
        with pytest.raises(Invalid) as caught:
            read_csv(raw.replace(bad, b"x"), target)
        assert [fault.pointer for fault in caught.value.faults] == [pointer]


def test_a_file_without_line_ends_is_refused_at_once() -> None:
    """By the size of its first line, however many cells it has."""
    raw = b"1," * 16_000_000

    def refused() -> None:
        with pytest.raises(Invalid, match="the first lines of the CSV are over"):
            read_csv(raw)

    assert units(refused) < 20


def test_an_unknown_target_does_not_list_all_of_a_wide_table() -> None:
    """The message stays short."""
    names = ",".join(f"column {i}" for i in range(10_000))
    with pytest.raises(Invalid) as caught:
        read_csv(f"{names}\n{'1,' * 9_999}1\n".encode(), ["nope"])
    assert len(caught.value.detail) < 1_000
