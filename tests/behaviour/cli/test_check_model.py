"""The command check-model: its table, its JSON and its exit codes."""

import json
from pathlib import Path

from tests.support.cli import run
from tests.support.model_files import xgboost_classifier


def test_a_model_of_the_settings_is_checked_by_its_name() -> None:
    done = run("check-model", "polynomial", "--params", '{"degree": 2}')
    assert (done.code, done.err) == (0, "")
    heading, columns, *lines = done.out.splitlines()
    assert heading == "app.model.polynomial.PolynomialRegressor (regression)"
    assert columns.split() == ["check", "result", "found", "what", "to", "do"]
    assert any(line.startswith("stacking") for line in lines)


def test_a_failed_check_ends_with_1_and_says_what_to_do() -> None:
    done = run("check-model", "tests/support/models.py:Unkept", "--json")
    report = json.loads(done.out)
    assert (done.code, report["failed"]) == (1, 1)
    failed = next(each for each in report["findings"] if each["result"] == "failed")
    assert failed["check"] == "restore"
    assert "call it `mean_`" in failed["figure"]
    assert failed["advice"]


def test_wrong_usage_ends_with_2(tmp_path: Path) -> None:
    for arguments in (["missing.py"], ["polynomial", "--target", "y"], ["polynomial", "--params", "[1]"]):
        assert run("check-model", *arguments).code == 2, arguments


def test_a_model_of_files_is_checked_with_the_files_that_are_named(tmp_path: Path) -> None:
    text = tmp_path / "tide.txt"
    text.write_text("high tide")
    done = run("check-model", "tests/support/file_models.py:Upper", "--file", text, "--json")
    report = json.loads(done.out)
    found = {each["check"]: each for each in report["findings"]}
    assert (done.code, report["task"], report["failed"]) == (0, "document", 0)
    assert found["predict"]["figure"] == "1 file: characters, copy1"
    assert found["empty file"]["figure"] == "refused: the file is empty"
    for arguments in (["--file", tmp_path / "missing.txt"], ["--file", text, "--data", text, "--target", "y"]):
        assert run("check-model", "upper", *arguments).code == 2, arguments


def test_a_fitted_file_is_tried_out_as_an_import_would(tmp_path: Path) -> None:
    file = tmp_path / "model.ubj"
    file.write_bytes(xgboost_classifier().content)
    done = run("check-model", file, "--json")
    report = json.loads(done.out)
    assert (done.code, report["task"]) == (0, "classification")
    assert [each["check"] for each in report["findings"]] == ["import", "sample", "stacking", "memory", "load"]
    pickled = tmp_path / "model.pkl"
    pickled.write_bytes(b"\x80\x04K\x01.")
    done = run("check-model", pickled)
    assert done.code == 1
    assert "a pickle runs code" in done.out
