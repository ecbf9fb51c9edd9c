"""Converts columns of text to numbers, truth values, times, or text, by their cells or their kind in the fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.data.cells import ISO_DATE, SHOWN, BadCell, Cells, from_python, from_texts
from app.data.csv_reader.distinct import DistinctTexts
from app.data.csv_reader.layout import MISSING, NUMBER
from app.data.csv_reader.rows import BLANKS
from app.data.csv_reader.thousands import doubt, doubtful_cell
from app.schemas.columns import NUMERIC, Column, Kind
from app.schemas.tables import Cell, Matrix

_NOT_FINITE = "[+-]?([iI][nN][fF]([iI][nN][iI][tT][yY])?|[nN][aA][nN])"
_GROUPED = r"[+-]?([0-9]+,[0-9]+|[0-9]{1,3}([., '][0-9]{3})+([.,][0-9]+)?)"
"""Numbers in other notations: with a decimal comma, or with thousands separators."""
_WITH_COMMA = "(?s:.*),(?s:.*)"
_TRUTH = "[tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|[01]"
_TRUTHS = {"true": True, "false": False, "1": True, "0": False}
_FITTED_TRUTHS = {**_TRUTHS, "t": True, "f": False, "1.0": True, "0.0": False}
_MICROSECONDS = 1e6


class TextColumn(NamedTuple):
    """A column of a CSV text."""

    array: Any
    """A chunked array of strings without surrounding blanks."""
    missing: Sequence[str]
    """The request's texts for a missing value of any kind."""
    decimal: str | None
    way_out: str
    """Further advice about the column, as the end of a sentence."""
    is_doubtful: bool = False
    """Whether the request of a fit does not set the decimal sign."""

    def cells(self, fitted: Column | None) -> Cells:
        """Return the column as numbers; without a fitted column its cells determine its kind. Raise BadCell."""
        if fitted is not None and fitted.kind in NUMERIC:
            return self._numbers()
        texts = DistinctTexts(self.array)
        kind = self._kind(texts) if fitted is None else fitted.kind
        if kind in NUMERIC:
            if self.is_doubtful and (cell := doubtful_cell(self._known().drop_null())):
                raise BadCell(pc.index(self.array, cell).as_py(), doubt(cell))
            return self._numbers()
        if kind == "text":
            return _spread(texts, {"", *self.missing}, lambda values: from_texts(values, fitted))
        if kind == "boolean":
            truths = _TRUTHS if fitted is None else _FITTED_TRUTHS

            def convert(values: Sequence[str | None]) -> Cells:
                known = [None if text is None else truths.get(text.lower(), text) for text in values]
                return from_python(known, fitted or Column("", "boolean"))

            return _spread(texts, self._tokens, convert)
        return self._times() or _spread(texts, self._tokens, lambda values: from_python(values, fitted))

    @property
    def _tokens(self) -> frozenset[str]:
        return MISSING.union(self.missing)

    def _kind(self, texts: DistinctTexts) -> Kind:
        """Return the common kind of all cells; raise BadCell if there are none, or if most but not all are numbers."""
        absent = texts.among(self._tokens)
        if absent.all():
            from_python([None], None)
        has_comma = not absent[texts.matching(_WITH_COMMA)].all()
        numbers = texts.matching(self._number(has_comma=has_comma)) & ~absent
        if (numbers | absent).all():
            return "number"
        if (texts.matching(_TRUTH) | absent).all():
            return "boolean"
        if (texts.matching(ISO_DATE.pattern) | absent).all():
            return "datetime"
        counts = texts.counts()
        known = int(counts[~absent].sum())
        if 2 * counts[~absent & (numbers | texts.matching(_GROUPED))].sum() < known:
            return "text"
        odd = int(np.argmin(numbers | absent))
        raise BadCell(texts.row(odd), self._odd(texts[odd], int(counts[numbers].sum()), known))

    def _odd(self, cell: str, count: int, known: int) -> str:
        """Return the error text, with advice, for a cell that is not a number in a column where most are."""
        found = f"{cell[:SHOWN]!r} is not a number"
        if re.fullmatch(NUMBER.replace("[.]", ","), cell):
            return f"{found}; if the comma is the decimal sign, say decimal=comma{self.way_out}"
        if re.fullmatch(_GROUPED, cell):
            return f"{found}; write it without signs between thousands{self.way_out}"
        what = f"correct it, or say na={cell[:SHOWN]} if it stands for a missing value{self.way_out}"
        return f"{found}, as {count} of {known} cells are; {what}"

    def _numbers(self) -> Cells:
        texts = self._known()
        has_comma = pc.any(pc.match_substring(texts, ",")).as_py()
        odd = pc.invert(pc.match_substring_regex(texts, f"^({self._number(has_comma=has_comma)})$"))
        if pc.any(odd).as_py():
            row = pc.index(odd, True).as_py()
            raise BadCell(row, f"{texts[row].as_py()[:SHOWN]!r} is not a number")
        texts = pc.replace_substring(texts, ",", ".")  # all remaining commas are decimal signs
        return finite(_as_floats(pc.cast(texts, pa.float64())))

    def _number(self, *, has_comma: bool) -> str:
        """Return the pattern of a number, with either decimal sign if the first lines have neither."""
        decimal = self.decimal or ("," if has_comma else ".")
        return f"{NUMBER if decimal == '.' else NUMBER.replace('[.]', ',')}|{_NOT_FINITE}"

    def _times(self) -> Cells | None:
        """Return times as seconds, if Arrow can read them: all of them have an offset from UTC, or none has."""
        texts = self._known()
        if not pc.all(pc.match_substring_regex(texts, f"^({ISO_DATE.pattern})$")).as_py():
            return None
        for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
            try:
                ticks = pc.cast(pc.cast(texts, kind), pa.int64())
            except pa.ArrowInvalid:
                continue
            return Cells(_as_floats(ticks) / _MICROSECONDS, "datetime")
        return None

    def _known(self) -> Any:
        """Return the cells, missing values as null."""
        absent = pc.is_in(self.array, value_set=pa.array(list(self._tokens)))
        return pc.if_else(absent, pa.scalar(None, pa.string()), self.array)


def as_they_came(texts: Any) -> list[Cell]:
    """Return cells as text, or as numbers if all of them are numbers; an empty cell as None."""
    cells: list[Cell] = [text or None for text in texts.to_pylist()]
    try:
        numbers = [None if cell is None else float(cell) for cell in cells]
    except ValueError:
        return cells
    same = all(
        number is None or cell in {repr(number), f"{number:.0f}"} for cell, number in zip(cells, numbers, strict=True)
    )
    return list(numbers) if same else cells


def trimmed(chunks: Any) -> Any:
    """Return bytes as strings without surrounding blanks; raise UnicodeError for bytes that are not UTF-8."""
    try:
        return pc.ascii_trim(pc.cast(chunks, pa.string()), BLANKS)
    except pa.ArrowInvalid:
        raise UnicodeError from None


def are_blank(chunks: Any) -> Any:
    """Return for each row whether it is empty or has only blanks."""
    # bytes are treated as ASCII: no other character in UTF-8 contains the byte of a blank
    filled = pc.match_substring_regex(chunks, f"[^{BLANKS}]")
    return ~np.asarray(filled.to_numpy(), np.bool_)


def finite(values: Matrix) -> Cells:
    """Return a column of numbers, with NaN for missing ones; raise BadCell for an infinite one."""
    odd = np.flatnonzero(np.isinf(values))
    if odd.size:
        raise BadCell(int(odd[0]), f"{values[odd[0]]} is not a finite number")
    return Cells(values, "number")


def _as_floats(array: Any) -> Matrix:
    values = array.to_numpy(zero_copy_only=False) if isinstance(array, pa.Array) else array.to_numpy()
    return np.asarray(values, np.float64)


def _spread(texts: DistinctTexts, missing: Collection[str], convert: Callable[[Sequence[str | None]], Cells]) -> Cells:
    """Convert each different text once, and return the cells of all rows; raise BadCell for the first bad one."""
    try:
        cells = convert([None if text in missing else text for text in texts.listed()])
    except BadCell as error:
        raise BadCell(texts.row(error.row), str(error)) from None
    return cells._replace(values=cells.values[texts.codes])
