"""Checks of a model whose input is a file: what each finds in models that break one requirement."""

import zipfile
from pathlib import Path
from textwrap import dedent, indent

from app.model.isolation.isolated_calls import CallLimits
from app.service.contract.contract import check_model
from app.service.contract.findings import Finding, Report
from app.service.contract.subject import Subject

MIB = 1024**2
LIMITS = CallLimits(1024 * MIB, 30.0)
HEAD = '''
import os, random
from app.model.files import FileModel, OutputFile
from app.model.isolation.isolated_calls import CallLimits

REMEMBERED = {}


class Words(FileModel):
    """Counts words, and says how many files it was fitted to."""

    name = "words"
    takes = "document"
    media_types = ("text/plain", "image/png")

    def fit(self, folder):
        self.files_ = 0 if folder is None else sum(path.is_file() for path in folder.rglob("*"))
        return self

    def predict(self, files):
        return [self.one(file) for file in files]

    def score(self, folder):
        return {"files": 1.0}

    def one(self, file):
        try:
            text = file.path.read_text("utf-8")
        except UnicodeDecodeError:
            raise ValueError("it is no text") from None
        return {"words": len(text.split()), "files": self.files_, "copy": OutputFile("a.txt", "text/plain", b"a")}
'''


def report(folder: Path, body: str = "", *, archive: bool = True) -> Report:
    """Check the model, changed by the lines of a class body, with one text and a zip file to fit."""
    (folder / "mine.py").write_text(HEAD + indent(dedent(body), "    "))
    (folder / "tide.txt").write_text("high tide at noon")
    with zipfile.ZipFile(folder / "fit.zip", "w") as written:
        written.writestr("a/one.txt", "one two three")
    files = [str(folder / "tide.txt"), *([str(folder / "fit.zip")] if archive else [])]
    return check_model(Subject(modules=["mine"], folder=str(folder), files=files), LIMITS)


def by_check(checked: Report) -> dict[str, Finding]:
    return {finding.check: finding for finding in checked.findings}


def faulty(checked: Report) -> dict[str, Finding]:
    return {finding.check: finding for finding in checked.findings if finding.result in {"failed", "warning"}}


def test_a_good_model_passes_every_check(tmp_path: Path) -> None:
    checked = report(tmp_path, "max_batch_files = 4")
    found = by_check(checked)
    assert {finding.result for finding in checked.findings} == {"ok"}, checked
    assert checked.task == "document"
    assert found["fit"].figure.startswith("1 file:")
    assert found["predict"].figure == "1 file: words, files, copy"
    assert found["restore"].figure.startswith("predicts as before")
    assert found["batch"].figure == "2 files together are predicted the same"
    assert found["empty file"].figure == "refused: the file is empty"
    assert "the model 'words' takes text/plain, image/png" in found["wrong type"].figure
    assert found["random bytes"].figure == "refused: it is no text"
    assert found["predict 1 file"].figure.endswith("ms a file")


def test_without_a_file_what_needs_one_is_skipped_and_says_how_to_name_it() -> None:
    checked = check_model(Subject(modules=["tests.support.file_models"], name="upper"), LIMITS)
    found = by_check(checked)
    assert not checked.failures, checked
    assert found["fit"].figure.startswith("0 files:")
    for check in ("predict", "determinism", "repetition", "cut off", "predict 1 file"):
        assert (found[check].result, found[check].advice[-11:]) == ("skipped", "--file FILE"), check
    assert "zip" in found["score"].figure


def test_a_folder_is_fitted_to_as_its_zip_file_and_gives_the_files_to_predict(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    for name in ("one", "two"):
        (tmp_path / "texts" / f"{name}.txt").write_text(name)
    subject = Subject(modules=["tests.support.kept_files"], name="counting", files=[str(tmp_path / "texts")])
    found = by_check(check_model(subject, LIMITS))
    assert found["fit"].figure.startswith("2 files:")
    assert found["predict"].figure.startswith("2 files:")
    assert found["restore"].result == "ok"
    assert (found["repetition"].result, found["repetition"].figure[:6]) == ("warning", "/calls")


def test_results_by_chance_are_named_by_their_place(tmp_path: Path) -> None:
    found = faulty(report(tmp_path, 'def one(self, file):\n    return {"a": {"chance": random.random()}, "b": 1}'))
    assert [*found] == ["determinism", "repetition"]
    assert all(each.figure.startswith("/a/chance of a result is otherwise") for each in found.values())
    assert "random_state" in found["determinism"].advice
    assert "draw no random numbers" in found["repetition"].advice


CRASH = """
def one(self, file):
    try:
        return {"words": len(file.path.read_text("utf-8").split())}
    except UnicodeDecodeError:
        os.abort()
"""


def test_a_model_that_ends_its_process_over_a_bad_file_is_advised_to_isolate_its_calls(tmp_path: Path) -> None:
    found = faulty(report(tmp_path, CRASH))
    assert [*found] == ["random bytes"]
    assert (found["random bytes"].result, "SIGABRT" in found["random bytes"].figure) == ("failed", True)
    assert "`isolated`" in found["random bytes"].advice


def test_with_isolated_calls_the_same_is_the_refusal_of_the_file(tmp_path: Path) -> None:
    checked = report(tmp_path, f"{CRASH}\nisolated = CallLimits(memory_bytes=512 * 1024**2, time_s=20)")
    assert not checked.failures, checked
    assert by_check(checked)["random bytes"].figure.startswith("refused: the document cannot be processed")


def test_what_a_model_keeps_in_its_module_is_gone_after_a_restore(tmp_path: Path) -> None:
    """As in a service, whose processes did not run the fit."""
    body = """
    def fit(self, folder):
        REMEMBERED["of the fit"] = 3
        return self

    def one(self, file):
        return {"found": REMEMBERED.get("of the fit", 0)}
    """
    found = faulty(report(tmp_path, body))
    assert [*found] == ["restore"]
    assert (found["restore"].result, "predicted otherwise" in found["restore"].figure) == ("failed", True)
    assert "attributes that end in _" in found["restore"].advice


def test_other_mistakes_are_named_with_what_to_do(tmp_path: Path) -> None:
    body = """
    max_batch_files = 4
    metrics = {"right": "higher"}

    def predict(self, files):
        return [{"together": len(files), **self.one(file)} for file in files]

    def one(self, file):
        if b"\\0" in file.path.read_bytes():
            raise OSError(f"{file.path} cannot be read")
        if len(file.path.read_bytes()) < 10:
            raise ValueError(f"{file.path} is short")
        return {"words": 1}
    """
    found = faulty(report(tmp_path, body))
    assert {check: finding.result for check, finding in found.items()} == {
        "batch": "failed",
        "score": "failed",
        "random bytes": "failed",
        "cut off": "warning",
    }
    assert found["batch"].figure == "/together of a result is otherwise in a call for 2"
    assert "max_batch_files = 1" in found["batch"].advice
    assert found["score"].figure == "returned no right"
    assert found["random bytes"].figure.startswith("image/png: raised OSError")
    assert "ValueError" in found["random bytes"].advice
    assert "file.name" in found["cut off"].advice


def test_rows_for_a_model_of_files_and_files_for_a_model_of_rows_are_told(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x,y\n1,2\n")
    rows = str(tmp_path / "rows.csv")
    for_files = check_model(Subject(modules=["tests.support.file_models"], name="upper", rows=rows, target=["y"]))
    for_rows = check_model(Subject(modules=["app.model.models"], name="polynomial", files=[rows]))
    assert by_check(for_files)["fit"].figure == "the model 'upper' takes files, not rows"
    assert "--file" in by_check(for_files)["fit"].advice
    assert by_check(for_rows)["fit"].figure == "the model 'polynomial' takes rows, not files"
    assert "--data" in by_check(for_rows)["fit"].advice
