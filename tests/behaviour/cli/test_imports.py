"""The command import: a model's file becomes a version, on the local store and on a server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import skops.io
from sklearn.svm import SVC

from tests.support.cli import Run, run
from tests.support.forgery import of_version
from tests.support.model_files import CODES, FRAME_CSV, X, skops_pipeline, skops_regressor, xgboost_classifier
from tests.support.servers import ROOT

MIB = 1024**2
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Runs a command, and prints the most memory that it took, in KiB."""


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


def test_a_model_may_come_from_standard_input(command: Run, tmp_path: Path) -> None:
    sample = skops_pipeline()
    (tmp_path / "churn.skops").write_bytes(sample.content)
    ran = command("import", tmp_path / "churn.skops", "--name", "piped", "--sample", "-", stdin=FRAME_CSV)
    assert ran.code == 0 and "piped version 1" in ran.out, ran.err


def test_strict_refuses_another_minor_version_and_says_what_helps(command: Run, tmp_path: Path) -> None:
    """Without it, that is a warning, in one line."""
    (tmp_path / "old.skops").write_bytes(of_version(skops_regressor().content, "1.4.2"))
    refused = command("import", tmp_path / "old.skops", "--name", "old", "--strict")
    assert (refused.code, refused.out) == (1, "")
    assert "written with scikit-learn 1.4.2, another minor version" in refused.err
    assert "write it again with scikit-learn " in refused.err
    assert "or import it without `strict` (at /strict)" in refused.err
    ran = command("import", tmp_path / "old.skops", "--name", "old")
    assert (ran.code, ran.err.count("warning: ")) == (0, 1)
    assert ran.err.startswith("warning: the file was written with scikit-learn 1.4.2, another minor version")


def test_types_to_approve_are_named_as_the_setting_takes_them(command: Run, tmp_path: Path) -> None:
    """Who runs the server can approve them, nobody else."""
    (tmp_path / "svc.skops").write_bytes(skops.io.dumps(SVC().fit(X, CODES)))
    refused = command("import", tmp_path / "svc.skops", "--name", "svc")
    setting = "TRINITY_TRUSTED_TYPES=sklearn.svm._classes.SVC"
    assert refused.code == 1
    assert f"who runs this server, and trusts the file, can approve them: {setting} for" in refused.err
    name, _, value = setting.partition("=")
    approved = {"TRINITY_STORE": str(tmp_path / "store"), name: value}
    assert run("import", tmp_path / "svc.skops", "--name", "svc", **approved).code == 0
    assert run("predict", "-", "--model", "svc", stdin="x1,x2,x3,x4\n1,2,3,4\n", **approved).out.split()[0] == "y"


def test_a_large_file_is_not_read_into_memory(tmp_path: Path) -> None:
    large = tmp_path / "large.skops"
    with large.open("wb") as file:
        file.write(b"PK\x03\x04")
        file.truncate(200 * MIB)
    store = {"TRINITY_STORE": str(tmp_path / "store")}
    arguments = [sys.executable, "-c", PEAK, sys.executable, "-m", "app", "import", str(large), "--name", "large"]
    ran = subprocess.run(arguments, cwd=ROOT, env={**os.environ, **store}, capture_output=True, text=True, check=True)
    assert "no directory (at /file)" in ran.stderr
    assert int(ran.stdout) * 1024 < 150 * MIB


def test_a_pickle_is_refused_with_what_to_do(command: Run, tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04\x95")
    refused = command("import", tmp_path / "model.pkl", "--name", "pickled")
    assert refused.code == 1
    assert "skops.io.dump" in refused.err
