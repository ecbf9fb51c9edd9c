"""The command import: a model's file becomes a version, on the local store and on a server."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.cli import Run
from tests.support.model_files import FRAME_CSV, skops_pipeline, xgboost_classifier
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
