"""Models from files predict what their own libraries do, to the last bit."""

import numpy as np
import pytest

from app.errors import Invalid
from app.model.imported.formats import format_of
from app.model.imported.imported_estimator import ImportedEstimator, file_name, open_model
from app.model.imported.imported_model import Hints
from app.model.imported.trial import TrialRequest, run_trial
from tests.support.model_files import ROWS, SAMPLES, lightgbm_classifier, onnx_classifier, xgboost_classifier

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


@pytest.mark.parametrize("make", [xgboost_classifier, lightgbm_classifier, onnx_classifier])
def test_labels_may_come_with_the_request(make: object) -> None:
    sample = make()  # type: ignore[operator]
    form = format_of(sample.content[:4096], sample.name)
    model = open_model(form, sample.content, Hints(["a", "b", "c"]))
    assert model.classes == ["a", "b", "c"]
    assert [sample.classes[int(code)] for code in model.predict(ROWS)] == sample.y
    with pytest.raises(Invalid, match="2 classes are named, the file has 3") as caught:
        open_model(form, sample.content, Hints(["a", "b"]))
    assert caught.value.pointers == ["/classes"]


def test_a_classifier_may_be_used_for_its_numbers() -> None:
    sample = xgboost_classifier()
    model = open_model("xgboost", sample.content, Hints(task="regression"))
    assert (model.task, model.classes, model.outputs, model.vector) == ("regression", None, 3, False)
    np.testing.assert_array_equal(model.predict(ROWS), sample.probabilities)


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


def test_a_question_is_plain_json() -> None:
    assert TrialRequest().approved == []
