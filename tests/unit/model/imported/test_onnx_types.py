"""Graphs of ONNX of any types of numbers, of fixed numbers of rows, and with scores that are no probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from app.errors import Invalid
from app.model.imported.imported_estimator import ImportedEstimator
from app.model.imported.trial import run_trial

ROWS = np.array([[1.0, 2.0], [3.0, -4.0], [0.0, 0.5], [7.0, 8.0], [-9.0, 1.0]])
COLUMNS = [{"name": name, "kind": "number"} for name in ("a", "b")]
WEIGHTS = np.array([[1.0, -1.0, 0.5], [0.25, 2.0, -3.0]])


def graph(
    nodes: list[Any],
    output: tuple[int, list[Any] | None],
    *,
    of: int = TensorProto.FLOAT,
    shape: list[Any] | None = None,
    **tensors: Any,
) -> bytes:
    """A graph from `x` to `y`, whose initializers are `tensors`."""
    x = helper.make_tensor_value_info("x", of, shape or ["N", 2])
    y = helper.make_tensor_value_info("y", *output)
    initializers = [numpy_helper.from_array(np.asarray(array), name) for name, array in tensors.items()]
    made = helper.make_graph(nodes, "g", [x], [y], initializers)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def product(weights: Any, kind: int = TensorProto.FLOAT, **options: Any) -> bytes:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    return graph(nodes, (kind, ["N", weights.shape[1]]), of=kind, w=weights, **options)


def trial(tmp_path: Path, content: bytes, rows: Any = ROWS, **request: Any) -> dict[str, Any]:
    (tmp_path / "model.onnx").write_bytes(content)
    sample = {"X": np.asarray(rows).tolist(), "columns": COLUMNS}
    found: dict[str, Any] = run_trial(str(tmp_path / "model.onnx"), "onnx", {"sample": sample, **request})
    return found


def served(content: bytes, found: dict[str, Any]) -> Any:
    """The model as a version loads it."""
    from app.model.estimator import Stored

    estimator = ImportedEstimator("any", found["task"], "sha256:0", "onnx", proven=True)
    return estimator.load(Stored({}, found["learned"], {"model.onnx": content}, [], found["classes"]))


def directly(content: bytes, rows: Any) -> Any:
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, {"x": rows})[0]


def test_numbers_of_half_precision(tmp_path: Path) -> None:
    """In and out, of a regressor of several outputs and a classifier."""
    content = product(WEIGHTS.astype(np.float16), TensorProto.FLOAT16)
    found = trial(tmp_path, content)
    assert (found["task"], found["outputs"]) == ("regression", 3)
    expected = directly(content, ROWS.astype(np.float16))
    np.testing.assert_array_equal(served(content, found).predict(ROWS), expected.astype(float))
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z"]), helper.make_node("Softmax", ["z"], ["y"], axis=1)]
    half = TensorProto.FLOAT16
    softmax = graph(nodes, (half, ["N", 3]), of=half, w=WEIGHTS.astype(np.float16))
    classes = trial(tmp_path, softmax, classes=["u", "v", "w"])
    assert (classes["classes"], classes["has_probabilities"], classes["warnings"]) == (["u", "v", "w"], True, [])


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64])
def test_whole_numbers_of_any_size(kind: Any, tmp_path: Path) -> None:
    """In and out; also the greatest and the least, and none beyond."""
    number = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    content = graph([helper.make_node("Identity", ["x"], ["y"])], (number, ["N", 2]), of=number)
    rows = np.array([[1, 2], [3, 4]])
    found = trial(tmp_path, content, rows, task="regression")
    assert [column["kind"] for column in found["columns"]] == ["number", "number"]
    model, info = served(content, found), np.iinfo(kind)
    edges = np.array([[float(info.min), 1.0], [100.0, 1.0 if kind().itemsize == 8 else float(info.max)]])
    np.testing.assert_array_equal(model.predict(edges), edges)
    for beyond in (float(info.min) * 2 - 1, float(info.max) + 1, 0.5):
        with pytest.raises(ValueError, match="row 1: the input 'x' takes whole numbers of its type"):
            model.predict(np.array([[1.0, 1.0], [beyond, 1.0]]))


def test_whole_numbers_and_truth_values_as_labels(tmp_path: Path) -> None:
    """int64 may be both; the error says how to say which."""

    def cast(kind: int) -> bytes:
        return graph(
            [helper.make_node("Greater", ["x", "w"], ["z"]), helper.make_node("Cast", ["z"], ["y"], to=kind)],
            (kind, ["N", 2]),
            w=np.float32([0.5, 1e9]),
        )

    only = [helper.make_node("ReduceMax", ["x"], ["m"], axes=[1]), helper.make_node("Greater", ["m", "w"], ["y"])]
    truths = graph(only, (TensorProto.BOOL, ["N", 1]), w=np.float32(2.5))
    found = trial(tmp_path, truths)
    assert (found["task"], found["classes"], found["has_probabilities"]) == ("classification", [False, True], False)
    assert served(truths, found).predict(ROWS).tolist() == [0, 1, 0, 1, 0]
    with pytest.raises(Invalid, match=r"name them .* or say kind=regressor") as caught:
        trial(tmp_path, cast(TensorProto.INT64))
    assert caught.value.pointers == ["/classes"]
    assert trial(tmp_path, cast(TensorProto.INT64), task="regression")["outputs"] == 2
    assert trial(tmp_path, cast(TensorProto.INT32))["task"] == "regression"
    largest = [helper.make_node("ArgMax", ["x"], ["z"], axis=1), helper.make_node("Cast", ["z"], ["y"], to=6)]
    labels = graph(largest, (TensorProto.INT32, ["N", 1]))
    assert trial(tmp_path, labels, classes=["first", "second"])["classes"] == ["first", "second"]


@pytest.mark.parametrize("size", [1, 2, 8])
def test_graphs_that_take_so_many_rows_at_once(size: int, tmp_path: Path) -> None:
    """Fewer rows are filled up, more are split; the same numbers as one row at a time."""
    content = product(WEIGHTS.astype(np.float32), shape=[size, 2])
    found = trial(tmp_path, content)
    assert found["outputs"] == 3
    filled = np.resize(ROWS.astype(np.float32), (8, 2))
    whole = np.concatenate([directly(content, filled[i : i + size]) for i in range(0, 8, size)])
    np.testing.assert_allclose(served(content, found).predict(ROWS), whole[:5], rtol=1e-6)


def test_shapes_that_no_table_has_are_refused_with_what_to_do(tmp_path: Path) -> None:
    weights = WEIGHTS.astype(np.float32)
    for shape, words in (
        ([5000, 2], "take 5000 rows at once; export them for any number"),
        ([2], r"takes 2 values without a dimension for rows; export it as \(rows, columns\)"),
        (["N", "M"], "does not say how many columns it takes"),
        (["N", 1, 2], "is no table of numbers or texts"),
    ):
        with pytest.raises(Invalid, match=words):
            trial(tmp_path, product(weights, shape=shape))


def test_outputs_whose_number_only_a_run_shows(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["z"]),
        helper.make_node("Shape", ["z"], ["s"]),
        helper.make_node("Reshape", ["z", "s"], ["y"]),
    ]
    content = graph(nodes, (TensorProto.FLOAT, None), w=WEIGHTS.astype(np.float32))
    assert trial(tmp_path, content)["outputs"] == 3


def test_scores_that_are_no_probabilities_are_not_given_as_such(tmp_path: Path) -> None:
    """Logits, or the distances of a support vector machine; labels are right without them."""
    content = product(WEIGHTS.astype(np.float32))
    found = trial(tmp_path, content, classes=["u", "v", "w"])
    assert not found["has_probabilities"]
    assert found["warnings"] == ["its scores are no probabilities, as they are not from 0 to 1: it gives labels alone"]
    model = served(content, found)
    assert not model.has_probabilities
    assert model.predict(ROWS).tolist() == np.argmax(ROWS @ WEIGHTS, axis=1).tolist()
