"""Graphs that take the size of what they make from a row: no row makes them take more memory than all graphs may."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from app.model.imported.imported_model import Hints
from app.model.imported.onnx_memory import DEFAULT_BYTES
from app.model.imported.onnx_model import OnnxModel
from app.model.isolation.resident_memory import resident_bytes

HUGE = 1e9
"""The count in the row: 4 GB as float32, below what the runtime itself refuses."""
STEPS = 1e5
"""Of a loop, each of which gives 10,000 numbers."""


def _ints(name: str, *values: int) -> Any:
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)


def _float(name: str, shape: list[int]) -> Any:
    return helper.make_tensor(name, TensorProto.FLOAT, shape, [1.0] * int(np.prod(shape)))


def _step() -> Any:
    value = helper.make_tensor_value_info
    same = (("on", "on2"), ("v", "v2"), ("v", "each"))
    nodes = [helper.make_node("Identity", [source], [to]) for source, to in same]
    on, row = (TensorProto.BOOL, []), (TensorProto.FLOAT, [10_000])
    inputs = [value("i", TensorProto.INT64, []), value("on", *on), value("v", *row)]
    outputs = [value("on2", *on), value("v2", *row), value("each", *row)]
    return helper.make_graph(nodes, "step", inputs, outputs)


def _graph(*nodes: Any) -> bytes:
    """Return a graph that makes `made` of a size that is the largest value of X, and gives a number for each row."""
    count = [
        helper.make_node("ReduceMax", ["X"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["count"], to=TensorProto.INT64),
        helper.make_node("Unsqueeze", ["count", "zero"], ["shape"]),
    ]
    total = [
        helper.make_node("ReduceSum", ["made"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["X", "one"], ["each_row"], keepdims=1),
        helper.make_node("Add", ["each_row", "sum"], ["Y"]),
    ]
    constants = [
        _ints("zero", 0), _ints("one", 1), _float("scalar", []), _float("single", [1]), _float("row", [10_000]),
        _float("off_on", [2]), helper.make_tensor("start", TensorProto.FLOAT, [], [0.0]),
    ]  # fmt: skip
    value = helper.make_tensor_value_info
    inputs, outputs = [value("X", TensorProto.FLOAT, ["n", 2])], [value("Y", TensorProto.FLOAT, ["n", 1])]
    graph = helper.make_graph([*count, *nodes, *total], "graph", inputs, outputs, constants)
    made: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9
    ).SerializeToString()
    return made


GRAPHS = {
    "ConstantOfShape": [helper.make_node("ConstantOfShape", ["shape"], ["made"])],
    "Range": [helper.make_node("Range", ["start", "most", "scalar"], ["made"])],
    "Expand": [helper.make_node("Expand", ["scalar", "shape"], ["made"])],
    "Tile": [helper.make_node("Tile", ["single", "shape"], ["made"])],
    "OneHot": [helper.make_node("OneHot", ["zero", "shape", "off_on"], ["made"])],
    "Pad": [
        helper.make_node("Concat", ["zero", "shape"], ["pads"], axis=0),
        helper.make_node("Pad", ["single", "pads"], ["made"]),
    ],
    "Resize": [helper.make_node("Resize", ["single", "", "", "shape"], ["made"])],
    "Loop": [helper.make_node("Loop", ["count", "", "row"], ["last", "made"], body=_step())],
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_row_that_makes_a_graph_too_large_is_refused_with_words(name: str) -> None:
    model = OnnxModel(_graph(*GRAPHS[name]), Hints())
    before = model.predict(np.ones((2, 2)))
    grown_from = resident_bytes()
    with pytest.raises(ValueError, match="needs more memory than it may take"):
        model.predict(np.full((1, 2), STEPS if name == "Loop" else HUGE))
    assert resident_bytes() - grown_from < DEFAULT_BYTES
    np.testing.assert_array_equal(model.predict(np.ones((2, 2))), before)
