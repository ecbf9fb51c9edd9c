"""Cells such as 1.234 among whole numbers: a fit refuses to guess what the sign means."""

from collections.abc import Sequence

import pytest

from app.data.csv_reader.csv_records import CsvRecords
from app.data.csv_reader.options import CsvOptions
from app.errors import Invalid
from app.schemas.columns import NUMERIC, Column
from app.schemas.tables import Table
from app.service.choice import FitChoice, UseChoice
from app.storage.manifest import Schema

LONG = "7;7\n" * 1500


def read(text: str, decimal: str | None = None, target: Sequence[str] = ("y",), weight: str | None = None) -> Table:
    choice = FitChoice(NUMERIC, takes_missing=False, target=target, weight=weight)
    return CsvRecords(text.encode(), CsvOptions(decimal=decimal)).read(choice)


DOUBTFUL = {
    "points": ("a;y\n950;950\n1.234;1234\n2.500;2500\n800;800\n", "/data/X/1/0", "line 3, column 'a': 1.234 may be"),
    "commas": ("a;y\n950;950\n-1,234;12\n", "/data/X/1/0", "-1,234 may be -1234 or -1.234: say decimal=comma, or"),
    "zeros after the sign": ("a;y\n950;5\n1.000;7\n", "/data/X/1/0", "1.000 may be 1000 or 1.000: say decimal=point"),
    "the target": ("a;y\n950;950\n1234;1.234\n", "/data/y/1", "line 3, column 'y': 1.234 may be"),
    "the weights": ("a;w;y\n9;950;5\n8;1.234;7\n", "/data/X/1/1", "line 3, column 'w': 1.234 may be"),
    "a column with a gap, below empty rows": ("a;y\n950;1\n\n;;\n1.234;2\n;3\n", "/data/X/1/0", "line 5, column 'a'"),
    "below the first lines": (f"a;y\n{LONG}1.234;7\n", "/data/X/1500/0", "line 1502, column 'a'"),
    "zeros below the first lines": (f"a;y\n{LONG}2.000;7\n", "/data/X/1500/0", "line 1502, column 'a'"),
    "commas below the first lines": (f"a;y\n{LONG}1,234;7\n", "/data/X/1500/0", "1,234 may be 1234 or 1.234"),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_what_may_be_two_numbers_is_refused(case: str) -> None:
    text, pointer, words = DOUBTFUL[case]
    with pytest.raises(Invalid) as caught:
        read(text, weight="w" if "weights" in case else None)
    assert pointer in caught.value.pointers
    assert words in caught.value.detail


PLAIN = {
    "no whole numbers": ("a;y\n1.234;1\n2.500;2\n", [1.234, 2.5]),
    "a fraction of another length": ("a;y\n1;1\n1.234;2\n2.5;3\n", [1, 1.234, 2.5]),
    "a zero before the sign": ("a;y\n1;1\n0.125;2\n2.500;3\n", [1, 0.125, 2.5]),
    "a thousand or more before the sign": ("a;y\n1;1\n1234.125;2\n", [1, 1234.125]),
    "an exponent": ("a;y\n1;1\n1.234;2\n1e3;3\n", [1, 1.234, 1000]),
    "whole numbers beside fractions": ("a;y\n1;0.5\n2;1.0001\n", [1, 2]),
}


@pytest.mark.parametrize("case", PLAIN)
def test_what_is_one_number_is_read(case: str) -> None:
    text, numbers = PLAIN[case]
    assert read(text).X[:, 0].tolist() == numbers


@pytest.mark.parametrize(("sign", "decimal"), [(".", "."), (",", ",")])
def test_who_says_the_decimal_sign_is_not_asked(sign: str, decimal: str) -> None:
    table = read("a;y\n950;950\n1.234;2.500\n".replace(".", sign), decimal)
    assert (table.X[:, 0].tolist(), table.y is not None and table.y.tolist()) == ([950, 1.234], [950, 2.5])


def test_a_version_is_used_without_the_question() -> None:
    """Its fit has had it."""
    columns = [Column("a", "number")]
    choice = UseChoice(
        Schema(["a"], ["y"], vector=True, columns=columns, unused=["y"], named=True), NUMERIC, takes_missing=False
    )
    assert CsvRecords(b"a;y\n950;1\n1.234;2\n").read(choice).X.tolist() == [[950], [1.234]]
