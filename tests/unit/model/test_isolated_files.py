"""Models of files whose calls have processes of their own: nothing that a file does to one reaches its caller."""

import os
from pathlib import Path
from typing import Any

import pytest

from app.errors import ModelFailed
from app.model.file_estimators import FileEstimator, FittedFileModel
from app.model.files import InputFile, OutputFile
from app.model.progress import reporting
from tests.support.isolated_models import LOADED, Careless


def document(folder: Path, words: str) -> InputFile:
    path = folder / f"{words}.txt"
    path.write_text(words)
    return InputFile(path, path.name, "text/plain")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> FittedFileModel:
    folder = tmp_path_factory.mktemp("training")
    document(folder, "hello")
    with pytest.warns(UserWarning, match="^few documents$"):
        return FileEstimator(Careless).fit_files({"times": 3}, folder)


def test_what_a_fit_learned_comes_back(model: FittedFileModel) -> None:
    assert isinstance(model.instance, Careless)
    assert (model.instance.times, model.instance.names_, model.instance.sizes_.tolist()) == (3, ["hello.txt"], [5])


def test_results_and_files_come_back_in_their_order_and_progress_while_it_runs(
    model: FittedFileModel, tmp_path: Path
) -> None:
    said: list[Any] = []
    with reporting(lambda *each: said.append(each)):
        one, other = model.predict_files([document(tmp_path, "a"), document(tmp_path, "b")], {"copies": 2})
    assert list(one) == ["before", "file0", "file1", "pid", "times", "loaded"]
    assert other["file1"] == OutputFile("1.bin", "application/octet-stream", bytes(range(256)))
    assert (one["before"], other["before"], one["times"]) == ("a", "b", 3)
    assert one["pid"] == other["pid"] != os.getpid()
    assert said == [(0.5, "half"), (0.5, "half")]


def test_numbers_of_numpy_come_back_as_json_has_them_and_what_it_has_not_is_named(
    model: FittedFileModel, tmp_path: Path
) -> None:
    expected = [{"found": [0.5, None], "count": 2, "all": [{"a": [1.0]}]}]
    here = FittedFileModel(model.instance)
    for each in (model, here):
        assert each.predict_files([document(tmp_path, "numbers")], {}) == expected
        with pytest.raises(ModelFailed, match=r"predict .* JSON cannot hold: at /found/1/a .* the type object"):
            each.predict_files([document(tmp_path, "odd")], {})


def test_a_score_and_what_is_no_list_come_back(model: FittedFileModel, tmp_path: Path) -> None:
    nothing: Any = model.predict_files([document(tmp_path, "nothing")], {})
    assert nothing is None
    assert model.score_files(tmp_path) == {"files": 5.0, "none": None}


def test_libraries_are_loaded_beforehand(model: FittedFileModel, tmp_path: Path) -> None:
    (result,) = model.predict_files([document(tmp_path, "a")], {})
    assert result["loaded"] == ["loaded"] and not LOADED


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("refuse", "^the document is (very ){500}bad$"),
        ("fill", "^the document cannot be processed: predict needed more than 268435456 bytes"),
        ("sleep", "^the document cannot be processed: predict took too long"),
        ("die", r"^the document cannot be processed: predict ended the process \(SIGKILL\)"),
    ],
)
def test_what_a_file_does_is_its_fault_with_the_reason(
    model: FittedFileModel, tmp_path: Path, words: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        model.predict_files([document(tmp_path, words)], {})


def test_a_fit_and_a_score_fail_alike(model: FittedFileModel, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a fit needs documents"):
        FileEstimator(Careless).fit_files({}, None)
    document(tmp_path, "die")
    with pytest.raises(ValueError, match=r"^the files cannot be processed: score ended the process \(SIGKILL\)"):
        model.score_files(tmp_path)


def test_any_other_error_is_the_models_and_the_log_says_where_it_was_without_its_words(
    model: FittedFileModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ModelFailed, match=r"^the model 'careless' raised KeyError$"):
        model.predict_files([document(tmp_path, "raise")], {})
    assert "isolated_models.py:" in caplog.text and "in _done" in caplog.text and "secret" not in caplog.text
