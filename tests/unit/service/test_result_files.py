"""Files of results: their names, however a model makes them."""

from pathlib import Path

import pytest

from app.errors import ModelFailed
from app.model.files import OutputFile
from app.service.result_files import ResultFiles
from app.storage.payload_store import Payloads

JOB = "0" * 32


@pytest.fixture
def results(tmp_path: Path) -> ResultFiles:
    return ResultFiles(Payloads(tmp_path), "out", 100)


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "a/", "/etc/passwd", "C:\\a", "a\0", "a\nb", "\u202e", " . "])
def test_a_name_that_is_none_or_leads_elsewhere_is_the_fault_of_the_model(results: ResultFiles, name: str) -> None:
    with pytest.raises(ModelFailed, match="whose name is empty or leads elsewhere"):
        results.kept({"file": OutputFile(name, "text/plain", b"a")}, JOB)


def test_files_whose_names_become_one_are_the_fault_of_the_model(results: ResultFiles) -> None:
    files = {name: OutputFile(name, "text/plain", b"a") for name in ("a.txt", "a\u202e.txt")}
    with pytest.raises(ModelFailed, match="two files of one name"):
        results.kept(files, JOB)


def test_a_name_that_is_too_long_is_cut_so_that_work_on_a_long_name_is_not_lost(results: ResultFiles) -> None:
    kept = results.kept({"n": 1, "file": OutputFile("x" * 255 + "-processed.md", "text/markdown", b"a")}, JOB)
    name = "x" * 252 + ".md"
    assert (kept["n"], kept["file"]["name"]) == (1, name)
    assert kept["file"]["href"] == f"/jobs/{JOB}/result/file?name={name}"
