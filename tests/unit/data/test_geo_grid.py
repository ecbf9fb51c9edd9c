"""The grid that finds the rows nearest to a point, against a look at every row."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Index, create_engine, insert, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.data.geo_grid import MAX_ROWS, GeoGrid, distance_km, grid_cell


class Base(DeclarativeBase):
    """Base of the table."""


class Stop(Base):
    """A point with its cell."""

    __tablename__ = "stops"
    __table_args__ = (Index("stops_by_cell", "grid_row", "grid_column"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    latitude: Mapped[float]
    longitude: Mapped[float]
    grid_row: Mapped[int]
    grid_column: Mapped[int]


GRID = GeoGrid(Stop.grid_row, Stop.grid_column)
QUERY = select(Stop.id, Stop.latitude, Stop.longitude)
CROWD = (20.0, 20.0)
POINTS = [(47.0, 7.4), (0.0, 179.99), (-10.0, -180.0), (89.95, 90.0), (-89.99, -100.0), (90.0, 0.0), CROWD]


@pytest.fixture(scope="module")
def stops() -> Iterator[Connection]:
    """Some hundred around each point, and more than one query reads around one of them."""
    random = np.random.default_rng(0)
    rows = []
    for latitude, longitude in POINTS:
        number = 2 * MAX_ROWS if (latitude, longitude) == CROWD else 300
        wide = 180 if abs(latitude) > 89 else 0.5
        south = latitude + random.normal(0, 0.2, number)
        south = np.where(abs(south) > 90, np.sign(south) * 180 - south, south)
        east = (longitude + random.uniform(-wide, wide, number) + 180) % 360 - 180
        rows += [
            {"latitude": a, "longitude": b, "grid_row": int(row), "grid_column": int(column)}
            for a, b, row, column in zip(south.tolist(), east.tolist(), *grid_cell(south, east), strict=True)
        ]
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        Base.metadata.create_all(connection)
        connection.execute(insert(Stop), rows)
        yield connection
    engine.dispose()


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize(("km", "number"), [(0.01, 5), (8.0, 20), (60.0, 200), (1000.0, 250)])
def test_it_finds_the_nearest(stops: Connection, point: Any, km: float, number: int) -> None:
    every = stops.execute(QUERY).all()
    far = distance_km(*point, [row.latitude for row in every], [row.longitude for row in every])
    nearest = [every[i].id for i in np.argsort(far, kind="stable")[:number] if far[i] <= km]
    found = GRID.nearest(stops, QUERY, *point, km, number)
    assert [row.id for _, row in found] == nearest
    assert [distance for distance, _ in found] == sorted(far)[: len(nearest)]


def test_conditions_of_the_query_hold(stops: Connection) -> None:
    found = GRID.nearest(stops, QUERY.where(Stop.id % 2 == 0), *POINTS[0], 30.0, 40)
    assert len(found) == 40 and all(row.id % 2 == 0 for _, row in found)


def test_it_uses_the_index(stops: Connection) -> None:
    query = QUERY.where(GRID.box(*POINTS[0], 0.8)).compile(stops, compile_kwargs={"literal_binds": True})
    plan = str(stops.execute(text(f"EXPLAIN QUERY PLAN {query}")).all())
    assert "stops_by_cell (grid_row=? AND grid_column>? AND grid_column<?" in plan


def test_a_box_across_the_date_line_is_two_ranges_and_one_at_a_pole_is_none() -> None:
    assert [str(GRID.box(*point, 1.0)).count("BETWEEN") for point in ((0.0, 179.999), (0.0, 0.0), (90.0, 0.0))] == [
        2,
        1,
        0,
    ]


def test_distances_are_those_of_great_circles() -> None:
    """A quarter of the way around, half of it, and none."""
    assert distance_km(0, 0, [90, 0, 0, 0], [0, 180, 0, -90]) == pytest.approx([10_007.55, 20_015.1, 0, 10_007.55])


@pytest.mark.parametrize("km", [0.0, -1.0, 1001.0, float("nan")])
def test_a_distance_that_no_box_can_have_is_refused(stops: Connection, km: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1000"):
        GRID.nearest(stops, QUERY, 0.0, 0.0, km, 5)
