"""ONNX graphs whose cost is up to the values in a row."""

from typing import Any

from onnx import TensorProto, helper

_value = helper.make_tensor_value_info
FLOAT, INT, BOOL, TEXT = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING


def counting_graph() -> bytes:
    """Return a graph that counts up to the largest first value of X (n, 2), one by one, and gives that for each row."""
    step = helper.make_graph(
        [
            helper.make_node("Identity", ["on"], ["on2"]),
            helper.make_node("Add", ["count", "unit"], ["count2"]),
        ],
        "step",
        [_value("i", INT, []), _value("on", BOOL, []), _value("count", FLOAT, [])],
        [_value("on2", BOOL, []), _value("count2", FLOAT, [])],
        [helper.make_tensor("unit", FLOAT, [], [1.0])],
    )
    nodes = [
        helper.make_node("ReduceMax", ["X"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["times"], to=INT),
        helper.make_node("Loop", ["times", "", "none"], ["counted"], body=step),
        helper.make_node("ReduceSum", ["X", "columns"], ["sums"], keepdims=1),
        helper.make_node("Mul", ["sums", "none"], ["zeros"]),
        helper.make_node("Add", ["zeros", "counted"], ["Y"]),
    ]
    constants = [helper.make_tensor("none", FLOAT, [], [0.0]), helper.make_tensor("columns", INT, [1], [1])]
    return _model(nodes, [_value("X", FLOAT, ["n", 2])], [_value("Y", FLOAT, ["n", 1])], constants)


def repeated_text() -> bytes:
    """Return a graph of a text and a number: it repeats the texts as often as the largest number says, and counts."""
    nodes = [
        helper.make_node("ReduceMax", ["times", "rows"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["whole"], to=INT),
        helper.make_node("Reshape", ["whole", "flat"], ["width"]),
        helper.make_node("Concat", ["single", "width"], ["shape"], axis=0),
        helper.make_node("Expand", ["text", "shape"], ["texts"]),
        helper.make_node("LabelEncoder", ["texts"], ["ones"], domain="ai.onnx.ml", keys_strings=["a"],
                         values_floats=[1.0], default_float=1.0),
        helper.make_node("ReduceSum", ["ones", "columns"], ["Y"], keepdims=1),
    ]  # fmt: skip
    values = {"rows": [0, 1], "flat": [-1], "single": [1], "columns": [1]}
    constants = [helper.make_tensor(name, INT, [len(each)], each) for name, each in values.items()]
    inputs = [_value("text", TEXT, ["n", 1]), _value("times", FLOAT, ["n", 1])]
    return _model(nodes, inputs, [_value("Y", FLOAT, ["n", 1])], constants)


def _model(nodes: Any, inputs: Any, outputs: Any, constants: Any) -> bytes:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    content: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    return content
