"""Long lists in parts are what they are in one piece."""

import json

import numpy as np
import pytest

from app.schemas.parts import PART, Parts, parts, to_json, to_list


@pytest.mark.parametrize("shape", [(0,), (3,), (PART,), (PART + 1,), (2 * PART, 2)])
def test_lists_and_json_of_arrays(shape: tuple[int, ...]) -> None:
    """Whatever the length, (n,) and (n, k)."""
    array = np.random.default_rng(0).standard_normal(shape)
    assert to_list(array) == array.tolist()
    assert json.loads(bytes(to_json(array))) == json.loads(bytes(to_json(array.tolist()))) == array.tolist()
    assert [value for part in parts(array.tolist()) for value in part] == array.tolist()


def test_a_sequence_in_tuples() -> None:
    """It is a sequence as any other."""
    values = Parts[int]()
    values.tuples += [(1, 2), (3,), (), (4,)]
    assert (list(values), len(values), [values[i] for i in range(4)]) == ([1, 2, 3, 4], 4, [1, 2, 3, 4])
    assert [list(part) for part in parts(values)] == [[1, 2], [3], [], [4]]
    with pytest.raises(IndexError):
        _ = values[4]
    values.clear()
    assert len(values) == 0
