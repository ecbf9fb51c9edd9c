"""Files as people's programs write them, each in small: what is read of them, written here by hand."""

import gzip
from collections.abc import Mapping
from datetime import UTC, datetime
from math import nan
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

from app.data.csv_reader.csv_records import CsvRecords
from app.data.csv_reader.options import take_options
from app.errors import TrinityError
from app.schemas.columns import KINDS
from app.schemas.tables import Table
from app.service.choice import FitChoice


class File(NamedTuple):
    raw: bytes | str
    target: str
    X: list[list[float]]
    y: list[float]
    inputs: list[str]
    ignore: tuple[str, ...] = ()
    query: Mapping[str, Any] = MappingProxyType({})
    kinds: list[str] | None = None
    texts: Mapping[int, list[str]] = MappingProxyType({})


def seconds(*date: int) -> float:
    return datetime(*date, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


FILES = {
    "Excel in German": File(
        "\ufeffKunde;Größe;Umsatz\r\nMüller & Co.;1,5;1000\r\nBäcker;2;2000,25\r\n;;\r\n".encode(),
        "Umsatz",
        [[1.5], [2]],
        [1000, 2000.25],
        ["Größe"],
        ("Kunde",),
    ),
    "Excel in French, in its own encoding": File(
        "Prénom;Âge;Note\r\nRené;10;15,5\r\nZoé;11;16\r\n".encode("cp1252"),
        "Note",
        [[10], [11]],
        [15.5, 16],
        ["Âge"],
        ("Prénom",),
        {"encoding": "cp1252"},
    ),
    "Excel's Unicode text": File(
        "größe\tpreis\r\n1,5\t3\r\n2,5\t5\r\n".encode("utf-16"), "preis", [[1.5], [2.5]], [3, 5], ["größe"]
    ),
    "Japanese in Shift JIS": File(
        "身長,体重\n170,60\n180,75.5\n".encode("cp932"),
        "体重",
        [[170], [180]],
        [60, 75.5],
        ["身長"],
        (),
        {"encoding": "shift_jis"},
    ),
    "Russian in KOI8": File(
        "x;вес\n1;2,5\n2;3\n".encode("koi8-r"), "вес", [[1], [2]], [2.5, 3], ["x"], (), {"encoding": "koi8-r"}
    ),
    "pandas with its index": File(",a,y\n0,1.0,2\n1,,3\n", "y", [[1], [nan]], [2, 3], ["a"]),
    "pandas without": File("a,b,y\n1,2.5,3\n4,NaN,6\n", "y", [[1, 2.5], [4, nan]], [3, 6], ["a", "b"]),
    "R's write.csv": File(
        '"","speed","dist"\n"1",4,2\n"2",4,10\n"3",NA,4\n', "dist", [[4], [4], [nan]], [2, 10, 4], ["speed"]
    ),
    "R's write.table": File(
        '"speed" "dist" "car"\n"1" 4 2 "a b"\n"4" 5 10 "c"\n',
        "dist",
        [[4, 0], [5, 1]],
        [2, 10],
        ["speed", "car"],
        kinds=["number", "text"],
        texts={1: ["a b", "c"]},
    ),
    "R's write.csv2": File('"";"x";"y"\n"1";1,5;2\n"2";2,5;3\n', "y", [[1.5], [2.5]], [2, 3], ["x"]),
    "a data set in columns of blanks": File(
        "  sepal  petal  \n   5.1    1.4\n   4.9    1.3\n\n", "petal", [[5.1], [4.9]], [1.4, 1.3], ["sepal"]
    ),
    "a database's COPY": File(
        "id|active|since|total\n1|t|2020-01-01 10:00:00|5\n2|f|2020-01-02 10:00:00|6\n",
        "total",
        [[1, seconds(2020, 1, 1, 10)], [0, seconds(2020, 1, 2, 10)]],
        [5, 6],
        ["active", "since"],
        ("id",),
        kinds=["text", "datetime"],
        texts={0: ["f", "t"]},
    ),
    "times with offsets": File(
        "at,y\n2020-01-01T00:00:00Z,1\n2020-01-01T02:00:00.5+02:00,2\n",
        "y",
        [[seconds(2020, 1, 1)], [seconds(2020, 1, 1) + 0.5]],
        [1, 2],
        ["at"],
        kinds=["datetime"],
    ),
    "dates with one missing": File(
        "at,y\n2020-01-01,1\nNA,2\n", "y", [[seconds(2020, 1, 1)], [nan]], [1, 2], ["at"], kinds=["datetime"]
    ),
    "dates as Americans write them": File(
        "at,x,y\n1/31/2020,1,1\n2/1/2020,2,2\n",
        "y",
        [[0, 1], [1, 2]],
        [1, 2],
        ["at", "x"],
        kinds=["text", "number"],
        texts={0: ["1/31/2020", "2/1/2020"]},
    ),
    "a survey with gaps": File(
        "age,works,city,income\n30,TRUE,NA,100\n-,false,,200\n41,,Bern,300\n",
        "income",
        [[30, 1, 1], [nan, 0, nan], [41, nan, 0]],
        [100, 200, 300],
        ["age", "works", "city"],
        kinds=["number", "boolean", "text"],
        texts={2: ["Bern", "NA"]},
    ),
    "question marks for what is missing": File(
        "horsepower,mpg\n130,18\n?,25\n", "mpg", [[130], [nan]], [18, 25], ["horsepower"], (), {"na": "?"}
    ),
    "several signs for what is missing": File(
        "a,b,y\n-999,x,1\n2,none,2\n",
        "y",
        [[nan, 0], [2, nan]],
        [1, 2],
        ["a", "b"],
        (),
        {"na": ["-999", "none"]},
        kinds=["number", "text"],
        texts={1: ["x"]},
    ),
    "texts with separators, quotes and line ends": File(
        'note,y\n"a, ""b""\nc",1\n"d;e",2\n',
        "y",
        [[0], [1]],
        [1, 2],
        ["note"],
        kinds=["text"],
        texts={0: ['a, "b"\nc', "d;e"]},
    ),
    "numbers in quotes": File('"a","y"\n"1","2"\n"3.5","4"\n', "y", [[1], [3.5]], [2, 4], ["a"]),
    "numbers with signs, blanks and exponents": File(
        "a, b ,y\n +1, .5 ,1e0\n-2,5.,2E+1\n", "y", [[1, 0.5], [-2, 5]], [1, 20], ["a", "b"]
    ),
    "codes that begin with a zero": File(
        "zip,y\n01234,1\nA1234,2\nB1,3\n",
        "y",
        [[0], [1], [2]],
        [1, 2, 3],
        ["zip"],
        kinds=["text"],
        texts={0: ["01234", "A1234", "B1"]},
    ),
    "CR line ends": File("a,y\r1,2\r3,4\r", "y", [[1], [3]], [2, 4], ["a"]),
    "empty lines above and between": File("\n\na,y\n\n1,2\n,\n3,4\n\n", "y", [[1], [3]], [2, 4], ["a"]),
    "a sensor's log without a header": File(
        "0.5;1;7\n0.75;2;8\n", "x3", [[0.5, 1], [0.75, 2]], [7, 8], ["x1", "x2"], (), {"header": "absent"}
    ),
    "fractions that begin late": File(
        "a;y\n" + "1;2\n" * 30_000 + "1,5;2\n", "y", [[1.0]] * 30_000 + [[1.5]], [2.0] * 30_001, ["a"]
    ),
    "a word after many numbers that means missing": File(
        "a,y\n" + "1,2\n" * 30_000 + " NA,2\n", "y", [[1.0]] * 30_000 + [[nan]], [2.0] * 30_001, ["a"]
    ),
    "a long text": File(f"a,b,y\n1,{'x' * 3_000_000},2\n3,y,4\n", "y", [[1], [3]], [2, 4], ["a"], ("b",)),
    "a packed file's content": File("a\ty\n1\t2\n3\t4\n", "y", [[1], [3]], [2, 4], ["a"]),
    "years as names": File("2019,2020\n1,2\n3,4\n", "2020", [[1], [3]], [2, 4], ["2019"]),
    "a column of nothing within": File("a,e,y\n1,,2\n3,,4\n", "y", [[1], [3]], [2, 4], ["a"], ("e",)),
}


def read(raw: bytes, target: str, ignore: tuple[str, ...] = (), **query: Any) -> Table:
    choice = FitChoice(frozenset(KINDS), takes_missing=True, target=[target], ignore=ignore)
    return CsvRecords(raw, take_options(query)).read(choice)


@pytest.mark.parametrize("name", FILES)
def test_files_of_many_kinds(name: str) -> None:
    file = FILES[name]
    raw = file.raw if isinstance(file.raw, bytes) else file.raw.encode()
    table = read(raw, file.target, file.ignore, **file.query)
    assert table.y is not None
    np.testing.assert_array_equal(table.X, np.array(file.X, np.float64))
    np.testing.assert_array_equal(table.y, np.array(file.y, np.float64))
    assert (table.inputs, table.outputs) == (file.inputs, [file.target])
    assert (table.kinds, table.categories) == (file.kinds, file.texts)
    assert not set(table.inputs) & set(table.unused)


BAD = {
    "a word among numbers": ("a,y\n1,2\n2,3\nn.a.,4\n", ["/data/X/2/0"], "line 4, column 'a': 'n.a.' is not a number"),
    "an infinite number": ("a,y\n1,2\n-1e999,3\n", ["/data/X/1/0"], "line 3, column 'a': -inf is not a finite number"),
    "an infinite target": ("a,y\n1,2\n2,inf\n", ["/data/y/1"], "line 3, column 'y': inf is not a finite number"),
    "thousands": ("a;y\n1.234,5;2\n2.345,5;3\n", ["/data/X/0/0"], "'1.234,5' is not a number; write it without signs"),
    "decimal commas in quotes": ('a,y\n"1,5",2\n"2,5",3\n', ["/data/X/0/0"], "say decimal=comma"),
    "another decimal sign": ("a;y\n1.5;2\n2,5;3\n", ["/data/X/1/0"], "line 3, column 'a': '2,5' is not a number; if"),
    "nothing but missing values": ("a,b,y\n,1,2\nNA,2,3\n", ["/data/X/0/0"], "every value of the column is missing"),
    "texts over the limit": (
        "a,b,y\n" + "".join(f"t{i},{i},1\n" for i in range(1001)),
        ["/data/X/0/0"],
        "line 2, column 'a': the column holds over 1000 different texts, the limit; leave the column out (ignore=a)",
    ),
    "a target of texts": ("a,y\n1,low\n2,high\n", ["/data/y/0"], "'y' must hold numbers, not text"),
    "a row too short": ("a,b,y\n1,2,3\n\n1,2\n", ["/data/X/1"], "line 4 has 2 cells, the header names 3"),
    "a row too long below a long cell": (f'a,y\n"{"x" * 2_000_000}",1\n1,2,3\n', ["/data/X/1"], "line 3 has 3 cells"),
    "a cell beyond a column of nothing": (
        "a,y,\n" + "1,2,\n" * 600 + "1,2,3\n",
        ["/data/X/600"],
        "line 602 has 3 cells, the header names 2",
    ),
    "a quote that is not closed": ('a,y\n1,2\n"3,4\n5,6\n', [], "line 3 of the CSV opens a quote that is never closed"),
    "one line": ("a,y1,23,4", ["/data/X"], "--data-binary"),
    "names twice": ("a, a,y\n1,2,3\n", ["/data/columns/1"], "names column 'a' twice"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_stands_in_the_way_is_named_with_its_line(name: str) -> None:
    text, pointers, words = BAD[name]
    with pytest.raises(TrinityError) as caught:
        read(text.encode(), "y")
    assert caught.value.pointers == pointers
    assert words in caught.value.detail
    assert len(caught.value.detail) < 500


def test_many_faults_are_found_in_one_walk() -> None:
    """A hundred columns of 20,000 rows, each with a bad cell near the end: one refusal, and its first fifty."""
    rows = [["1"] * 100 for _ in range(20_000)]
    for column in range(100):
        rows[19_000 + column][column] = "x"
    names = [*(f"c{i}" for i in range(99)), "y"]
    text = "\n".join([",".join(names), *(",".join(row) for row in rows)])
    with pytest.raises(TrinityError) as caught:
        read(text.encode(), "y")
    assert len(caught.value.faults) == 50
    assert caught.value.detail.startswith("100 columns cannot be used. line 19002, column 'c0'")
    assert caught.value.detail.endswith("; … and 50 more columns")


def test_a_gzip_file_is_no_csv_for_the_reader_of_text() -> None:
    with pytest.raises(TrinityError):
        read(gzip.compress(b"a,y\n1,2\n"), "y")
