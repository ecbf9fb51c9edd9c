"""Columns of Python's values: their kinds and numbers are those that a slow and obvious reader finds."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.data.cells import BadCell, Cell, from_python
from app.schemas.columns import MAX_CATEGORIES, Column
from app.schemas.parts import PART, Parts

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=-3, minutes=-30)), timezone(timedelta(hours=14))])
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=ZONES)  # noqa: DTZ001  they get one
DATES = st.dates().map(lambda date: date.isoformat())
TEXTS = st.sampled_from(["", "a", "b", "Zürich", "12", "true", "2020-01-01x"])
KINDS = [NUMBERS, st.booleans(), TEXTS, TIMES.map(datetime.isoformat) | DATES]
CELLS = st.one_of(*(st.lists(kind | st.none(), max_size=8) for kind in KINDS), st.lists(st.one_of(*KINDS), max_size=6))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _kind(values: Sequence[Cell]) -> str | None:
    """The kind of a column; None where its values are not of one."""
    given_values = [value for value in values if value is not None]
    names = {"number" if type(value) in (int, float) else type(value).__name__ for value in given_values}
    if len(names) != 1:
        return None
    if names == {"str"}:
        looks = all(len(str(value)) >= 10 and str(value)[4:5] == "-" for value in given_values)
        return "datetime" if looks and all(_time(str(value)) for value in given_values) else "text"
    return {"number": "number", "bool": "boolean"}[names.pop()]


def _number(value: Cell, kind: str, categories: Sequence[str]) -> float:
    if value is None:
        return math.nan
    if kind == "datetime":
        time = _time(str(value))
        assert time is not None
        return (time - EPOCH) / timedelta(seconds=1)
    return float(categories.index(str(value))) if kind == "text" else float(value)


@given(CELLS, st.booleans())
def test_a_column_is_what_its_values_are(values: list[Cell], in_parts: bool) -> None:  # noqa: FBT001
    """A missing value is NaN, a text its position among the sorted ones, a time its seconds since 1970."""
    kind = _kind(values)
    sequence: Sequence[Cell] = values
    if in_parts:
        sequence = Parts[Cell]()
        sequence.tuples += [tuple(values[:3]), tuple(values[3:])]
    if kind is None:
        with pytest.raises(BadCell):
            from_python(sequence, None)
        return
    cells = from_python(sequence, None)
    categories = sorted({str(value) for value in values if value is not None}) if kind == "text" else []
    assert (cells.kind, list(cells.categories)) == (kind, categories)
    expected = [_number(value, kind, categories) for value in values]
    assert np.array_equal(cells.values, expected, equal_nan=True)
    again = from_python(sequence, Column("a", cells.kind, categories=categories or None))
    assert np.array_equal(again.values, expected, equal_nan=True)


@given(TIMES)
def test_times_are_exact_to_the_microsecond(time: datetime) -> None:
    """Of two that differ by a microsecond the later one has the greater number."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    texts: list[Cell] = [time.isoformat(), (time + timedelta(microseconds=1)).isoformat()]
    first, second = from_python(texts, None).values
    assert second > first
    assert EPOCH + timedelta(microseconds=round(float(first) * 1e6)) == aware


def test_a_long_column_of_each_kind() -> None:
    """It is looked at in parts; the row of a wrong cell is that in the whole."""
    n = 2 * PART + 5
    assert from_python([i / 7 for i in range(n)], None).values.tolist() == [i / 7 for i in range(n)]
    assert from_python([i % 2 == 0 for i in range(n)], None).values.sum() == PART + 3
    texts: list[Cell] = [f"t{i % 9}" for i in range(n)]
    cells = from_python(texts, None)
    assert [cells.categories[int(i)] for i in cells.values] == texts
    for kind, wrong in (("number", "a"), ("boolean", 2.0), ("text", 1.0)):
        values: list[Cell] = [{"number": 1.0, "boolean": True, "text": "a"}[kind]] * n
        values[-2] = wrong
        with pytest.raises(BadCell) as error:
            from_python(values, None if kind != "text" else Column("a", "text", categories=["a"]))
        assert error.value.row == n - 2


def test_more_texts_than_are_kept() -> None:
    """They are known to be too many without a look at all."""
    cells = from_python([str(i) for i in range(3 * PART)], None)
    assert cells.kind == "text" and len(cells.categories) > MAX_CATEGORIES
