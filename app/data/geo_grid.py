"""Finds the rows nearest to a point by cells of a grid, with an ordinary index in PostgreSQL and SQLite.

It needs the extra `sql`: only applications import it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.engine import Connection, Row
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql import Select

CELLS_PER_DEGREE = 1024  # 110 m from north to south
COLUMNS = 360 * CELLS_PER_DEGREE
KM_PER_DEGREE = 111.195  # of a great circle
CELL_KM = KM_PER_DEGREE / CELLS_PER_DEGREE
POLAR_DEGREES = 89.9  # beyond, a box holds all longitudes
MAX_KM = 1_000.0  # a box lists its rows of cells, and SQLite takes 32,766 parameters
MAX_ROWS = 5_000  # how many rows one query reads
MAX_BOXES = 20


def grid_cell(latitude: Any, longitude: Any) -> tuple[Any, Any]:
    """Return row and column of the cells of points in degrees; numbers or arrays."""
    row = np.floor((np.asarray(latitude) + 90) * CELLS_PER_DEGREE).astype(int)
    return row, np.floor((np.asarray(longitude) + 180) * CELLS_PER_DEGREE).astype(int) % COLUMNS


def distance_km(latitude: float, longitude: float, latitudes: Any, longitudes: Any) -> Any:
    """Return great-circle distances from a point to others, all in degrees, by the haversine formula."""
    there, here = np.radians(latitudes), np.radians(latitude)
    across = np.radians(np.asarray(longitudes) - longitude)
    half = np.sin((there - here) / 2) ** 2 + np.cos(here) * np.cos(there) * np.sin(across / 2) ** 2
    return 2 * np.degrees(np.arcsin(np.sqrt(np.minimum(half, 1)))) * KM_PER_DEGREE


class GeoGrid:
    """The grid of a table with the cell of each row, from `grid_cell`, in two columns with one index."""

    def __init__(self, row: InstrumentedAttribute[int], column: InstrumentedAttribute[int]) -> None:
        """Take the columns, such as `Place.grid_row` and `Place.grid_column`; the index is on both in this order."""
        self._row, self._column = row, column

    def box(self, latitude: float, longitude: float, km: float) -> ColumnElement[bool]:
        """Return a condition that is true for all rows within `km` of a point, and for some others."""
        high = km / KM_PER_DEGREE
        south, north = (int(grid_cell(latitude + side, 0)[0]) for side in (-high, high))
        rows = self._row.in_(list(range(south, north + 1)))
        farthest = abs(latitude) + high
        wide = high / np.cos(np.radians(min(farthest, POLAR_DEGREES)))
        if farthest >= POLAR_DEGREES or wide >= 180 - 1 / CELLS_PER_DEGREE:
            return rows
        west, east = (int(grid_cell(0, longitude + side)[1]) for side in (-wide, wide))
        if west <= east:
            return and_(rows, self._column.between(west, east))
        across = or_(self._column.between(west, COLUMNS), self._column.between(0, east))  # the line at 180°
        return and_(rows, across)

    def nearest(
        self, connection: Connection, query: Select[Any], latitude: float, longitude: float, km: float, number: int
    ) -> list[tuple[float, Row[Any]]]:
        """Return up to `number` rows of a query within `km` of a point, nearest first, each after its distance in km.

        The query selects `latitude` and `longitude` among others, and may have conditions. The box grows from one cell
        until it has enough rows, faster if it has few, so the number of rows read hardly depends on the table's size.
        If one place has more than MAX_ROWS, some are left out. Raises ValueError unless 0 < km ≤ MAX_KM.
        """
        if not 0 < km <= MAX_KM:
            raise ValueError(f"km must be above 0 and at most {MAX_KM:g}")
        enough, side, crowded = 0.0, CELL_KM, km
        for _ in range(MAX_BOXES):
            side = min(side, km)
            rows = connection.execute(query.where(self.box(latitude, longitude, side)).limit(MAX_ROWS)).all()
            points = np.array([(row.latitude, row.longitude) for row in rows]).reshape(-1, 2)
            distances = distance_km(latitude, longitude, points[:, 0], points[:, 1])
            inside = np.flatnonzero(distances <= side)
            if len(rows) == MAX_ROWS and enough:  # these are not all rows
                crowded, side = side, (enough + side) / 2
            elif len(inside) >= number or side >= km or len(rows) == MAX_ROWS:
                break
            else:
                enough, wanted = side, side * np.sqrt(1.5 * number / max(1, len(inside)))
                side = min(max(wanted, 1.3 * side), 6 * side, (side + crowded) / 2 if crowded < km else km)
        order = inside[np.argsort(distances[inside], kind="stable")[:number]]
        return [(float(distances[i]), rows[i]) for i in order]
