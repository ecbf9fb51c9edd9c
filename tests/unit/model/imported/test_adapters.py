"""Models from files predict what their own libraries do, to the last bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import Invalid
from app.model.imported.class_labels import check_labels, resolve
from app.model.imported.formats import format_of
from app.model.imported.imported_estimator import ImportedEstimator, file_name, open_model
from app.model.imported.imported_model import Hints, Input
from app.model.imported.trial import TrialRequest, run_trial
from app.model.imported.trial_rows import chosen_rows
from tests.support.model_files import (
    LABELS,
    ROWS,
    SAMPLES,
    lightgbm_classifier,
    lightgbm_regressor,
    onnx_classifier,
    xgboost_classifier,
)

BY_LIBRARY = [name for name in SAMPLES if not name.startswith("skops")]


@pytest.mark.parametrize("name", BY_LIBRARY)
def test_a_file_predicts_as_its_own_library_does(name: str) -> None:
    sample = SAMPLES[name]()
    form = format_of(sample.content[:4096], sample.name)
    model = open_model(form, sample.content, Hints())
    estimator = ImportedEstimator("any", model.task, "sha256:0", form)
    stored = model.save()
    assert bytes(stored.files[file_name(form)]) == sample.content
    for each in (model, estimator.load(stored)):
        predicted = each.predict(ROWS)
        if each.classes is None:
            assert (each.task, sample.classes) == ("regression", None)
            assert predicted.tolist() == sample.y
        else:
            assert (each.task, each.classes) == ("classification", sample.classes)
            assert [each.classes[int(code)] for code in predicted] == sample.y
            np.testing.assert_array_equal(each.probabilities(ROWS), sample.probabilities)
        assert each.width == 4


@pytest.mark.parametrize("make", [xgboost_classifier, lightgbm_classifier])
def test_labels_may_come_with_the_request(make: object) -> None:
    sample = make()  # type: ignore[operator]
    form = format_of(sample.content[:4096], sample.name)
    model = open_model(form, sample.content, Hints(["a", "b", "c"]))
    assert model.classes == ["a", "b", "c"]
    assert [sample.classes[int(code)] for code in model.predict(ROWS)] == sample.y
    with pytest.raises(Invalid, match="2 classes are named, the file has 3") as caught:
        open_model(form, sample.content, Hints(["a", "b"]))
    assert caught.value.pointers == ["/classes"]


def test_labels_that_a_file_knows_are_not_renamed() -> None:
    content = onnx_classifier().content
    assert open_model("onnx", content, Hints(LABELS)).classes == LABELS
    for others in (["a", "b", "c"], LABELS[::-1], LABELS[:2]):
        with pytest.raises(Invalid, match=r"low.*mid.*top") as caught:
            open_model("onnx", content, Hints(others))
        assert caught.value.pointers == ["/classes"]
    assert open_model("onnx", content, Hints(["a", "b", "c"], settled=True)).classes == ["a", "b", "c"]


def test_labels_have_the_type_that_they_have_in_the_file() -> None:
    """Though those of a query look like numbers, or truth values."""
    assert resolve(["5", "6"], [5, 6]) == ["5", "6"]
    assert resolve(["False", "True"], [False, True]) == ["False", "True"]
    assert resolve([5, 6], [5, 6]) == [5, 6]
    assert resolve([0, 1], ["no", "yes"]) == ["no", "yes"]
    for own, asked in (([5, 6], ["5", "6"]), ([False, True], [0, 1]), ([1, 2], ["a", "b"])):
        with pytest.raises(Invalid, match="the file knows its classes"):
            resolve(own, asked)


@pytest.mark.parametrize(
    "labels", [["", "a"], ["a", "a"], [2**53, 1], ["a\0", "b"], ["\ud800", "b"], ["a" * 1001], [1, "b"], []]
)
def test_labels_that_cannot_be_sent_or_told_apart_are_refused(labels: list[object]) -> None:
    with pytest.raises(Invalid) as caught:
        check_labels(labels, "/classes")  # type: ignore[arg-type]
    assert caught.value.pointers == ["/classes"]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_request_does_not_overrule_what_a_file_predicts(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]()
    path = tmp_path / sample.name
    path.write_bytes(sample.content)
    form = format_of(sample.content[:4096])
    other = "classification" if sample.classes is None else "regression"
    if not (form == "onnx" and sample.classes is None):  # what a graph of numbers means, it does not say
        with pytest.raises(Invalid, match=f"holds a model of .*says {other}") as caught:
            run_trial(str(path), form, {"task": other})
        assert caught.value.pointers == ["/kind"]
    if sample.classes is None:
        with pytest.raises(Invalid) as caught:
            run_trial(str(path), form, {"classes": ["a", "b"]})
        assert caught.value.pointers in (["/classes"], ["/file"])


def test_a_graph_that_has_no_way_for_missing_values_says_so(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx_classifier().content)
    columns = [{"name": name, "kind": "number"} for name in ("a", "b", "c", "d")]
    with pytest.raises(Invalid, match="row 1, column 'c'") as caught:
        run_trial(str(path), "onnx", {"sample": {"X": [[1, 1, 1, 1], [1, 1, None, 1]], "columns": columns}})
    assert caught.value.pointers == ["/sample"]
    assert run_trial(str(path), "onnx", {})["learned"]["takes_missing"] is False


def test_what_is_no_number_makes_no_label() -> None:
    model = open_model("onnx", onnx_classifier().content, Hints())
    with pytest.raises(ValueError, match="row 1: a probability is not a finite number"):
        model.predict(np.array([[1.0, 1, 1, 1], [1, np.nan, 1, 1]]))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_proof_says_what_a_model_takes_and_gives(name: str, tmp_path: object) -> None:
    sample = SAMPLES[name]()
    path = tmp_path / sample.name  # type: ignore[operator]
    path.write_bytes(sample.content)
    form = format_of(sample.content[:4096])
    columns = [{"name": name, "kind": "number"} for name in ("a", "b", "c", "d")]
    question = {"sample": {"X": ROWS.tolist(), "columns": columns}}
    for found in (run_trial(str(path), form, question), run_trial(str(path), form, {})):
        assert found["task"] == ("regression" if sample.classes is None else "classification")
        assert found["classes"] == sample.classes
        assert found["stacks"] in {"exact", "close"}
        assert found["learned"]["held_bytes"] >= len(sample.content)
    names = [column["name"] for column in run_trial(str(path), form, question)["columns"]]
    assert names == ["a", "b", "c", "d"]
    with pytest.raises(Invalid, match="the sample has 1 columns, the file takes 4"):
        run_trial(str(path), form, {"sample": {"X": [[1.0]], "columns": columns[:1]}})


@pytest.mark.parametrize("make", [onnx_classifier, xgboost_classifier, lightgbm_regressor])
def test_texts_where_a_file_takes_numbers_are_a_fault_of_the_sample(make: Any, tmp_path: Path) -> None:
    """The codes that stand for them would pass for numbers."""
    sample = make()
    path = tmp_path / sample.name
    path.write_bytes(sample.content)
    columns = [{"name": name, "kind": "text" if name == "c" else "number"} for name in ("a", "b", "c", "d")]
    question = {"sample": {"X": [[1, 2, 0, 3]], "columns": columns, "texts": {"2": ["red"]}}}
    with pytest.raises(Invalid, match="column 'c' holds texts, where the file takes numbers") as caught:
        run_trial(str(path), format_of(sample.content[:4096]), question)
    assert caught.value.pointers == ["/sample"]


@pytest.mark.parametrize("name", ["a\0b", "a" * 1001])
def test_names_of_columns_are_those_that_a_table_may_have(name: str) -> None:
    inputs = [Input(name, "number"), Input("b", "number")]
    with pytest.raises(Invalid, match="the name of a column has more than 1000 characters, or a NUL"):
        chosen_rows(inputs, None, None, named=True)


def test_what_a_runtime_raises_is_said_without_the_places_in_its_code(tmp_path: Path) -> None:
    """A graph that predicts nothing, and one that cannot be loaded."""
    from onnx import TensorProto, helper

    table = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 2]) for name in ("x", "y")]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]

    def refusal(node: object, *tensors: object) -> str:
        graph = helper.make_graph([node], "g", table[:1], table[1:], tensors)
        content = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
        (tmp_path / "model.onnx").write_bytes(content)
        with pytest.raises(Invalid) as caught:
            run_trial(str(tmp_path / "model.onnx"), "onnx", {})
        return caught.value.detail

    far = helper.make_tensor("at", TensorProto.INT64, [1], [10**7])
    ran = refusal(helper.make_node("Gather", ["x", "at"], ["y"]), far)
    assert ran.startswith("it does not predict: RuntimeError: indices element out of data bounds")
    loaded = refusal(helper.make_node("Scaler", ["x"], ["y"], domain="ai.onnx.ml", offset=[1.0], scale=[1.0, 2.0, 3.0]))
    assert loaded == "onnxruntime cannot read this file: Exception during initialization: Scale size: (3) != (1)"


def test_a_question_is_plain_json() -> None:
    assert TrialRequest().approved == []
