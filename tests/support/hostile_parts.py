"""Hostile files whose lie is in a part that is easily overlooked: functions, sparse tensors, lengths, sets, roots."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.support.forgery import with_schema
from tests.support.model_files import NUMBERS, X, lightgbm_regressor, skops_classifier, xgboost_regressor

HUGE = 2**40
ML = "ai.onnx.ml"


def hostile_parts() -> Iterator[tuple[str, str, bytes]]:
    """Yield kind, name and content of each file."""
    for kind, content in [*_external(), *_functions(), *_sparse(), *_forests()]:
        yield kind, "model.onnx", content
    for kind, content in _lengths():
        yield kind, "model.ubj", content
    for kind, content in _category_sets():
        yield kind, "model.txt", content
    for kind, content in [*_directories(), *_roots()]:
        yield kind, "model.skops", content


def _graph(nodes: list[Any], *, tensors: Any = (), sparse: Any = (), functions: Any = (), columns: int = 2) -> bytes:
    from onnx import TensorProto, helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", n]) for name, n in (("x", 2), ("y", columns)))
    graph = helper.make_graph(nodes, "g", [x], [y], list(tensors), sparse_initializer=list(sparse))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(ML, 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=list(functions))
    content: bytes = model.SerializeToString()
    return content


def _tensor(name: str, **fields: Any) -> Any:
    from onnx import TensorProto

    return TensorProto(name=name, data_type=TensorProto.FLOAT, **fields)


def _elsewhere() -> Any:
    """A tensor with its data in a file of the server."""
    from onnx import TensorProto

    tensor = _tensor("w", dims=[2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/etc/passwd")
    return tensor


def _external() -> Iterator[tuple[str, bytes]]:
    from onnx import AttributeProto, TensorProto, helper, numpy_helper

    places = numpy_helper.from_array(np.array([0, 1]), "i")
    condition = numpy_helper.from_array(np.ones((), np.bool_), "c")
    add = helper.make_node("Add", ["x", "w"], ["y"])

    def chosen(nodes: list[Any], *tensors: Any) -> bytes:
        out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])
        first = helper.make_graph(nodes, "a", [], [out], list(tensors))
        other = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "b", [], [out])
        return _graph([helper.make_node("If", ["c"], ["y"], then_branch=first, else_branch=other)], tensors=[condition])

    constant = helper.make_node("Constant", [], ["w"], value=_elsewhere())
    yield "external data in a branch", chosen([constant, add])
    yield "external data of a branch", chosen([add], _elsewhere())
    yield "external sparse data", _graph([add], sparse=[helper.make_sparse_tensor(_elsewhere(), places, [2])])
    node = helper.make_node("Constant", [], ["w"])
    value = helper.make_sparse_tensor(_elsewhere(), places, [2])
    node.attribute.append(AttributeProto(name="sparse_value", type=AttributeProto.SPARSE_TENSOR, sparse_tensor=value))
    yield "external sparse constant", _graph([node, add])
    inner = [constant, helper.make_node("Add", ["a", "w"], ["b"])]
    function = helper.make_function(ML, "Reads", ["a"], ["b"], inner, [helper.make_opsetid("", 17)])
    yield (
        "external data in a function",
        _graph([helper.make_node("Reads", ["x"], ["y"], domain=ML)], functions=[function]),
    )


def _functions() -> Iterator[tuple[str, bytes]]:
    from onnx import helper

    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(ML, 3)]

    def function(name: str, *called: str) -> Any:
        names = ["a", *(f"t{i}" for i in range(1, len(called))), "b"]
        calls = [
            helper.make_node(each, [names[i]], [names[i + 1]], domain="" if each == "Neg" else ML)
            for i, each in enumerate(called)
        ]
        return helper.make_function(ML, name, ["a"], ["b"], calls, opsets)

    call = helper.make_node("F0", ["x"], ["y"], domain=ML)
    yield "function that calls itself", _graph([call], functions=[function("F0", "F0")])
    yield "functions that call each other", _graph([call], functions=[function("F0", "F1"), function("F1", "F0")])
    doubled = [function(f"F{i}", *([f"F{i + 1}"] * 2 if i < 39 else ["Neg"])) for i in range(40)]
    yield "functions that double", _graph([call], functions=doubled)


def _sparse() -> Iterator[tuple[str, bytes]]:
    from onnx import helper, numpy_helper

    add = helper.make_node("Add", ["x", "w"], ["y"])
    for places, size in (([HUGE], 2), ([-5], 2), ([0], HUGE), ([0], -2)):
        values = numpy_helper.from_array(np.ones(len(places), np.float32), "w")
        sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(np.array(places), "i"), [size])
        yield "sparse", _graph([add], sparse=[sparse])
    for dims in ([HUGE], [2**31, 2**31], [-1, 2], [2**32, 2**32]):
        yield "dimensions", _graph([add], tensors=[_tensor("w", dims=dims, raw_data=bytes(8))])


def _forests() -> Iterator[tuple[str, bytes]]:
    from onnx import helper

    sound: dict[str, Any] = {
        "nodes_treeids": [0, 0, 0], "nodes_nodeids": [0, 1, 2], "nodes_featureids": [0, 0, 0],
        "nodes_values": [0.5, 0.0, 0.0], "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"], "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0], "target_treeids": [0, 0], "target_nodeids": [1, 2], "target_ids": [0, 0],
        "target_weights": [1.0, 2.0], "n_targets": 1,
    }  # fmt: skip
    for change in (
        {"nodes_truenodeids": [0, 0, 0]},
        {"nodes_truenodeids": [99, 0, 0]},
        {"nodes_featureids": [10**6, 0, 0]},
        {"target_ids": [10**6, 0]},
        {"n_targets": 10**9},
    ):
        node = helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain=ML, **{**sound, **change})
        yield "forest", _graph([node], columns=1)


def _lengths() -> Iterator[tuple[str, bytes]]:
    """UBJSON whose arrays and texts say that they are longer than the file, or of less than nothing."""
    import xgboost

    booster = xgboost.Booster(model_file=bytearray(xgboost_regressor().content))
    content = bytes(booster.save_raw("ubj"))
    for mark in (b"#L", b"SL"):
        for size in (2**62, -1):
            raw = bytearray(content)
            struct.pack_into(">q", raw, raw.index(mark) + 2, size)
            yield "length", bytes(raw)
    learner = json.loads(xgboost_regressor().content)["learner"]
    learner["learner_model_param"]["num_target"] = "1000000000"
    yield "outputs", json.dumps({"learner": learner, "version": [3, 2, 0]}).encode()


def _category_sets() -> Iterator[tuple[str, bytes]]:
    """LightGBM's splits by category, whose sets lie outside of what there is; and counts beyond all."""
    import lightgbm

    columns = np.column_stack((X[:, 0], np.arange(len(X)) % 40))
    data = lightgbm.Dataset(columns, label=np.sin(columns[:, 1]) + NUMBERS / 100, categorical_feature=[1])
    options = {"verbose": -1, "min_data_per_group": 1, "cat_smooth": 1, "max_cat_to_onehot": 2, "min_data_in_leaf": 3}
    text = re.sub(r"(?m)^tree_sizes=.*\n", "", lightgbm.train(options, data, 2).model_to_string())
    plain = re.sub(r"(?m)^tree_sizes=.*\n", "", lightgbm_regressor().content.decode())
    count = len(re.findall(r"(?m)^cat_boundaries=(.*)", text)[0].split())
    for base, member, value in (
        (text, "cat_boundaries", " ".join(["0"] + ["99999999"] * (count - 1))),
        (text, "cat_boundaries", " ".join(["-5"] * count)),
        (text, "cat_threshold", "1"),
        (text, "num_cat", "0"),
        (plain, "num_leaves", "2147483647"),
        (plain, "num_leaves", "-5"),
    ):
        forged = re.sub(rf"(?m)^{member}=.*", f"{member}={value}", base, count=1)
        assert forged != base, member
        yield "lightgbm sets", forged.encode()


def _directories() -> Iterator[tuple[str, bytes]]:
    """The end of an archive's directory with other counts and places."""
    content = skops_classifier().content
    for place, form, value in ((8, "<H", 0), (10, "<H", 0xFFFF), (12, "<L", 0), (16, "<L", 0xFFFFFFFF), (4, "<H", 3)):
        raw = bytearray(content)
        struct.pack_into(form, raw, raw.rindex(b"PK\x05\x06") + place, value)
        yield "directory", bytes(raw)


def _roots() -> Iterator[tuple[str, bytes]]:
    """Schemas whose object is of a type that is safe, and of no model; and arrays that are elsewhere."""
    content = skops_classifier().content
    for module, name, loader in (
        ("builtins", "object", "ObjectNode"),
        ("xgboost.core", "Booster", "ObjectNode"),
        ("lightgbm.basic", "Booster", "ObjectNode"),
        ("sklearn.tree._tree", "Tree", "TreeNode"),
        ("functools", "partial", "PartialNode"),
        ("numpy", "mean", "FunctionNode"),
    ):
        root = {
            "__class__": name,
            "__module__": module,
            "__loader__": loader,
            "__id__": 1,
            "protocol": 2,
            "content": {},
        }
        yield "root", with_schema(content, lambda _, root=root: {**root, "_skops_version": "0.16.0"})

    for file in ("../../../etc/passwd", "/etc/passwd", "schema.json"):

        def moved(schema: Any, file: str = file) -> None:
            waiting = [schema]
            while waiting:
                node = waiting.pop()
                if isinstance(node, dict) and node.get("__loader__") == "NdArrayNode":
                    node["file"] = file
                waiting += node.values() if isinstance(node, dict) else node if isinstance(node, list) else []

        yield "array elsewhere", with_schema(content, moved)
