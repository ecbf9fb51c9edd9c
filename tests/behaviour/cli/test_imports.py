"""The command import: a model's file becomes a version, on the local store and on a server."""

import json
from pathlib import Path

from tests.support.cli import Run
from tests.support.model_files import FRAME_CSV, skops_pipeline, xgboost_classifier


def test_a_pipeline_is_imported_with_a_sample_and_predicts(command: Run, tmp_path: Path) -> None:
    sample = skops_pipeline()
    (tmp_path / "churn.skops").write_bytes(sample.content)
    (tmp_path / "rows.csv").write_text(FRAME_CSV)
    ran = command("import", tmp_path / "churn.skops", "--name", "churn", "--sample", tmp_path / "rows.csv")
    assert (ran.code, ran.err) == (0, "")
    assert "churn version 1" in ran.out
    assert "city, a, b, n" in ran.out
    predicted = command("predict", tmp_path / "rows.csv", "--model", "churn")
    assert predicted.out.split()[1:] == sample.y


def test_labels_come_with_the_command(command: Run, tmp_path: Path) -> None:
    sample = xgboost_classifier()
    (tmp_path / "model.ubj").write_bytes(sample.content)
    ran = command("import", tmp_path / "model.ubj", "--name", "graded", "--classes", "low,mid,top", "--json")
    assert json.loads(ran.out)["classes"] == ["low", "mid", "top"]
    refused = command("import", tmp_path / "model.ubj", "--name", "graded", "--classes", "low,top")
    assert refused.code == 1
    assert "2 classes are named, the file has 3" in refused.err


def test_a_pickle_is_refused_with_what_to_do(command: Run, tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04\x95")
    refused = command("import", tmp_path / "model.pkl", "--name", "pickled")
    assert refused.code == 1
    assert "skops.io.dump" in refused.err
