"""Columns of text as what they hold: numbers, truth values, times, or text, by their cells or as the fit knows them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.data.cells import ISO_DATE, SHOWN, BadCell, Cells, from_python, from_texts
from app.data.csv_reader.layout import MISSING, NUMBER
from app.data.csv_reader.rows import BLANKS
from app.data.csv_reader.thousands import doubt, doubtful_cell
from app.schemas.columns import NUMERIC, Column, Kind
from app.schemas.requests import Cell, Matrix

_NOT_FINITE = "[+-]?([iI][nN][fF]([iI][nN][iI][tT][yY])?|[nN][aA][nN])"
_GROUPED = r"[+-]?([0-9]+,[0-9]+|[0-9]{1,3}([., '][0-9]{3})+([.,][0-9]+)?)"
"""Numbers that are written otherwise: with a decimal comma, or with signs between thousands."""
_TRUTHS = {"true": True, "false": False, "1": True, "0": False}
_FITTED_TRUTHS = {**_TRUTHS, "t": True, "f": False, "1.0": True, "0.0": False}
_MICROSECONDS = 1e6


class TextColumn(NamedTuple):
    """A column as it stands in a CSV text."""

    array: Any
    """A chunked array of strings without blanks around them."""
    missing: Sequence[str]
    """What the request says stands for a missing value of any kind."""
    decimal: str | None
    way_out: str
    """What else to do about the column, as the end of a sentence."""
    is_doubtful: bool = False
    """Whether the request of a fit leaves open which sign is the decimal one."""

    def cells(self, fitted: Column | None) -> Cells:
        """Return the column as numbers; without a fitted one its cells say what it is. Raise BadCell."""
        kind = self._kind() if fitted is None else fitted.kind
        if kind in NUMERIC:
            if self.is_doubtful and (cell := doubtful_cell(self._known(self._tokens).drop_null())):
                raise BadCell(pc.index(self.array, cell).as_py(), doubt(cell))
            return self._numbers()
        if kind == "text":
            codes, texts = self._encoded(("", *self.missing))
            return _spread(codes, texts, lambda values: from_texts(values, fitted))
        codes, texts = self._encoded(self._tokens)
        if kind == "boolean":
            truths = _TRUTHS if fitted is None else _FITTED_TRUTHS
            values = [None if text is None else truths.get(text.lower(), text) for text in texts]
            return _spread(codes, values, lambda values: from_python(values, fitted or Column("", "boolean")))
        return self._times() or _spread(codes, texts, lambda values: from_python(values, fitted))

    @property
    def _tokens(self) -> tuple[str, ...]:
        return (*MISSING, *self.missing)

    def _kind(self) -> Kind:
        """Return the kind that all cells are of; raise BadCell if there are none, or most are numbers, but not all."""
        known = self._known(self._tokens).drop_null()
        if not len(known):
            from_python([None], None)
        numbers = self._are_numbers(known)
        count = pc.sum(numbers).as_py()
        if count == len(known):
            return "number"
        if pc.all(pc.is_in(pc.ascii_lower(known), value_set=pa.array(list(_TRUTHS)))).as_py():
            return "boolean"
        if pc.all(pc.match_substring_regex(known, f"^({ISO_DATE.pattern})$")).as_py():
            return "datetime"
        grouped = pc.match_substring_regex(known, f"^({_GROUPED})$")
        if 2 * pc.sum(pc.or_(numbers, grouped)).as_py() < len(known):
            return "text"
        odd = known.filter(pc.invert(numbers))[0].as_py()
        raise BadCell(pc.index(self.array, odd).as_py(), self._odd(odd, count, len(known)))

    def _odd(self, cell: str, count: int, known: int) -> str:
        """Say that a cell is no number in a column where most are, and what to do."""
        found = f"{cell[:SHOWN]!r} is not a number"
        if re.fullmatch(NUMBER.replace("[.]", ","), cell):
            return f"{found}; if the comma is the decimal sign, say decimal=comma{self.way_out}"
        if re.fullmatch(_GROUPED, cell):
            return f"{found}; write it without signs between thousands{self.way_out}"
        what = f"correct it, or say na={cell[:SHOWN]} if it stands for a missing value{self.way_out}"
        return f"{found}, as {count} of {known} cells are; {what}"

    def _numbers(self) -> Cells:
        texts = self._known(self._tokens)
        odd = pc.invert(self._are_numbers(texts))
        if pc.any(odd).as_py():
            row = pc.index(odd, True).as_py()
            raise BadCell(row, f"{texts[row].as_py()[:SHOWN]!r} is not a number")
        texts = pc.replace_substring(texts, ",", ".")  # no comma is left but in the place of a point
        return finite(_as_floats(pc.cast(texts, pa.float64())))

    def _are_numbers(self, texts: Any) -> Any:
        """Return which cells are numbers, with either sign of fractions if the first lines have neither."""
        decimal = self.decimal or ("," if pc.any(pc.match_substring(texts, ",")).as_py() else ".")
        pattern = NUMBER if decimal == "." else NUMBER.replace("[.]", ",")
        return pc.match_substring_regex(texts, f"^({pattern}|{_NOT_FINITE})$")

    def _times(self) -> Cells | None:
        """Return times as seconds, if Arrow can read them: all of them have an offset from UTC, or none has."""
        texts = self._known(self._tokens)
        if not pc.all(pc.match_substring_regex(texts, f"^({ISO_DATE.pattern})$")).as_py():
            return None
        for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
            try:
                ticks = pc.cast(pc.cast(texts, kind), pa.int64())
            except pa.ArrowInvalid:
                continue
            return Cells(_as_floats(ticks) / _MICROSECONDS, "datetime")
        return None

    def _known(self, missing: Sequence[str]) -> Any:
        """Return the cells, those that stand for a missing value as null."""
        absent = pc.is_in(self.array, value_set=pa.array(missing))
        return pc.if_else(absent, pa.scalar(None, pa.string()), self.array)

    def _encoded(self, missing: Sequence[str]) -> tuple[Any, list[str | None]]:
        """Return the different texts in the order of their first rows, and the position of each row's among them."""
        known = self._known(missing)
        encoded = pc.dictionary_encode(known, null_encoding="encode").combine_chunks()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.chunk(0)
        return encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()


def as_they_came(texts: Any) -> list[Cell]:
    """Return cells as text, or as numbers where all of them are written as numbers are; an empty one as None."""
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
    """Return bytes as strings without blanks around them; raise UnicodeError for bytes that are not UTF-8."""
    try:
        return pc.ascii_trim(pc.cast(chunks, pa.string()), BLANKS)
    except pa.ArrowInvalid:
        raise UnicodeError from None


def are_blank(chunks: Any) -> Any:
    """Return for each row whether its bytes are blanks, or none."""
    # bytes are taken for ASCII: those of a blank are in no letter of UTF-8
    filled = pc.match_substring_regex(chunks, f"[^{BLANKS}]")
    return ~np.asarray(filled.to_numpy(), np.bool_)


def finite(values: Matrix) -> Cells:
    """Return a column of numbers, with NaN for missing ones; raise BadCell for one that is infinite."""
    odd = np.flatnonzero(np.isinf(values))
    if odd.size:
        raise BadCell(int(odd[0]), f"{values[odd[0]]} is not a finite number")
    return Cells(values, "number")


def _as_floats(array: Any) -> Matrix:
    values = array.to_numpy(zero_copy_only=False) if isinstance(array, pa.Array) else array.to_numpy()
    return np.asarray(values, np.float64)


def _spread(codes: Any, values: list[Any], convert: Any) -> Cells:
    """Convert each different value once, and return the cells of all rows; raise BadCell for the first bad one."""
    try:
        cells: Cells = convert(values)
    except BadCell as error:
        raise BadCell(int(np.argmax(codes == error.row)), str(error)) from None
    return cells._replace(values=cells.values[codes])
