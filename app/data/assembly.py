"""Assembles columns to the table of a model; one error names all columns that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from app.data.cells import PLURALS, BadCell, Cells, Locate
from app.data.text_doubts import find_doubt, id_warning
from app.errors import Fault, Invalid
from app.schemas.columns import MAX_CATEGORIES, NUMERIC, Column, Kind
from app.schemas.tables import Matrix, Selection, Table
from app.schemas.wording import counted

MAX_FAULTS = 50  # of one response


def assemble(
    selection: Selection,
    names: Sequence[str],
    rows: int,
    read: Callable[[int, Column | None], Cells],
    locate: Locate,
    into: Matrix | None = None,
    others: Sequence[Fault] = (),
) -> Table:
    """Return the selected inputs as a table, with warnings about them.

    `names` are the names of all columns of the data; `read` returns one column. `into` is a matrix of the table's size
    that may have some columns already. One error names all columns that cannot be used, with the faults of `others`.
    """
    X = np.empty((rows, len(selection.inputs))) if into is None else into
    memory = X if X.base is None else X.base
    kinds: list[Kind] = []
    categories: dict[int, list[str]] = {}
    findings = _Findings(selection, names, locate)
    indicators = _Indicators(selection)
    for position, (source, fitted) in enumerate(zip(selection.inputs, selection.columns, strict=True)):
        try:
            cells = read(source, fitted)
            cells = _with_all_texts(read, source, cells) if selection.any_texts else cells
        except BadCell as error:
            findings.add_bad_cell(error, source)
            continue
        if not _is_right(cells, selection, fitted):
            findings.add(cells, source, fitted)
        if cells.values.base is not memory:
            X[:, position] = cells.values
        kinds.append(cells.kind)
        if cells.kind == "text":
            categories[position] = list(cells.categories)
            indicators.add(len(cells.categories) - 1)
    if findings.faults or others:
        raise refusal([*findings.faults, *others])
    numeric = NUMERIC.issuperset(kinds)
    return Table(X, kinds=None if numeric else kinds, categories=categories, warnings=findings.warnings)


class _Findings:
    """The faults of columns, and the warnings about them."""

    def __init__(self, selection: Selection, names: Sequence[str], locate: Locate) -> None:
        self.faults: list[Fault] = []
        self.warnings: list[str] = []
        self._selection = selection
        self._names = names
        self._locate = locate

    def add_bad_cell(self, error: BadCell, source: int) -> None:
        """Add the fault of a column that could not be read."""
        pointer, where = self._locate(error.row, source)
        self.faults.append(Fault(pointer, f"{where}: {error}"))

    def add(self, cells: Cells, source: int, fitted: Column | None) -> None:
        """Check a column, and add its fault or the warning about it, if any."""
        name = None if fitted else self._names[source]  # after a fit no column can be left out
        found = _judged(cells, self._selection, name, lambda row: self._locate(row, source))
        if isinstance(found, Fault):
            self.faults.append(found)
        elif found:
            self.warnings.append(found)


class _Indicators:
    """The number of columns that categories add to the model's matrix, checked while it grows."""

    def __init__(self, selection: Selection) -> None:
        self._check = selection.check_indicators
        self._count = 0
        self._checked = len(selection.inputs)

    def add(self, count: int) -> None:
        """Count more of them; raise the error of the check if they are too many."""
        self._count += count
        if self._check and self._count > 2 * self._checked:  # not at every column, because it takes time
            self._checked = self._count
            self._check([0] * self._count)


def _is_right(cells: Cells, selection: Selection, fitted: Column | None) -> bool:
    """Whether a column cannot have faults, as most; texts of a fit need further checks."""
    is_known = cells.kind != "text" or (fitted is not None and len(cells.categories) <= MAX_CATEGORIES)
    return cells.is_complete and is_known and cells.kind in selection.kinds


def _with_all_texts(read: Callable[[int, Column | None], Cells], source: int, cells: Cells) -> Cells:
    """Return a column with all of its texts; only some were read if they were over the limit."""
    return read(source, Column("", "text")) if len(cells.categories) > MAX_CATEGORIES else cells


def refusal(faults: Sequence[Fault]) -> Invalid:
    """Return the error for faults, each of another column."""
    if len(faults) == 1:
        return Invalid(faults[0].detail, *faults)
    shown = "; ".join(fault.detail for fault in faults[:MAX_FAULTS])
    if len(faults) > MAX_FAULTS:
        shown += f"; … and {counted(len(faults) - MAX_FAULTS, 'more column')}"
    return Invalid(f"{len(faults)} columns cannot be used. {shown}", *faults[:MAX_FAULTS])


def _judged(
    cells: Cells, selection: Selection, name: str | None, locate: Callable[[int], tuple[str, str]]
) -> Fault | str | None:
    """Return why a model does not accept a column, or a warning.

    With a `name` the column may be left out, and both include this advice.
    """
    if cells.kind not in selection.kinds:
        pointer, where = locate(0)
        detail = f"{where}: the column holds {PLURALS[cells.kind]}, which this model does not take"
        return Fault(pointer, f"{detail}; {_or_ignore('convert it to numbers', name)}")
    doubt = None if cells.kind != "text" or name is None else find_doubt(cells.categories, cells.values)
    if doubt and doubt.is_refused and "datetime" not in selection.kinds:  # models for all kinds may handle such texts
        pointer, where = locate(doubt.row)
        return Fault(pointer, f"{where}: {doubt.detail}; {_or_ignore(doubt.advice, name)}")
    if cells.kind == "text" and len(cells.categories) > MAX_CATEGORIES and not selection.any_texts:
        pointer, where = locate(0)
        limit = f"the column holds over {MAX_CATEGORIES} different texts, the limit"
        return Fault(pointer, f"{where}: {_or_ignore(limit, name, '; ')}")
    missing = np.empty(0) if cells.is_complete else np.flatnonzero(np.isnan(cells.values))
    if missing.size and not selection.takes_missing:
        pointer, where = locate(int(missing[0]))
        count = f"{missing.size} of {len(cells.values)} in this column"
        return Fault(pointer, f"{where}: a value is missing, {count}; {_or_ignore('fill them in', name)}")
    if doubt is None:  # a model that accepts any texts does not need categories
        return None if name is None or selection.any_texts else id_warning(name, cells.categories, len(cells.values))
    _, where = locate(doubt.row)
    taken = f"the column is taken as {counted(len(cells.categories), 'category', 'categories')}"
    return f"{where}: {doubt.detail}; {taken}: if it is not one, {_or_ignore(doubt.advice, name)}"


def _or_ignore(detail: str, name: str | None, between: str = ", or ") -> str:
    return detail if name is None else f"{detail}{between}leave the column out (ignore={name})"
