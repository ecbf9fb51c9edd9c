"""The commands models, fit, predict and score: the same on the local store and on a server, as text and as JSON."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
from pathlib import Path
from typing import get_args

import pytest

from app.cli.jobs import STATUSES
from app.schemas.jobs import Status
from tests.support.cli import Ran, Run, run
from tests.support.servers import ROOT, free_port, until
from tests.support.trinity import MODELS

LONGLEY = "tests/data/longley.csv"


def test_a_table_is_fitted_predicted_and_scored(command: Run, tmp_path: Path) -> None:
    """The same file serves all three commands; predictions are CSV under the target's name; --json prints JSON."""
    fitted = command("fit", LONGLEY, "--target", "employed", "--model", "multivariate", "--param", "fit_intercept=true")
    assert (fitted.code, fitted.err) == (0, "")
    assert "multivariate version 1" in fitted.out
    assert "-3.48226e+06" in fitted.out
    output = tmp_path / "predicted.csv"
    assert command("predict", LONGLEY, "--model", "multivariate", "--output", output) == Ran(0, "", "")
    lines = output.read_text().splitlines()
    assert lines[0] == "employed" and len(lines) == 17
    assert float(lines[1]) == pytest.approx(60055.65997)
    scored = command("score", LONGLEY, "--target", "employed", "--model", "multivariate", "--version", "1", "--json")
    assert json.loads(scored.out)["result"]["r2"] == pytest.approx(0.995479004)
    listed = command("models")
    assert "multivariate  1         1       0.995479" in listed.out
    shown = command("models", "show", "multivariate", "latest", "--json")
    assert json.loads(shown.out)["metrics"]["n"] == 16
    assert command("models", "--json", "show", "multivariate", "latest") == shown
    assert "fit_intercept=True" in command("models", "show", "multivariate").out


def test_standard_input(command: Run) -> None:
    """A dash is standard input."""
    table = "x,y\n1,2\n2,4\n3,6\n"
    fitted = command("fit", "-", "--target", "y", "--param", "degree=1", "--json", stdin=table)
    assert json.loads(fitted.out)["result"]["coefficients"] == pytest.approx([0, 2], abs=1e-9)
    assert command("predict", "-", stdin="x\n5\n").out.splitlines()[0] == "y"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("fit", LONGLEY, "--target", "nope"), 1, "no column 'nope'"),
        (("fit", LONGLEY, "--target", "employed", "--param", "degree=51"), 1, "<= 50 (at /params/degree)"),
        (("fit", "README.md", "--target", "y"), 1, "no column 'y'"),
        (("fit", LONGLEY, "--target", "employed", "--param", "degree"), 2, "expected NAME=VALUE"),
        (("fit", LONGLEY, "--target", "employed", "--param", "degree=null"), 1, "(at /params/degree)"),
        (("fit", LONGLEY, "--target", "employed", "--param", "timeout=5"), 2, "not a parameter of a model"),
        (("fit", "no.csv", "--target", "y"), 2, "No such file"),
        (("predict", LONGLEY, "--model", "nope"), 1, "no model 'nope'"),
        (("predict", LONGLEY, "--model", "never-fitted"), 1, "has not been fitted yet"),
        (("models", "show", "polynomial", "77"), 1, "no version 77"),
    ],
)
def test_errors_are_a_line(command: Run, arguments: tuple[str, ...], code: int, message: str) -> None:
    """No traceback, nothing on standard output, and an exit code for the cause."""
    ran = command(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_a_model_that_fails_is_named_with_its_line(tmp_path: Path) -> None:
    """The author of the model needs the place of the failure."""
    table = "x,y\n" + "1,2\n" * 13
    ran = run(
        "fit",
        "-",
        "--target",
        "y",
        "--model",
        "raising",
        stdin=table,
        TRINITY_STORE=str(tmp_path),
        TRINITY_MODELS=MODELS,
    )
    assert ran.code == 1
    assert "the model 'raising' raised KeyError (models.py:" in ran.err
    assert "Traceback" not in ran.err


def test_no_server() -> None:
    """No response is exit code 3."""
    ran = run("models", "--server", f"http://127.0.0.1:{free_port()}")
    assert ran.code == 3
    assert "did not respond after" in ran.err
    assert run("models", "--server", "localhost").code == 2
    assert run("models", "--server", "http://localhost:1", "--key-file", "nothing").code == 2
    assert run("models", "--server", "http://localhost:abc").code == 2


def test_a_key_that_is_not_valid_is_not_shown(tmp_path: Path) -> None:
    """A file with two lines, or with a letter that is not ASCII."""
    for text in ("one\nPASSW\n", "PASSWé\n"):
        (tmp_path / "key").write_text(text, encoding="utf-8")
        ran = run("models", "--server", "http://localhost:1", "--key-file", tmp_path / "key")
        assert (ran.code, ran.out) == (2, "")
        assert "the key is not valid" in ran.err and "PASSW" not in ran.err and "Traceback" not in ran.err


def test_a_store_that_is_no_folder_is_a_line(tmp_path: Path) -> None:
    """The line has its name and the system's message."""
    (tmp_path / "file").write_text("")
    ran = run("models", "show", "polynomial", "latest", TRINITY_STORE=str(tmp_path / "file"))
    assert (ran.code, ran.out) == (1, "")
    assert str(tmp_path / "file") in ran.err and "Not a directory" in ran.err and "Traceback" not in ran.err


def test_wrong_settings_are_listed(tmp_path: Path) -> None:
    """A line for each setting and no traceback; the variables of the client are no settings of the service."""
    ran = run("models", TRINITY_COLOUR="red", TRINITY_MAX_BODY="many")
    assert ran.code == 1
    assert "TRINITY_COLOUR: unknown setting" in ran.err and "TRINITY_MAX_BODY" in ran.err
    assert run("models", TRINITY_KEY="k", TRINITY_STORE=str(tmp_path)).code == 0


def test_ctrl_c_is_clean(tmp_path: Path) -> None:
    """Exit code 130, and one word."""
    with subprocess.Popen(
        [sys.executable, "-m", "app", "fit", "-", "--target", "y"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        pipe = process.stdin.fileno()
        os.write(pipe, b"x")
        until(lambda: fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)) == bytes(4), "the command to read its input")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, b"", b"interrupted\n")


def test_the_choices_of_jobs_are_those_of_the_service() -> None:
    """They are repeated because --help would be slow if it imported them."""
    assert tuple(STATUSES) == get_args(Status)


def test_help_is_quick_and_has_examples() -> None:
    """--help imports nothing that only the command needs, and each help has an example."""
    script = """
import sys
from click.testing import CliRunner
from app.cli.main import cli
def walk(command, words):
    said = CliRunner().invoke(cli, [*words, "--help"])
    assert said.exit_code == 0
    assert not words or "Example" in said.output, words
    for name, sub in getattr(command, "commands", {}).items():
        walk(sub, [*words, name])
walk(cli, [])
slow = {"numpy", "httpx", "rich", "falcon", "celery", "redis", "scipy", "msgspec"} & sys.modules.keys()
assert not slow, slow
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
