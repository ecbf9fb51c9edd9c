"""Graphs that a row may make run without end, or fill the memory with texts, do so in a process of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from app.model.imported.imported_model import Hints
from app.model.imported.isolated_graphs import isolated_graphs
from app.model.imported.onnx_model import OnnxModel
from app.model.isolation.isolated_calls import CallLimits
from app.model.isolation.resident_memory import resident_bytes
from tests.support.graphs import counting_graph, repeated_text

MIB = 1024**2
ENDLESS = 1e15


@pytest.fixture(autouse=True, scope="module")
def _limits() -> Iterator[None]:
    with limited(60.0):
        yield


@contextmanager
def limited(time_s: float) -> Iterator[None]:
    before = isolated_graphs.limits
    isolated_graphs.close()
    isolated_graphs.limits = CallLimits(1024 * MIB, time_s)
    try:
        yield
    finally:
        isolated_graphs.close()
        isolated_graphs.limits = before


def text_model(content: bytes, text: str) -> Any:
    return OnnxModel(content, Hints()).with_texts({0: [text]})


def test_a_loop_predicts_as_it_does_in_this_process() -> None:
    model = OnnxModel(counting_graph(), Hints())
    X = np.array([[1.0, 0.0], [7.0, 0.0]])
    assert model.isolated
    np.testing.assert_array_equal(model.predict(X), model.run(X)[0])
    np.testing.assert_array_equal(model.predict(X[:1]), [1.0])


def test_a_loop_without_end_is_ended_with_words() -> None:
    model = OnnxModel(counting_graph(), Hints())
    with limited(5.0), pytest.raises(ValueError, match="cannot be run: it took too long"):
        model.predict(np.array([[ENDLESS, 0.0]]))
    np.testing.assert_array_equal(model.predict(np.array([[3.0, 0.0]])), [3.0])


def test_texts_that_a_row_multiplies_take_no_memory_here() -> None:
    """The characters of texts lie outside the arena that bounds numbers."""
    model = text_model(repeated_text(), "x" * 10_000)
    assert model.isolated
    np.testing.assert_array_equal(model.predict(np.array([[0.0, 5.0]])), [5.0])
    before = resident_bytes()
    with pytest.raises(ValueError, match="cannot be run: it needed more than"):
        model.predict(np.array([[0.0, 10_000_000.0]]))
    assert resident_bytes() - before < 64 * MIB
