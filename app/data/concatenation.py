"""Joins the rows of several tables of one version, to predict for them in one call."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain

import numpy as np

from app.schemas.tables import Matrix, Table


def concatenate_tables(tables: Sequence[Table]) -> Table:
    """Return the rows of all tables; if each has texts of its own, codes are converted to positions among all texts."""
    joined = Table(np.concatenate([table.X for table in tables]))
    rows = [len(table.X) for table in tables]
    for position in tables[0].categories:
        lists = [table.categories[position] for table in tables]
        codes: dict[str, int] = {}
        new = [codes.setdefault(text, len(codes)) for text in chain(*lists)]
        _recode(joined.X[:, position], np.repeat(_starts(lists), rows), np.array(new, np.float64))
        joined.categories[position] = list(codes)
    return joined


def _starts(lists: Sequence[Sequence[str]]) -> list[int]:
    """Return the position of each list in the concatenation of all."""
    return list(accumulate(map(len, lists), initial=0))[:-1]


def _recode(column: Matrix, starts: Matrix, new: Matrix) -> None:
    """Write into a column the new codes of its texts; `starts` has for each row the position of its table's texts."""
    known = ~np.isnan(column)
    column[known] = new[column[known].astype(np.intp) + starts[known]]
