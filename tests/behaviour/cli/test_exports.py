"""The commands models export and models import: from one store into another, signed."""

import json
from pathlib import Path

from tests.support.cli import run

KEY = "0123456789abcdef"


def test_a_version_moves_from_one_store_to_another(tmp_path: Path) -> None:
    here, there = {"TRINITY_STORE": str(tmp_path / "here")}, {"TRINITY_STORE": str(tmp_path / "there")}
    run("fit", "tests/data/longley.csv", "--target", "employed", "--model", "multivariate", **here)
    file = tmp_path / "longley.zip"
    done = run("models", "export", "multivariate", "latest", file, TRINITY_EXPORT_KEY=KEY, **here)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{file}: multivariate version 1, ")
    assert done.out.endswith(" bytes, signed\n")

    (tmp_path / "key").write_text(f"{KEY}\n")
    done = run("models", "import", file, "--name", "longley", TRINITY_EXPORT_KEY_FILE=str(tmp_path / "key"), **there)
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "longley version 1: multivariate version 1, signed\n16 rows of its sample predicted as before\n"
    )
    shown = json.loads(run("models", "show", "longley", "1", "--json", **there).out)
    assert (shown["moved_from"]["model"], shown["moved_from"]["version"]) == ("multivariate", 1)
    options = ["--model", "multivariate"], ["--model", "longley"]
    csv = [run("predict", "tests/data/longley.csv", *options[i], **store) for i, store in enumerate((here, there))]
    assert csv[0].out == csv[1].out != ""


def test_nothing_is_overwritten_and_nothing_unsigned_comes_in(tmp_path: Path) -> None:
    store = {"TRINITY_STORE": str(tmp_path / "store")}
    run("fit", "tests/data/longley.csv", "--target", "employed", **store)
    file = tmp_path / "version.zip"
    assert "not signed" in run("models", "export", "polynomial", "1", file, **store).out
    again = run("models", "export", "polynomial", "1", file, **store)
    assert (again.code, again.err) == (1, f"Error: {file} exists; nothing was written\n")
    refused = run("models", "import", file, TRINITY_EXPORT_KEY=KEY, **store)
    assert refused.code == 1
    assert "the archive is not signed, and TRINITY_EXPORT_KEY is set" in refused.err


def test_a_server_has_no_archives() -> None:
    done = run("models", "--server", "http://127.0.0.1:1", "export", "polynomial", "1")
    assert done.code == 2
    assert "local store" in done.err
