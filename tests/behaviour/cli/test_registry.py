"""The commands below models that change what serves: the same on the local store and on a server."""

import json
from pathlib import Path

import pytest

from tests.support.cli import Run

MODEL = "reserved"


@pytest.fixture(scope="module")
def fitted(command: Run) -> Run:
    """The command line, with three versions of a model, each a line ten times as steep."""
    for factor in (1, 10, 100):
        table = f"x,y\n0,0\n1,{factor}\n2,{2 * factor}\n"
        ran = command("fit", "-", "--target", "y", "--model", MODEL, "--param", "degree=1", stdin=table)
        assert ran.code == 0, ran.err
    return command


def slope(command: Run) -> float:
    """What the model predicts at 1."""
    ran = command("predict", "-", "--model", MODEL, stdin="x\n1\n")
    assert ran.code == 0, ran.err
    return round(float(ran.out.splitlines()[1]), 6)


def test_an_alias_is_set_rolled_back_and_deleted(fitted: Run) -> None:
    """And its history is shown."""
    assert slope(fitted) == 100
    assert fitted("models", "alias", "set", MODEL, "champion", "1", "--if-version", "none").out == (
        f"{MODEL} champion: version 1\n"
    )
    assert slope(fitted) == 1
    assert fitted("models", "alias", "set", MODEL, "champion", "2", "--if-version", "1").code == 0
    late = fitted("models", "alias", "set", MODEL, "champion", "3", "--if-version", "1")
    assert (late.code, late.out) == (1, "") and "stands at version 2" in late.err
    assert slope(fitted) == 10
    assert fitted("models", "rollback", MODEL).out == f"{MODEL} champion: version 1\n"
    assert slope(fitted) == 1
    assert fitted("models", "alias", "delete", MODEL, "champion").out == f"{MODEL} champion: removed\n"
    assert fitted("models", "alias", "delete", MODEL, "champion").code == 1
    assert fitted("models", "rollback", MODEL).out == f"{MODEL} champion: version 2\n"
    assert slope(fitted) == 10
    moves = json.loads(fitted("models", "history", MODEL, "--alias", "champion", "--json").out)
    assert [(move["from"], move["to"], move["why"]) for move in moves] == [
        (None, 2, "rollback"),
        (1, None, "request"),
        (2, 1, "rollback"),
        (1, 2, "request"),
        (None, 1, "request"),
    ]
    lines = fitted("models", "history", MODEL, "--limit", "1").out.splitlines()
    assert len(lines) == 2 and lines[1].split()[2:] == ["champion", "-", "2", "rollback", "-"]


def test_a_version_is_deleted(fitted: Run) -> None:
    """Not one that an alias names, and no model of its estimator's name."""
    fitted("models", "alias", "set", MODEL, "champion", "2")
    assert fitted("models", "delete", MODEL, "1").out == f"{MODEL} version 1: deleted\n"
    for number, words in (("1", "no version 1"), ("2", "'champion' names"), ("3", "'latest' names")):
        refused = fitted("models", "delete", MODEL, number)
        assert refused.code == 1 and words in refused.err
    assert "also an estimator" in fitted("models", "delete", MODEL, "--yes").err
    assert fitted("models", "delete", MODEL, stdin="n\n").code == 1
    assert fitted("models", "alias", "set", MODEL, "champion", "x").code == 2
    assert "/alias" in fitted("models", "alias", "set", MODEL, "latest", "2").err


def test_a_gate_on_the_command_line(command: Run, tmp_path: Path) -> None:
    """The rows to compare on are another file, or a source."""
    held_out = tmp_path / "held_out.csv"
    held_out.write_text("x,y\n3,6\n4,8\n")
    for factor, words in ((5, "version 1 is the champion: there was no"), (2, "version 2 is the champion: its r2 is")):
        table = f"x,y\n0,0\n1,{factor}\n2,{2 * factor}\n"
        gate = ("--promote", "champion", "--promote-on", held_out)
        ran = command(
            "fit", "-", "--target", "y", "--model", "rents", "--estimator", "multivariate", *gate, stdin=table
        )
        assert ran.code == 0 and words in ran.out, ran.err
    options = ("--promote", "champion", "--promote-source", "dummy", "--promote-metric", "mae")
    ran = command("fit", "-", "--target", "y", "--model", "rents", *options, "--json", stdin="x,y\n0,0\n1,1\n2,2\n")
    promotion = json.loads(ran.out)["result"]["promotion"]
    assert (promotion["champion"], promotion["metric"]) == (2, "mae")
