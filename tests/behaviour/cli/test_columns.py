"""Columns on the command line: chosen at the fit, weighted, kept beside predictions, as over HTTP."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.cli import Ran, Run

TABLE = "id,a,b,y,w\nr1,1,0,1,1\nr2,2,1,5,1\nr3,3,0,7,2\nr4,4,3,6,0\n"
CHOSEN = ("--target", "y", "--model", "multivariate", "--json")


@pytest.mark.parametrize(
    "choice",
    [
        ("--inputs", "a, b"),
        ("--inputs", "a", "--inputs", "b"),
        ("--ignore", "id,w"),
        ("--ignore", "w", "--ignore", "id"),
    ],
)
def test_columns_are_chosen(command: Run, choice: tuple[str, ...]) -> None:
    """With commas or repeated: the same fit, and --json prints all of its result."""
    fitted = command("fit", "-", *CHOSEN, *choice, stdin=TABLE)
    assert (fitted.code, fitted.err) == (0, "")
    assert json.loads(fitted.out)["result"]["terms"] == ["1", "a", "b"]


def test_rows_have_weights(command: Run) -> None:
    """At the fit and when it is scored: as numpy solves the rows times the roots of their weights."""
    fitted = command("fit", "-", *CHOSEN, "--ignore", "id", "--inputs", "a", "--weight", "w", stdin=TABLE)
    root = np.sqrt([1, 1, 2, 0])
    expected = np.linalg.lstsq(root[:, None] * np.array([[1, 1], [1, 2], [1, 3], [1, 4]]), root * [1, 5, 7, 6])[0]
    assert json.loads(fitted.out)["result"]["coefficients"] == pytest.approx(expected.tolist())
    weighted = command("score", "-", "--model", "multivariate", "--weight", "w", "--json", stdin=TABLE)
    plain = command("score", "-", "--model", "multivariate", "--json", stdin=TABLE)
    assert json.loads(weighted.out)["result"]["r2"] > json.loads(plain.out)["result"]["r2"]


def test_score_takes_the_targets_of_the_fit(command: Run) -> None:
    """Without --target, where the version knows their names."""
    command("fit", "-", *CHOSEN, "--inputs", "a,b", stdin=TABLE)
    said = command("score", "-", "--model", "multivariate", "--target", "y", stdin=TABLE)
    assert said.code == 0
    assert command("score", "-", "--model", "multivariate", stdin=TABLE) == said


def test_columns_are_kept_beside_predictions(command: Run) -> None:
    """As they came, under their own names, before those of the outputs."""
    command("fit", "-", *CHOSEN, "--inputs", "a", stdin="a,y\n1,2\n2,4\n")
    ran = command("predict", "-", "--model", "multivariate", "--keep", "id,a", stdin="id,a\n07,1\n8,2.5\n")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "id,a,y"
    assert [line.rpartition(",")[0] for line in lines[1:]] == ["07,1", "8,2.5"]
    plain = command("predict", "-", "--model", "multivariate", stdin="a\n1\n2.5\n").out.splitlines()
    assert [line.rpartition(",")[2] for line in lines] == plain


DIALECTS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "semicolons and decimal commas": (b"a;y\n0,5;1\n1,5;3\n2;4\n", ()),
    "semicolons, said": (b"a;y\n0,5;1\n1,5;3\n2;4\n", ("--separator", ";", "--decimal", ",")),
    "tabs in windows-1252": (
        b"a\ty\t\xe9\n0.5\t1\tx\n1.5\t3\tx\n2\t4\tx\n",
        ("--encoding", "windows-1252", "--ignore", "é"),
    ),
    "a header, said": (b"a,y\n0.5,1\n1.5,3\n2,4\n", ("--with-header",)),
}


@pytest.mark.parametrize("case", DIALECTS)
def test_files_are_read_as_they_are_written(command: Run, tmp_path: Path, case: str) -> None:
    """As they are found to be, or as the options say."""
    content, options = DIALECTS[case]
    file = tmp_path / "table.csv"
    file.write_bytes(content)
    fitted = command("fit", file, *CHOSEN, *options)
    assert (fitted.code, fitted.err) == (0, "")
    assert json.loads(fitted.out)["result"]["coefficients"] == pytest.approx([0.0, 2.0])


def test_without_a_header_columns_are_numbered(command: Run, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("0.5,1\n1.5,3\n2,4\n-9,4\n")
    fitted = command("fit", file, "--target", "x2", "--model", "multivariate", "--no-header", "--json")
    assert json.loads(fitted.out)["result"]["terms"] == ["1", "x1"]
    for options in (("--no-header",), ()):
        ran = command("predict", "-", "--model", "multivariate", *options, stdin="0.5\n1.5\n")
        assert (ran.code, len(ran.out.splitlines())) == (0, 3)


def test_a_text_may_stand_for_a_missing_value(command: Run) -> None:
    """Which this model does not take: the refusal counts them."""
    ran = command("fit", "-", *CHOSEN, "--na", "-999", "--na", "?", stdin="a,y\n1,2\n-999,4\n?,4\n5,4\n")
    assert ran.code == 1
    assert "2 of 4" in ran.err


def test_warnings_of_a_fit_go_to_standard_error(command: Run) -> None:
    """And with --json into its result too."""
    ran = command("fit", "-", *CHOSEN, stdin="a,b,y\n1,2,1\n2,4,2\n3,6,4\n")
    assert ran.err == "warning: 1 of 3 terms is redundant: b\n"
    assert json.loads(ran.out)["result"]["warnings"] == ["1 of 3 terms is redundant: b"]


def test_a_file_that_gzip_packed_is_read(command: Run, tmp_path: Path) -> None:
    """One that is damaged is named."""
    packed = gzip.compress(b"a,y\n1,2\n2,4\n")
    file = tmp_path / "table.csv.gz"
    file.write_bytes(packed)
    assert json.loads(command("fit", file, *CHOSEN).out)["result"]["terms"] == ["1", "a"]
    file.write_bytes(packed[:-5])
    ran = command("fit", file, *CHOSEN)
    assert (ran.code, ran.out) == (2, "")
    assert "table.csv.gz" in ran.err and "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fit", "-", *CHOSEN, "--inputs", "nope"), "no column 'nope'"),
        (("fit", "-", *CHOSEN, "--ignore", "id,nope"), "(at /ignore/1)"),
        (("fit", "-", *CHOSEN, "--inputs", "a,b", "--weight", "a"), "cannot be an input too"),
        (("predict", "-", "--model", "multivariate", "--keep", "nope"), "no column 'nope'"),
    ],
)
def test_a_wrong_choice_is_named(command: Run, arguments: tuple[str, ...], message: str) -> None:
    command("fit", "-", *CHOSEN, "--inputs", "a,b", stdin=TABLE)
    ran: Ran = command(*arguments, stdin=TABLE)
    assert (ran.code, ran.out) == (1, "")
    assert message in ran.err


def test_the_columns_of_a_version_are_shown(command: Run) -> None:
    """Each input with its kind and what the fit saw; the outputs, and what was left out."""
    command("fit", "-", *CHOSEN, "--inputs", "a,b", stdin=TABLE)
    lines = command("models", "show", "multivariate", "latest").out.splitlines()
    assert [line.split() for line in lines[-5:-3]] == [["outputs", "y"], ["left", "out", "id,", "w"]]
    assert [line.split(maxsplit=2) for line in lines[-2:]] == [["a", "integer", "1 to 4"], ["b", "integer", "0 to 3"]]
