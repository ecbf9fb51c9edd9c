"""Tables that were read before, such as those of sources and gates, of which columns are chosen again."""

from __future__ import annotations

import numpy as np
import pytest

from app.data.csv_reader.csv_records import CsvRecords
from app.data.records import TableRecords
from app.errors import Invalid
from app.schemas.columns import KINDS, Column
from app.service.choice import FitChoice, UseChoice
from app.storage.manifest import Schema

RAW = b"""city,size,new,built
Bern,3,true,2026-01-05T10:30:00.250Z
Chur,,,
Rome,2.5,false,1969-07-20
"""
ALL = FitChoice(frozenset(KINDS), takes_missing=True)


def used(*columns: Column, keep: tuple[str, ...] = ()) -> UseChoice:
    names = [column.name for column in columns]
    unused = [name for name in ("city", "size", "new", "built") if name not in names]
    schema = Schema(names, ["y"], vector=True, columns=list(columns), unused=unused, named_inputs=True)
    return UseChoice(schema, frozenset(KINDS), takes_missing=True, keep=keep)


def test_columns_of_all_kinds_are_as_they_were_read() -> None:
    """For a fit, and for a version that was fitted to some of them in another order."""
    table = CsvRecords(RAW).read(ALL)
    again = TableRecords(table).read(ALL)
    np.testing.assert_array_equal(again.X, table.X)
    assert (again.kinds, again.categories) == (table.kinds, table.categories)
    version = used(Column("built", "datetime"), Column("size", "number"))
    some, directly = TableRecords(table).read(version), CsvRecords(RAW).read(version)
    np.testing.assert_array_equal(some.X, directly.X)
    np.testing.assert_array_equal(some.X[:, 0], table.X[:, 3])
    assert some.kinds == directly.kinds == ["datetime", "number"]


def test_times_that_are_kept_beside_predictions_are_written_as_times() -> None:
    kept = TableRecords(CsvRecords(RAW).read(ALL)).read(used(Column("size", "number"), keep=("built",))).kept
    assert kept == {"built": ["2026-01-05T10:30:00.250000Z", None, "1969-07-20T00:00:00Z"]}


def test_times_are_not_taken_for_texts_or_numbers() -> None:
    """How they were written is not known any more: texts of the fit would not be found again."""
    table = CsvRecords(RAW).read(ALL)
    for kind, plural in (("text", "text"), ("number", "numbers")):
        with pytest.raises(Invalid, match=f"the column holds times, the fit had {plural}"):
            TableRecords(table).read(used(Column("built", kind)))  # type: ignore[arg-type]
