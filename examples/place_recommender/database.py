"""The tables, and the engine for DATABASE_URL (by default SQLite in the store's folder)."""

from __future__ import annotations

import os
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, create_engine, event, func
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

MIGRATIONS = Path(__file__).parent / "migrations"
Key = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only where the type is INTEGER


class Base(DeclarativeBase):
    """Base of the tables."""


class User(Base):
    """Who asks: where, and how much each category is liked (−1 to 1)."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str]
    latitude: Mapped[float]
    longitude: Mapped[float]
    affinity: Mapped[dict[str, float]] = mapped_column(JSON)


class Location(Base):
    """A place. `grid_row` and `grid_column` are its cell of the grid (see grid.py), and the index on them finds it."""

    __tablename__ = "locations"
    __table_args__ = (Index("locations_by_cell", "grid_row", "grid_column"),)
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str]
    category: Mapped[str]
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


TABLES = {"users": User, "locations": Location, "inferences": Inference, "shown": Shown, "selections": Selection}


def database_url() -> str:
    """Return DATABASE_URL, or that of the SQLite file in the store's folder."""
    folder = Path(os.environ.get("TRINITY_STORE", ".trinity"))
    return os.environ.get("DATABASE_URL") or f"sqlite:///{folder.resolve() / 'places.sqlite'}"


def engine() -> Engine:
    """Return the engine of this process; connections are not shared with the processes that it is forked to."""
    return _engine(database_url(), os.getpid())


@cache
def _engine(url: str, _: int) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    created = create_engine(url, connect_args={"timeout": 30}, hide_parameters=True)

    @event.listens_for(created, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")  # readers go on while one process writes
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA mmap_size=1073741824")  # rows of a neighbourhood are scattered over the file

    return created


def migrate(url: str | None = None) -> None:
    """Bring the tables up to date; one process does this, once, before the others start."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url or database_url()
    command.upgrade(config, "head")


if __name__ == "__main__":
    migrate()
