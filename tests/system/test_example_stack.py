"""Examples as `python -m app stack --example NAME` runs them: their settings, and what makes them ready."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.errors import CommandFailed
from app.cli.stack.example import names, with_settings
from tests.support.servers import ROOT

RESTARTING = (
    "import os, sys; from app.cli.stack.supervisor import Program, Supervisor; "
    "code = 'import os, time; print(os.getpid(), flush=True); time.sleep(600)'; "
    "worker = Program('worker', [sys.executable, '-c', code], os.environ, restarts=True); "
    "sys.exit(Supervisor([[worker]]).run(lambda: None))"
)
SCRIPT = (
    "import os, sys; from app.cli.stack.supervisor import Program, Supervisor; "
    "main = Program('main', [sys.executable, '-c', 'import time; time.sleep(600)'], os.environ); "
    "last = Program('prepare', [sys.executable, '-c', sys.argv[1]], os.environ); "
    "sys.exit(Supervisor([[main]], last).run(lambda: (print('ready', flush=True), os.kill(os.getpid(), 15))))"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two examples, and one that is none."""
    for name in ("shop", "post", "notes"):
        (tmp_path / name).mkdir()
    for name in ("shop", "post"):
        (tmp_path / name / "example.env").write_text("# settings\nEXTRAS=sql\nTRINITY_ROUTES=examples.shop.routes\n")
    return tmp_path


def test_the_settings_of_an_example_apply_where_none_are_given(folder: Path) -> None:
    assert with_settings("shop", {"EXTRAS": "", "PORT": "1"}, folder) == {
        "EXTRAS": "",
        "PORT": "1",
        "TRINITY_STORE": ".trinity/examples/shop",
        "TRINITY_ROUTES": "examples.shop.routes",
    }


@pytest.mark.parametrize("name", ["notes", "../shop", "nothing"])
def test_a_name_that_is_no_example_lists_those_there_are(folder: Path, name: str) -> None:
    assert names(folder) == ["post", "shop"]
    with pytest.raises(CommandFailed, match="there are post, shop"):
        with_settings(name, {}, folder)


def test_under_keys_an_example_needs_one_that_makes_it_ready(folder: Path) -> None:
    keys = {"TRINITY_API_KEYS_FILE": "keys.txt"}
    with pytest.raises(CommandFailed, match="set TRINITY_KEY to one with the scopes read and fit"):
        with_settings("shop", keys, folder)
    assert with_settings("shop", {**keys, "TRINITY_KEY": "trk_"}, folder)["TRINITY_KEY"] == "trk_"


def test_each_example_has_a_store_of_its_own() -> None:
    stores = [with_settings(name, {}, ROOT / "examples")["TRINITY_STORE"] for name in names(ROOT / "examples")]
    assert len(set(stores)) == len(stores) >= 3


def test_a_copy_of_an_example_made_as_the_document_says_is_an_example_of_its_own(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "applications.md").read_text()
    copy, rename, run = re.findall(r"^    (.*shop_windows.*)$", text, re.MULTILINE)
    shutil.copytree(ROOT / "examples" / "object_detection", tmp_path / "examples" / "object_detection")
    subprocess.run(["bash", "-ec", f"{copy}\n{rename}"], cwd=tmp_path, check=True)
    left = subprocess.run(["grep", "-rI", "object_detection", "examples/shop_windows"], cwd=tmp_path, check=False)
    assert left.returncode == 1 and run == "make example NAME=shop_windows"
    settings = with_settings("shop_windows", {}, tmp_path / "examples")
    for module in (settings["TRINITY_MODELS"], settings["TRINITY_ROUTES"]):
        assert (tmp_path / f"{module.replace('.', '/')}.py").is_file()


@pytest.mark.parametrize("command", [["make", "example", "NAME=nothing"], ["make", "example"]])
def test_make_says_which_examples_there_are_before_it_installs_anything(command: list[str]) -> None:
    env = {key: value for key, value in os.environ.items() if "MAKE" not in key}  # `make test` may run this
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=30)
    assert result.returncode == 2 and "NAME: choose one of" in result.stderr and not result.stdout


@pytest.mark.parametrize(
    ("code", "status", "printed"),
    [
        ("print('loaded')", 0, ["prepare | loaded", "ready"]),
        ("raise SystemExit(3)", 1, ["stack   | prepare ended with status 3"]),
    ],
)
def test_the_addresses_are_shown_once_the_preparation_has_succeeded(code: str, status: int, printed: list[str]) -> None:
    """One that fails stops all."""
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == status, result.stderr
    assert [line for line in result.stdout.splitlines() if "stopping" not in line] == printed


def test_a_worker_of_an_example_that_was_killed_starts_again() -> None:
    with subprocess.Popen([sys.executable, "-c", RESTARTING], cwd=ROOT, stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout is not None
        try:
            first = int(shell.stdout.readline().rpartition("|")[2])
            os.kill(first, signal.SIGKILL)
            assert shell.stdout.readline() == "stack  | worker ended with status -9, starting it again\n"
            assert int(shell.stdout.readline().rpartition("|")[2]) != first
            shell.send_signal(signal.SIGINT)
            assert shell.wait(20) == 0
        finally:
            shell.kill()
