"""The tables of the shop."""

from datetime import date
from pathlib import Path

from sqlalchemy import BigInteger, ForeignKey, Integer
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.data.database import Database

Key = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Base of the tables."""


class Good(Base):
    """What is sold."""

    __tablename__ = "goods"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str]


class Price(Base):
    """What a good costs from a day on: a key of two columns."""

    __tablename__ = "prices"
    good_id: Mapped[int] = mapped_column(ForeignKey("goods.id"), primary_key=True)
    since: Mapped[date] = mapped_column(primary_key=True)
    amount: Mapped[float]


TABLES = {"goods": Good, "prices": Price}
database = Database("shop.sqlite", Path(__file__).parent / "migrations")
