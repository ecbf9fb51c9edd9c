"""Rows of several tables in one: numbers as they are, and texts with codes that hold for all."""

import numpy as np

from app.data.concatenation import concatenate_tables
from app.schemas.tables import Table


def test_numbers_stand_below_each_other() -> None:
    stacked = concatenate_tables([Table(np.array([[1.0, 2.0]])), Table(np.array([[3.0, np.nan], [5.0, 6.0]]))])
    assert stacked.X[:, 0].tolist() == [1, 3, 5]
    assert stacked.categories == {}


def test_texts_keep_their_meaning() -> None:
    """Whatever their codes were; a missing one stays missing, and no table is changed."""
    first = Table(np.array([[0.0, 1.0], [1.0, 2.0]]), categories={0: ["Bern", "Rome"]})
    second = Table(np.array([[1.0, 3.0], [np.nan, 4.0], [0.0, 5.0]]), categories={0: ["Oslo", "Bern"]})
    stacked = concatenate_tables([first, second])
    texts = [None if np.isnan(code) else stacked.categories[0][int(code)] for code in stacked.X[:, 0]]
    assert texts == ["Bern", "Rome", "Bern", None, "Oslo"]
    assert stacked.X[:, 1].tolist() == [1, 2, 3, 4, 5]
    assert second.X[0, 0] == 1
