"""What models return becomes what JSON has, or is named by its place and type."""

import math
from typing import Any

import numpy as np
import pytest

from app.model.json_values import NotJson, json_values


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(1.5), 1.5),
        (np.float16(2), 2.0),
        (np.longdouble(1.5), 1.5),
        (np.int64(-3), -3),
        (np.bool_(1), True),
        (np.str_("a"), "a"),
        (np.float32("nan"), None),
        (math.inf, None),
        (np.array([[1, np.nan]]), [[1.0, None]]),
        (np.array([1, 2], dtype=np.uint8), [1, 2]),
        (np.array(7), 7),
        (np.array([{"a": np.float32(0.5)}], dtype=object), [{"a": 0.5}]),
        ({"a": [{"b": (np.int8(1), np.zeros(2))}]}, {"a": [{"b": [1, [0.0, 0.0]]}]}),
        ({np.int64(1): "one"}, {"1": "one"}),
    ],
)
def test_numbers_and_arrays_of_numpy_are_numbers_and_lists(value: Any, expected: Any) -> None:
    found = json_values(value)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": [1, object()]}, "at /a/1 there is a value of the type object"),
        ({"a/b": {"c": np.complex64(1)}}, "at /a~1b/c there is a value of the type numpy.complex64"),
        ({"a": np.array([1j])}, "at /a there is a value of the type numpy.ndarray"),
        ({"a": ("b", "\ud800")}, "at /a/1 there is a value of the type str"),
        ({"a": {(1, 2): 3}}, "at /a there is a value of the type dict"),
        (1j, "at / there is a value of the type complex"),
    ],
)
def test_what_json_cannot_hold_is_named(value: Any, words: str) -> None:
    with pytest.raises(NotJson) as caught:
        json_values(value)
    assert str(caught.value) == words


def test_what_holds_itself_is_named() -> None:
    loop: list[Any] = []
    loop.append({"again": loop})
    with pytest.raises(NotJson, match="nested more than 100 deep"):
        json_values({"a": loop})
