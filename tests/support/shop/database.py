"""The tables of the shop."""

from datetime import date, datetime
from pathlib import Path

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.data.choice_sets import ChoiceSets
from app.data.database import Database, RowNumber


class Base(DeclarativeBase):
    """Base of the tables."""


class Good(Base):
    """What is sold."""

    __tablename__ = "goods"
    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    name: Mapped[str]


class Price(Base):
    """What a good costs from a day on: a key of two columns."""

    __tablename__ = "prices"
    good_id: Mapped[int] = mapped_column(ForeignKey("goods.id"), primary_key=True)
    since: Mapped[date] = mapped_column(primary_key=True)
    amount: Mapped[float]


class Offer(Base):
    """A choice set: goods that were shown to somebody."""

    __tablename__ = "offers"
    id: Mapped[str] = mapped_column(primary_key=True)
    held_out: Mapped[bool]
    customer: Mapped[str | None]
    version: Mapped[int | None]


class Offered(Base):
    """A good at a position of an offer."""

    __tablename__ = "offered"
    offer_id: Mapped[str] = mapped_column(ForeignKey("offers.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    good_id: Mapped[int] = mapped_column(ForeignKey("goods.id"))
    probability: Mapped[float]
    price: Mapped[float]


class Taken(Base):
    """What was taken of an offer."""

    __tablename__ = "taken"
    offer_id: Mapped[str] = mapped_column(ForeignKey("offers.id"), primary_key=True)
    good_id: Mapped[int | None] = mapped_column(ForeignKey("goods.id"))
    created: Mapped[datetime] = mapped_column(server_default=func.now())


TABLES = {"goods": Good, "prices": Price}
database = Database("shop.sqlite", Path(__file__).parent / "migrations")
offers = ChoiceSets(database, Offer, Offered, Taken, set_id="offer_id", item_id="good_id", features=["price"])
