"""The option --file: models whose input is a file, on the local store and on a server in either mode."""

import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import MODES
from tests.support.cli import Run, run
from tests.support.file_models import PNG
from tests.support.trinity import trinity

SETTINGS = {
    "TRINITY_MODELS": "app.model.models,tests.support.file_models,tests.support.compared_files",
    "TRINITY_MAX_FILE": "300000",
}


@pytest.fixture(scope="module", params=["local", *MODES[:2]])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Path]]:
    """The command line on file models that are fitted, and the folder of the store."""
    folder, training = tmp_path_factory.mktemp("store"), tmp_path_factory.mktemp("zip") / "training.zip"
    training.write_bytes(zipped(**{"a.png": PNG}))

    def fitted(command: Run, store: Path) -> tuple[Run, Path]:
        ran = command("fit", "--file", training, "--model", "measurer", "--param", "unit=2")
        assert (ran.code, ran.out.splitlines()[0]) == (0, "measurer version 1"), ran.err
        assert command("fit", "--file", training, "--model", "upper").code == 0
        return command, store

    if request.param == "local":
        settings = {"TRINITY_STORE": str(folder), **SETTINGS}
        yield fitted(lambda *arguments, **options: run(*arguments, **settings, **options), folder)
        return
    with trinity(request.param, folder, **SETTINGS) as api:
        url = str(api.http.base_url)
        yield fitted(lambda *arguments, **options: run(*arguments, TRINITY_SERVER=url, **options), folder / "store")


@pytest.fixture
def command(place: tuple[Run, Path]) -> Run:
    return place[0]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / 'a "b".png'
    path.write_bytes(PNG)
    return path


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_text("hello")
    return path


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_file_is_predicted_with_options(command: Run, picture: Path) -> None:
    """As a table of what the model says, and as JSON; a job's states go to standard error."""
    ran = command("predict", "--file", picture, "--model", "measurer", "--option", "scale=0.5")
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0] == "measurer version 1"
    assert "width       32" in lines and 'name        a "b".png' in lines
    found = json.loads(
        command("predict", "--file", picture, "--model", "measurer", "--option", "tags=a,b", "--json").out
    )
    assert (found["version"], found["result"]["width"], found["result"]["tags"]) == (1, 64.0, ["a", "b"])


def test_a_zip_file_is_scored(command: Run, tmp_path: Path) -> None:
    path = tmp_path / "test.zip"
    path.write_bytes(zipped(**{"a.png": PNG, "b.png": PNG}))
    ran = command("score", "--file", path, "--model", "measurer", "--version", "1")
    assert (ran.code, "files    2" in ran.out.splitlines()) == (0, True), ran.out + ran.err


def test_a_fit_takes_over_an_alias_only_if_it_is_better_on_a_second_zip_file(command: Run, tmp_path: Path) -> None:
    training, held_out = tmp_path / "training.zip", tmp_path / "held_out.zip"
    held_out.write_bytes(zipped(**{"a.png": PNG, "b.png": PNG}))
    fit = ("fit", "--file", training, "--model", "knower", "--promote", "gated")
    for name, words in (
        ("a.png", "version 1 is the gated: there was no"),
        ("c.png", "version 2 is not the gated: it is not better"),
    ):
        training.write_bytes(zipped(**{name: PNG}))
        ran = command(*fit, "--promote-on", held_out)
        assert ran.code == 0 and words in ran.out, ran.out + ran.err
    ran = command(*fit, "--promote-on", held_out, "--promote-metric", "unknown", "--promote-gain", "1", "--json")
    promotion = json.loads(ran.out)["result"]["promotion"]
    assert (promotion["metric"], promotion["gain"], promotion["promoted"]) == ("unknown", 1.0, False)
    assert "(at /promote_on)" in command(*fit).err
    training.write_bytes(zipped(**{"a.png": PNG * 6_000}))
    assert "300000" in command(*fit, "--promote-on", training).err
    assert "is about tables" in command(*fit, "--promote-source", "dummy").err


def test_files_of_a_result_are_written_and_overwrite_none(command: Run, text: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.txt"
    upper = ("predict", "--file", text, "--model", "upper", "--output", output)
    ran = command(*upper)
    assert (ran.code, output.read_text()) == (0, "HELLO")
    assert f"{output} is written" in ran.err
    output.write_text("mine")
    refused = command(*upper)
    assert (refused.code, output.read_text()) == (2, "mine")
    assert "exists; nothing was sent: choose another name, or --overwrite" in refused.err
    assert command(*upper, "--overwrite").code == 0
    assert output.read_text() == "HELLO"


def test_several_files_go_into_a_folder_under_names_and_never_paths(command: Run, text: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    upper = ("predict", "--file", text, "--model", "upper", "--option", "copies=2", "--option", "named=nul. a:b")
    ran = command(*upper, "--output", folder)
    assert ran.code == 0, ran.err
    assert sorted(path.name for path in folder.iterdir()) == ["_nul. a_b1.txt", "_nul. a_b2.txt"]
    (folder / "_nul. a_b1.txt").write_text("mine")
    again = command(*upper, "--output", folder)
    assert (again.code, (folder / "_nul. a_b1.txt").read_text()) == (1, "mine")
    assert "was left as it is" in again.err
    one = command(*upper, "--output", tmp_path / "one.txt")
    assert one.code == 0 and "not written: nul. a:b2.txt; --output FOLDER takes all of them" in one.err


def test_a_result_without_files_is_written_as_json(command: Run, picture: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    ran = command("predict", "--file", picture, "--model", "measurer", "--output", output)
    assert (ran.code, ran.out) == (0, "")
    assert json.loads(output.read_text())["width"] == 64.0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--file", "none.png"], 2, "none.png' does not exist"),
        (["--file", "/"], 2, "is a directory"),
        (["--file", "PICTURE", "--option", "scale"], 2, "expected NAME=VALUE"),
        (["--file", "PICTURE", "--option", "scale=1", "--option", "scale=2"], 2, "each name once"),
        (["--file", "PICTURE", "--separator", ";"], 2, "'--separator' is about tables"),
        (["--file", "PICTURE", "-"], 2, "is about tables, and does not go with --file"),
        (["--option", "scale=1", "-"], 2, "give --file"),
        ([], 2, "Missing argument 'FILE'"),
        (["--file", "PICTURE", "--option", "scale=0"], 1, "expected a number > 0.0 (at /scale)"),
        (["--file", "PICTURE", "--option", "colour=red"], 1, "(at /colour)"),
        (["--file", "TEXT"], 1, "the file is text/plain; the model 'measurer' takes image/png, image/jpeg"),
        (["--file", "BROKEN"], 1, "the picture is broken (at /file)"),
        (["--file", "LARGE"], 1, "300000"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    command: Run, picture: Path, text: Path, arguments: list[str], code: int, words: str
) -> None:
    broken, large = picture.with_name("broken.png"), picture.with_name("large.png")
    broken.write_bytes(PNG + b"broken")
    large.write_bytes(PNG + b"\0" * 700_000)
    paths = {"PICTURE": picture, "TEXT": text, "BROKEN": broken, "LARGE": large}
    ran = command("predict", "--model", "measurer", *(paths.get(each, each) for each in arguments))
    assert (ran.code, words in ran.err, ran.out) == (code, True, ""), ran.err
    assert "Traceback" not in ran.err


def test_a_file_that_may_not_be_read_is_said_too(command: Run, picture: Path) -> None:
    if os.geteuid():
        picture.chmod(0)
        assert "not readable" in command("predict", "--model", "measurer", "--file", picture).err
    assert "--file needs --model" in command("predict", "--file", "tests/data/longley.csv").err


def test_nothing_stays_in_a_local_store(place: tuple[Run, Path], text: Path) -> None:
    command, store = place
    assert command("predict", "--file", text, "--model", "upper").code == 0
    left = [path.name for path in (store / "payloads").glob("*/*") if not path.name.endswith((".out", ".kept"))]
    assert left == []
