"""Put the rows of several tables of one version into one, to predict for them in one call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.schemas.tables import Matrix, Table


def concatenate_tables(tables: Sequence[Table]) -> Table:
    """Return the rows of all tables; where each has texts of its own, their codes become those of all together."""
    joined = Table(np.concatenate([table.X for table in tables]))
    for position in tables[0].categories:
        codes: dict[str, int] = {}
        start = 0
        for table in tables:
            rows = slice(start, start + len(table.X))
            new = [codes.setdefault(text, len(codes)) for text in table.categories[position]]
            _recode(joined.X[rows, position], new)
            start = rows.stop
        joined.categories[position] = list(codes)
    return joined


def _recode(column: Matrix, new: Sequence[int]) -> None:
    known = ~np.isnan(column)
    column[known] = np.array(new, dtype=np.float64)[column[known].astype(np.intp)]
