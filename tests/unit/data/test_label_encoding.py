"""y as labels, from every format that holds y: the same codes and classes, and the same refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app.data.csv_reader.csv_records import CsvRecords
from app.data.csv_reader.options import CsvOptions
from app.data.label_encoding import Labels, from_array
from app.data.records import TableRecords
from app.errors import Invalid
from app.schemas.columns import KINDS
from app.schemas.tables import Table
from app.schemas.tasks import LabelKind
from app.serve.bodies.json_body import parse_json
from app.service.choice import FitChoice

Read = Callable[[list[Any], LabelKind], Table]


def choice(kind: LabelKind, *target: str) -> FitChoice:
    return FitChoice(frozenset(KINDS), takes_missing=True, target=target, labels=kind)


def from_y(y: list[Any], kind: LabelKind = "any") -> Table:
    """Labels beside X, in JSON."""
    request = parse_json("fit", json.dumps({"data": {"X": [[i] for i in range(len(y))], "y": y}}).encode())
    assert request.data
    return request.data.read(choice(kind))


def from_rows(y: list[Any], kind: LabelKind = "any") -> Table:
    """Labels in a column of named rows."""
    rows = [{"x": i, "y": label} for i, label in enumerate(y)]
    request = parse_json("fit", json.dumps({"data": {"X": rows}}).encode())
    assert request.data
    return request.data.read(choice(kind, "y"))


def from_csv(y: list[Any], kind: LabelKind = "any") -> Table:
    """Labels in a column of CSV."""
    cells = ["" if label is None else json.dumps(label, ensure_ascii=False).strip('"') for label in y]
    raw = "x,y\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(cells))
    return CsvRecords(raw.encode(), CsvOptions()).read(choice(kind, "y"))


def from_source(y: list[Any], kind: LabelKind = "any") -> Table:
    """Labels in an array of objects, as sources give them."""
    codes, classes = from_array(np.array(y, dtype=object), kind)
    X = np.arange(len(y), dtype=np.float64)[:, np.newaxis]
    return TableRecords(Table(X, codes, labels=classes)).read(choice(kind))


WAYS = [from_y, from_rows, from_csv, from_source]
everywhere = pytest.mark.parametrize("read", WAYS, ids=lambda way: way.__name__)


def labels_of(table: Table) -> list[Any]:
    """The labels of all rows, from codes and classes."""
    assert table.y is not None and table.labels is not None
    return [table.labels[int(code)] for code in table.y]


@everywhere
@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (["no", "yes", "no"], ["no", "yes"]),
        (["é", "Zürich", "a,b"][:2], ["Zürich", "é"]),
        ([3, -1, 3], [-1, 3]),
        ([2.0, 1.0], [1, 2]),
        ([True, False, True], [False, True]),
        ([True, True], [True]),
        ([0, 1, 1], [0, 1]),
        (["2024-01-01", "2024-01-02", "2024-01-01"], ["2024-01-01", "2024-01-02"]),
        ([2**53 - 1, 0], [0, 2**53 - 1]),
    ],
)
def test_labels_come_back_as_they_came(read: Read, y: list[Any], classes: list[Any]) -> None:
    """Their classes are in order, and of the same type: true is not 1, and a date is text."""
    table = read(y, "any")
    assert table.labels == classes
    assert list(map(type, table.labels)) == list(map(type, classes))
    assert labels_of(table) == y


@everywhere
@pytest.mark.parametrize(
    ("y", "row", "word"),
    [
        ([1, 1.5, 2], 1, "1.5 is no label"),
        ([1, 2, 3, "b"], 3, "labels are all"),
        (["b", None, "a"], 1, "the label is missing, as 1 of 3 are"),
        ([2, None, None], 1, "the label is missing, as 2 of 3 are"),
        ([True, None], 1, "the label is missing"),
        ([2**53, 1], 0, "too large"),
        ([None, None], 0, "missing"),
    ],
)
def test_what_is_no_label_is_refused_with_its_place(read: Read, y: list[Any], row: int, word: str) -> None:
    """A pointer leads to the first one, and the words name its row, or its line in CSV."""
    with pytest.raises(Invalid) as caught:
        read(y, "any")
    assert word in caught.value.detail
    expected = f"/data/X/{row}/y" if read is from_rows else f"/data/y/{row}"
    assert caught.value.pointers == [expected]
    assert (f"line {row + 2}" if read is from_csv else f"row {row}") in caught.value.detail


@pytest.mark.parametrize("read", [from_y, from_rows, from_source], ids=lambda way: way.__name__)
@pytest.mark.parametrize("y", [["b", 1], [True, 1], [0, False], ["true", True]])
def test_labels_of_two_kinds_are_refused(read: Read, y: list[Any]) -> None:
    """CSV has no kinds: there they would all be texts, or truth values."""
    with pytest.raises(Invalid, match="labels are all texts, all whole numbers, or all true and false"):
        read(y, "any")


@everywhere
@pytest.mark.parametrize("y", [list(range(1001)), [f"label {i}" for i in range(1001)]])
def test_too_many_classes_are_refused(read: Read, y: list[Any]) -> None:
    with pytest.raises(Invalid, match="different labels, of which there may be 1000"):
        read(y, "any")
    assert len(read(y[1:], "any").labels or ()) == 1000


@everywhere
def test_later_labels_are_of_the_kind_of_the_fit(read: Read) -> None:
    """Such as the 0 and 1 of a file where the fit had true and false."""
    assert read([0, 1, 1], "boolean").labels == [False, True]
    assert read([True, False], "boolean").labels == [False, True]
    assert read([2, 1], "integer").labels == [1, 2]
    assert read(["1", "2"], "text").labels == ["1", "2"]
    with pytest.raises(Invalid, match="those of the fit are whole numbers"):
        read([1, 2, 3, "b"], "integer")
    with pytest.raises(Invalid, match="those of the fit are true and false"):
        read([1, 0, 2], "boolean")


def test_digits_in_csv_stay_text_where_the_labels_of_the_fit_were_text() -> None:
    assert labels_of(from_csv([1, 2, 1], "text")) == ["1", "2", "1"]
    for read in (from_y, from_rows, from_source):
        with pytest.raises(Invalid, match="those of the fit are text"):
            read([1, 2], "text")


@pytest.mark.parametrize(
    ("array", "classes"),
    [
        (np.array(["b", "a"]), ["a", "b"]),
        (np.array([np.str_("b"), "a"], dtype=object), ["a", "b"]),
        (np.array([1, 2], dtype=np.int8), [1, 2]),
        (np.array([1, 2], dtype=np.float32), [1, 2]),
        (np.array([True, False]), [False, True]),
        (["x", "y"], ["x", "y"]),
    ],
)
def test_arrays_of_any_type_are_labels(array: Any, classes: list[Any]) -> None:
    assert from_array(array, "any").classes == classes


def test_an_array_with_nan_has_no_label_there() -> None:
    for array in (np.array([1.0, np.nan]), np.array(["a", np.nan], dtype=object)):
        with pytest.raises(Invalid) as caught:
            from_array(array, "any")
        assert caught.value.pointers == ["/data/y/1"]


def test_labels_that_the_fit_did_not_see_come_after_its_classes() -> None:
    """Their order among themselves is kept."""
    codes, classes = Labels(np.array([0.0, 1.0, 2.0, 1.0]), ["a", "b", "z"]).among(["b", "c"])
    assert classes == ["b", "c", "a", "z"]
    assert codes.tolist() == [2, 0, 3, 0]


def test_a_long_y_is_read_piece_by_piece_with_the_same_places() -> None:
    y: list[Any] = ["yes", "no"] * 100_000
    assert labels_of(from_y(y)) == y
    y[150_001] = 7
    with pytest.raises(Invalid) as caught:
        from_y(y)
    assert caught.value.pointers == ["/data/y/150001"]


def test_rows_of_y_are_no_labels() -> None:
    with pytest.raises(Invalid) as caught:
        from_y([["a"], ["b"]])
    assert caught.value.pointers == ["/data/y/0"]


def test_a_classifier_has_one_target() -> None:
    raw = b"x,y,z\n1,a,b\n"
    with pytest.raises(Invalid, match="one target"):
        CsvRecords(raw, CsvOptions()).read(choice("any", "y", "z"))
