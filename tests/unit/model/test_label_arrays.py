"""Texts that an array would change are no labels, for callers in Python and for the client."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.client.labels import to_labels
from app.model.label_arrays import as_labels

ODD = ["a\0b", " ", "", "\u00e9", "e\u0301", "\U0001f600", "x" * 1000]
FORMS: list[Any] = [
    list,
    lambda y: np.array(y, dtype=object),
    lambda y: pd.Series(y, dtype=object),
    lambda y: pd.Series(y, dtype="string"),
    lambda y: pd.Series(y, dtype="category"),
]


@pytest.mark.parametrize("form", FORMS)
def test_odd_texts_are_kept(form: Any) -> None:
    assert to_labels(form(ODD)).tolist() == ODD


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("text", "words"), [("a\0", "NUL"), ("x" * 1001, "1001 characters")])
def test_texts_that_would_be_changed_are_refused(form: Any, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        to_labels(form(["a", text]))


def test_half_of_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        as_labels(np.array(["a", "\ud800"], dtype=object))


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "int64", "bool"])
def test_nullable_types_are_their_values(dtype: str) -> None:
    assert to_labels(pd.Series([1, 0, 1], dtype=dtype)).tolist() == [1, 0, 1]
