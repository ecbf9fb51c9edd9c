"""Labels of a classifier as codes: the position of each among the different ones, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from app.data.cells import SHOWN, BadCell, Cells, from_python, kind_of
from app.errors import Invalid
from app.schemas.columns import MAX_CATEGORIES, NUMERIC, Column
from app.schemas.tables import Cell, Matrix
from app.schemas.tasks import Label, LabelKind, label_fault

Locate: TypeAlias = Callable[[int], tuple[str, str]]
"""Returns the pointer to a label and its location in words ("line 3, column 'y'") by its row."""
POINTER = "/data/y"
BEYOND = 2.0**53  # from here on float64 does not distinguish all whole numbers
BLOCK_VALUES = 2**18
MAX_TEXT_BYTES = 2**29  # of an array with the labels of all rows, four for each character of the longest
KINDS = "labels are all texts, all whole numbers, or all true and false"
_PLURALS = {"text": "texts", "integer": "whole numbers", "boolean": "true and false"}


class Labels(NamedTuple):
    """The codes (n,) of labels, and their labels."""

    codes: Matrix
    classes: list[Label]

    def among(self, fitted: Sequence[Label]) -> Labels:
        """Return codes among the classes of a fit; labels that were not in the fit follow these, in order.

        Raise Invalid for labels of another kind: 1 is not "1".
        """
        if self.classes and fitted and (kind := label_kind(self.classes)) != (expected := label_kind(fitted)):
            raise Invalid.at(POINTER, f"y holds {_PLURALS[kind]}, the labels of the model are {_PLURALS[expected]}")
        known = {label: code for code, label in enumerate(fitted)}
        every = [*fitted, *(label for label in self.classes if label not in known)]
        known |= {label: code for code, label in enumerate(every)}
        positions = np.array([known[label] for label in self.classes], np.float64)
        return Labels(positions[self.codes.astype(np.intp)], every)


def label_kind(classes: Sequence[Label]) -> LabelKind:
    """Return the kind of a fit's classes."""
    first = classes[0]
    return "text" if isinstance(first, str) else "boolean" if isinstance(first, bool) else "integer"


def in_y(row: int) -> tuple[str, str]:
    """Return the location of a label that is an item of /data/y."""
    return f"{POINTER}/{row}", f"row {row}"


def read_labels(values: Sequence[Cell], kind: LabelKind, locate: Locate = in_y) -> Labels:
    """Return the labels from Python's values; raise Invalid for a missing label, or one of another kind."""
    try:
        found = kind_of(values) if kind == "any" else kind
        cells = from_python(values, Column("", "text" if found == "datetime" else found))
    except BadCell as error:
        raise refusal(error.row, str(error), kind, locate) from None
    return _encode(cells, kind, locate)


def encode_cells(cells: Cells, kind: LabelKind, locate: Locate) -> Labels:
    """Return the labels in a column that was read before; raise Invalid."""
    if cells.kind in NUMERIC and kind not in {"any", "integer"}:
        return read_labels([None if np.isnan(value) else value for value in cells.values.tolist()], kind, locate)
    return _encode(cells, kind, locate)


def from_array(array: Any, kind: LabelKind) -> Labels:
    """Return the labels in an array or a sequence of any type from a source; raise Invalid."""
    values = np.asarray(array)
    if values.ndim != 1:
        raise Invalid.at(POINTER, f"labels are one column, not an array of shape {values.shape}")
    if values.dtype.kind in "iuf" and kind in {"any", "integer"}:
        return _encode(Cells(values.astype(np.float64), "number"), kind, in_y)
    listed = [item.item() if isinstance(item, np.generic) else item for item in values.tolist()]
    return read_labels([None if _is_missing(item) else item for item in listed], kind)


def refusal(row: int, detail: str, kind: LabelKind, locate: Locate) -> Invalid:
    """Return the error for a label of another kind than the others, or than those of the fit."""
    pointer, where = locate(row)
    said = KINDS if kind == "any" else f"those of the fit are {_PLURALS[kind]}"
    return Invalid.at(pointer, f"{where}: {detail}; {said}")


def _encode(cells: Cells, kind: LabelKind, locate: Locate) -> Labels:
    """Return the labels in a column of any kind but times; raise Invalid."""
    missing = np.flatnonzero(np.isnan(cells.values)) if len(cells.categories) <= MAX_CATEGORIES else np.empty(0)
    if missing.size:
        pointer, where = locate(int(missing[0]))
        raise Invalid.at(pointer, f"{where}: the label is missing, as {missing.size} of {len(cells.values)} are")
    if cells.kind == "text":
        _check_count(f"over {MAX_CATEGORIES}", len(cells.categories))
        _check_texts(cells, locate)
        return Labels(cells.values, list(cells.categories))
    if cells.kind in NUMERIC:
        _check_whole(cells.values, kind, locate)
    different, codes = np.unique(cells.values, return_inverse=True)
    _check_count(str(len(different)), len(different))
    classes: list[Label] = [bool(each) if cells.kind == "boolean" else int(each) for each in different]
    return Labels(codes.astype(np.float64), classes)


def _check_texts(cells: Cells, locate: Locate) -> None:
    """Raise Invalid for the first text that cannot be stored unchanged, and for texts too long for so many rows."""
    for code, text in enumerate(cells.categories):
        if fault := label_fault(text):
            pointer, where = locate(int(np.flatnonzero(cells.values == code)[0]))
            raise Invalid.at(pointer, f"{where}: the label {fault}")
    longest = max(map(len, cells.categories), default=0)
    if 4 * longest * len(cells.values) > MAX_TEXT_BYTES:
        fault = f"y holds {len(cells.values)} labels of up to {longest} characters: send shorter ones"
        raise Invalid.at(POINTER, fault)


def _check_whole(values: Matrix, kind: LabelKind, locate: Locate) -> None:
    """Raise Invalid for the first number that cannot be a label."""
    for start in range(0, len(values), BLOCK_VALUES):
        block = values[start : start + BLOCK_VALUES]
        odd = np.flatnonzero((np.rint(block) != block) | (np.abs(block) >= BEYOND))
        if not odd.size:
            continue
        pointer, where = locate(start + int(odd[0]))
        value = float(block[odd[0]])
        if value.is_integer():
            instead = "send labels as text" if kind == "any" else "fit the model anew, with labels as text"
            fault = f"a number is too large for a label; {instead}"
        else:
            fault = f"{value:g} is no label: a classifier takes texts, whole numbers, or true and false"
        raise Invalid.at(pointer, f"{where}: {fault}")


def _check_count(words: str, count: int) -> None:
    if count > MAX_CATEGORIES:
        fault = f"y holds {words} different labels, of which there may be {MAX_CATEGORIES}; numbers are for regressors"
        raise Invalid.at(POINTER, fault)


def _is_missing(value: object) -> bool:
    """Whether a value is None, or NaN and the like, which differ from themselves; pandas' NA cannot be compared."""
    return value is None or type(value).__name__ in {"NAType", "NaTType"} or value != value  # noqa: PLR0124


def shown(label: Label) -> str:
    """Return a label for an error text: a text in quotes, truncated if it is long."""
    return repr(label[:SHOWN]) if isinstance(label, str) else str(label).lower()
