"""A version of a file model is published only if the model restored from it predicts files of the fit as before."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.errors import ModelFailed
from app.model.isolation.environment import module_environment
from app.model.isolation.isolated_calls import CallLimits, IsolatedCalls
from app.schemas.requests import FileInput, Work
from app.service.checked_files import CheckedFiles, differences, outside, some_files
from app.service.discovery import find_models
from app.service.file_work import FileWork
from app.service.fitting import FitSpec
from app.service.isolated_restoring import IsolatedRestoring
from app.service.result_files import ResultFiles
from app.storage.model_store import Store
from app.storage.payload_store import Payloads

MODULE = "tests.support.kept_files"
LIMITS = CallLimits(memory_bytes=1024**3, time_s=30, file_bytes=1024**2)


@pytest.fixture(scope="module")
def calls() -> Iterator[IsolatedCalls]:
    found = IsolatedCalls(LIMITS, [MODULE], module_environment({"PATH": "/usr/bin:/bin"}))
    yield found
    found.close()


def fitted(folder: Path, calls: IsolatedCalls, name: str, *, archive: bool = True) -> tuple[int, Any]:
    """Fit a model to a zip file with two texts, or to none; return the version and its manifest."""
    payloads, store = Payloads(folder), Store(folder)
    data = None
    if archive:
        with zipfile.ZipFile(folder / "x.zip", "w") as written:
            written.writestr("a/one.txt", "one")
            written.writestr("two.txt", "two")
        data = FileInput("x", payloads.put("x.file", (folder / "x.zip").read_bytes()), "x.zip", "application/zip")
    estimator = find_models([MODULE])[name]
    restore = IsolatedRestoring(payloads, calls, calls, modules=[MODULE], trusted=[], approved=[])
    work = FileWork(store, payloads, ResultFiles(payloads, "out", 1000), restore)
    version, _ = work.fit(estimator, FitSpec(Work("fit", name, None, {}, data), "job", 0.0))
    return version, store.manifest(name, version)


@pytest.mark.parametrize("archive", [True, False])
def test_results_that_differ_between_two_calls_of_one_model_are_no_reason(
    tmp_path: Path, calls: IsolatedCalls, *, archive: bool
) -> None:
    version, manifest = fitted(tmp_path, calls, "counting", archive=archive)
    assert (version, manifest.learned["files_"], manifest.outputs) == (1, 2 * archive, [])
    assert manifest.held_bytes > 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("forgetting", "the model predicted otherwise than before"),
        ("raising", "the model raised KeyError"),
        ("ending", "the model ended the process (exit code 9)"),
    ],
)
def test_a_file_model_that_is_another_when_it_is_restored_is_not_published(
    tmp_path: Path, calls: IsolatedCalls, name: str, words: str
) -> None:
    with pytest.raises(ModelFailed) as caught:
        fitted(tmp_path, calls, name)
    assert words in str(caught.value.detail)
    assert not Store(tmp_path).versions(name)


def test_files_that_the_model_does_not_take_are_not_predicted(tmp_path: Path, calls: IsolatedCalls) -> None:
    assert fitted(tmp_path, calls, "particular")[0] == 1


def test_the_first_files_are_taken_as_long_as_they_take_little_time(tmp_path: Path) -> None:
    for name in "edcba":
        (tmp_path / f"{name}.txt").write_text(name)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "aa.txt").write_bytes(b"")
    estimator: Any = find_models([MODULE])["counting"]
    model = estimator.fit_files({}, tmp_path)
    assert [file.name for file in some_files(model, tmp_path).files] == ["a.txt", "b.txt", "c.txt"]
    times = iter([0.0, 1.0, 1.5, 60.0])
    assert [file.name for file in some_files(model, tmp_path, lambda: next(times)).files] == ["a.txt", "b.txt"]
    assert not some_files(model, None).files


def test_it_is_said_where_no_file_is_predicted_again_though_the_model_takes_some(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    estimator: Any = find_models([MODULE])["counting"]
    model = estimator.fit_files({}, tmp_path)
    assert some_files(model, tmp_path).unchecked == ""
    times = iter([0.0, 60.0])
    slow = some_files(model, tmp_path, lambda: next(times))
    assert not slow.files and "took more than 2 s" in slow.unchecked


@pytest.mark.parametrize(
    ("after", "before", "again", "agrees"),
    [
        ([{"a": 1.0}], [{"a": 1.0 + 1e-15}], [{"a": 1.0}], True),
        ([{"a": 1.0}], [{"a": 1.1}], [{"a": 1.1}], False),
        ([{"a": 1.0, "s": "x"}], [{"a": 1.0, "s": "y"}], [{"a": 1.0, "s": "z"}], True),
        ([{"a": 2.0, "s": "x"}], [{"a": 1.0, "s": "y"}], [{"a": 1.0, "s": "z"}], False),
        ([{}], [{"a": 1.0}], [{"a": 1.0}], False),
        ([{"a": [1]}], [{"a": [1, 2]}], [{"a": [1, 2]}], False),
        ([{"a": None}], [{"a": 1.0}], [{"a": 1.0}], False),
    ],
)
def test_what_is_the_same_in_two_calls_has_to_be_the_same_after_restoring(
    *, after: Any, before: Any, again: Any, agrees: bool
) -> None:
    assert CheckedFiles().agree(after, before, lambda: again) is agrees


def test_parts_of_results_that_differ_are_named_by_their_pointers() -> None:
    before = [{"a": 1.0, "b": {"c/d": [1, 2]}, "e": "x"}]
    after = [{"a": 1.0 + 1e-15, "b": {"c/d": [1, 3]}, "e": ["x"]}]
    assert differences(before, before) == []
    assert differences(before, after) == ["/0/b/c~1d/1", "/0/e"]
    assert differences(before, after, 0.0)[0] == "/0/a"
    assert differences(before, []) == [""]
    assert outside(["/0/b/c", "/0/bc"], ["/0/b"]) == ["/0/bc"]
    assert outside(["/0/b"], [""]) == []
