"""The tables, and the database that they are in."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import JSON, ForeignKey, Index, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.data.choice_sets import ChoiceSets
from app.data.database import Database, RowNumber

FEATURES = ("log_distance", "affinity", "rating", "price", "near")


class Base(DeclarativeBase):
    """Base of the tables."""


class User(Base):
    """Who asks: where, and how much each category is liked (−1 to 1)."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    name: Mapped[str]
    latitude: Mapped[float]
    longitude: Mapped[float]
    affinity: Mapped[dict[str, float]] = mapped_column(JSON)


class Category(Base):
    """A category that places have, and that users may ask for."""

    __tablename__ = "categories"
    name: Mapped[str] = mapped_column(primary_key=True)


class Location(Base):
    """A place. `grid_row` and `grid_column` are its cell (see GeoGrid), and the index on them finds it."""

    __tablename__ = "locations"
    __table_args__ = (Index("locations_by_cell", "grid_row", "grid_column"),)
    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    name: Mapped[str]
    category: Mapped[str] = mapped_column(ForeignKey("categories.name"))
    rating: Mapped[float]
    price: Mapped[int]
    latitude: Mapped[float]
    longitude: Mapped[float]
    grid_row: Mapped[int]
    grid_column: Mapped[int]


class Inference(Base):
    """A slate: places that were shown for one task. A part of all slates is held out of training."""

    __tablename__ = "inferences"
    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    latitude: Mapped[float]
    longitude: Mapped[float]
    model_version: Mapped[int | None]
    held_out: Mapped[bool]
    created: Mapped[datetime] = mapped_column(server_default=func.now())


class Shown(Base):
    """A place at a position (from 0) of a slate, with what the ranker knew of it at that moment."""

    __tablename__ = "shown"
    inference_id: Mapped[str] = mapped_column(ForeignKey("inferences.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    probability: Mapped[float]
    log_distance: Mapped[float]
    affinity: Mapped[float]
    rating: Mapped[float]
    price: Mapped[float]
    near: Mapped[float]


class Selection(Base):
    """What the user chose of a slate; no location if it was none of them."""

    __tablename__ = "selections"
    inference_id: Mapped[str] = mapped_column(ForeignKey("inferences.id"), primary_key=True)
    location_id: Mapped[int | None] = mapped_column(ForeignKey("locations.id"))
    created: Mapped[datetime] = mapped_column(server_default=func.now())


TABLES = {table.__tablename__: table for table in (User, Category, Location, Inference, Shown, Selection)}
database = Database("places.sqlite", Path(__file__).parent / "migrations")
engine, migrate = database.engine, database.migrate
slates = ChoiceSets(
    database, Inference, Shown, Selection, set_id="inference_id", item_id="location_id", features=FEATURES
)

if __name__ == "__main__":
    migrate()
