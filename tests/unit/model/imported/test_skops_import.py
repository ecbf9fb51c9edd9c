"""skops files: types that are not safe are listed, estimators are checked, and pipelines predict as they did."""

import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.svm import SVC

from app.errors import Invalid
from app.model.imported.imported_model import Hints
from app.model.imported.skops_import import FoundEstimator, ImportedPipeline, load_checked
from app.model.imported.trial import run_trial
from tests.support.forgery import with_arrays, with_schema
from tests.support.model_files import CODES, FRAME_ROWS, LABELS, X, skops_classifier, skops_pipeline

COLUMNS = [{"name": "city", "kind": "text"}, {"name": "a", "kind": "number"}, {"name": "b", "kind": "number"}]
COLUMNS += [{"name": "n", "kind": "integer"}, {"name": "y", "kind": "number"}]
CITIES = ["Bern", "Genf", "Zug"]
ROWS = [[float(CITIES.index(row["city"])), row["a"], row["b"], row["n"], 0.0] for row in FRAME_ROWS]
SAMPLE: Any = {"X": ROWS, "columns": COLUMNS, "texts": {"0": CITIES}}


def proven(tmp_path: Path, model: Any, **question: Any) -> Any:
    path = tmp_path / "model.skops"
    path.write_bytes(model if isinstance(model, bytes) else skops.io.dumps(model))
    return run_trial(str(path), "skops", question)


def refusal(tmp_path: Path, model: Any, **question: Any) -> Invalid:
    with pytest.raises(Invalid) as caught:
        proven(tmp_path, model, **question)
    return caught.value


def test_a_pipeline_of_text_and_numbers_is_proven_with_a_sample(tmp_path: Path) -> None:
    found = proven(tmp_path, skops_pipeline().content, sample=SAMPLE)
    assert (found["task"], found["classes"], found["named_inputs"]) == ("classification", LABELS, True)
    assert [(column["name"], column["kind"]) for column in found["columns"]] == [
        ("city", "text"),
        ("a", "number"),
        ("b", "number"),
        ("n", "integer"),
    ]
    assert (found["unused"], found["rows"], found["stacks"]) == (["y"], len(ROWS), "exact")
    assert found["learned"]["form"] == "frame"
    assert {"scikit-learn", "skops"} <= found["libraries"].keys()


def test_a_pipeline_is_proven_without_a_sample_too(tmp_path: Path) -> None:
    found = proven(tmp_path, skops_pipeline().content)
    assert [column["kind"] for column in found["columns"]] == ["text", "number", "number", "number"]
    assert found["rows"] == 0


def test_a_sample_that_is_not_predicted_is_the_fault_where_other_rows_are(tmp_path: Path) -> None:
    """Texts for numbers, as made-up numbers are predicted; where nothing is, it may be the file."""
    kinds = [{"name": name, "kind": "text"} for name in ("city", "a", "b", "n")]
    texts: Any = {"X": [[0, 0, 0, 0]], "columns": kinds, "texts": {str(i): ["abc"] for i in range(4)}}
    refused = refusal(tmp_path, skops_pipeline().content, sample=texts)
    assert refused.detail.startswith("it does not predict the sample: ValueError: could not convert")
    assert refused.pointers[0] == "/sample"
    cities = pd.DataFrame({"x": ["Bern", "Chur"]})
    one_city = make_pipeline(OneHotEncoder(), LinearRegression()).fit(cities, [1.0, 2.0])
    new: Any = {"X": [[0], [1]], "columns": [{"name": "x", "kind": "text"}], "texts": {"0": ["Bern", "Oslo"]}}
    alone = refusal(tmp_path, one_city, sample=new)
    assert (alone.pointers, "Oslo" in alone.detail) == (["/sample"], True)
    new["X"] = [[1]]
    assert refusal(tmp_path, one_city, sample=new).pointers == ["/sample"]  # a city of the fit is predicted
    one_city[-1].coef_ = np.ones(7)
    assert refusal(tmp_path, one_city, sample=new).pointers == ["/sample", "/file"]


def test_types_that_are_not_known_to_be_safe_are_listed(tmp_path: Path) -> None:
    for model, name in (
        (SVC().fit(X, CODES), "sklearn.svm._classes.SVC"),
        (KNeighborsClassifier(algorithm="kd_tree").fit(X, CODES), "sklearn.neighbors._kd_tree.KDTree"),
    ):
        refused = refusal(tmp_path, model)
        assert name in refused.detail
        assert "TRINITY_TRUSTED_TYPES" in refused.detail
        assert proven(tmp_path, model, approved=[fault.detail for fault in refused.faults])["task"] == "classification"


def test_what_is_no_predictor_is_refused(tmp_path: Path) -> None:
    assert "neither a classifier nor a regressor" in refusal(tmp_path, KMeans(2).fit(X)).detail
    assert "neither" in refusal(tmp_path, {"a": 1}).detail
    reader = make_pipeline(FunctionTransformer(np.load), LinearRegression())
    assert "numpy.load" in refusal(tmp_path, reader).detail
    assert "not fitted" in refusal(tmp_path, LogisticRegression()).detail
    assert refusal(tmp_path, skops_classifier().content, task="regression").pointers == ["/kind"]


def test_labels_of_the_request_stand_for_numbers(tmp_path: Path) -> None:
    numbered = LogisticRegression(max_iter=1000).fit(X, CODES)
    assert proven(tmp_path, numbered, classes=["a", "b", "c"])["classes"] == ["a", "b", "c"]
    assert refusal(tmp_path, skops_classifier().content, classes=["no", "yes"]).pointers == ["/classes"]


def test_forged_trees_are_refused(tmp_path: Path) -> None:
    def loop(nodes: Any) -> None:
        nodes["left_child"][0] = 0

    refused = refusal(tmp_path, with_arrays(skops_pipeline().content, loop, "left_child"), sample=SAMPLE)
    assert "tree" in refused.detail


def test_another_version_of_scikit_learn_is_a_warning_or_with_strict_a_refusal(tmp_path: Path) -> None:
    def older(schema: Any) -> None:
        schema["content"]["content"]["_sklearn_version"]["content"] = '"1.2.0"'

    content = with_schema(skops_classifier().content, older)
    (warning,) = proven(tmp_path, content)["warnings"]
    assert "scikit-learn 1.2.0, another minor version" in warning
    assert refusal(tmp_path, content, strict=True).pointers == ["/strict"]


def test_an_imported_pipeline_is_loaded_once_and_fits_clones() -> None:
    sample = skops_classifier()
    reads: list[int] = []

    def read() -> bytes:
        reads.append(1)
        return sample.content

    pipeline = ImportedPipeline("imported", "classification", "sha256:0", read, (), {"file": "a"})
    assert reads == []
    assert "C" in pipeline.parameters().__struct_fields__
    pipeline.check({"C": 2.0})
    assert len(reads) == 1
    assert FoundEstimator(sample.content, (), Hints()).warnings == []


class Watching(LinearRegression):  # type: ignore[misc]
    """Keeps what shows the process's warnings while it is loaded."""

    shown: ClassVar[list[Any]] = []

    def __setstate__(self, state: Any) -> None:
        self.shown.append((warnings.showwarning, warnings.filters))
        super().__setstate__(state)


def test_a_service_that_loads_versions_in_threads_leaves_the_warnings_of_the_process_alone() -> None:
    """Two that replaced them at once would restore each other's: one list would collect all warnings from then on."""
    content = skops.io.dumps(Watching().fit([[0.0], [1.0]], [0.0, 1.0]))
    approved = [f"{__name__}.Watching"]
    assert load_checked(content, approved).coef_ == pytest.approx([1])
    pipeline = ImportedPipeline("imported", "regression", "sha256:0", lambda: content, approved, {})
    assert "positive" in pipeline.parameters().__struct_fields__
    assert Watching.shown
    assert all(seen == (warnings.showwarning, warnings.filters) for seen in Watching.shown)
