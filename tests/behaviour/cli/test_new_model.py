"""The command new-model: what it writes works as it is, and nothing is overwritten."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support import servers
from tests.support.cli import run
from tests.support.servers import OURS, ROOT

PREDICTED = {"regressor": float, "classifier": str, "sklearn": str}


@pytest.mark.parametrize("kind", PREDICTED)
def test_a_new_model_passes_its_test_and_is_served(kind: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = run("new-model", "house_prices", "--kind", kind, "--folder", home)
    assert (done.code, done.err) == (0, "")
    assert sorted(path.name for path in home.iterdir()) == ["house_prices.py", "test_house_prices.py"]

    inherited = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
    env = {**inherited, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_house_prices.py"]
    tested = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr

    models = re.search(r"TRINITY_MODELS=(\S+)", done.out)
    assert models is not None
    settings = {"TRINITY_MODELS": models[1], "TRINITY_STORE": str(tmp_path / "store"), "PYTHONPATH": str(home)}
    with servers.web(tmp_path, **settings) as web, httpx.Client(base_url=web.url, timeout=60) as http:
        fitted = http.post("/models/house_prices/fit")
        assert fitted.status_code == 200, fitted.text
        rows = {"data": {"X": [[0.5], [-0.5]]}}
        predicted = http.post("/models/house_prices/predict", json=rows).json()["result"]["y"]
    assert [type(value) for value in predicted] == [PREDICTED[kind]] * 2


def test_the_next_steps_are_those_of_the_folder(tmp_path: Path) -> None:
    out = run("new-model", "mine", "--folder", tmp_path).out
    assert f"cd {tmp_path}\n" in out
    assert "python -m app check-model mine.py\n" in out
    assert "TRINITY_MODELS=app.model.models,mine python -m app serve\n" in out
    assert "curl -X POST localhost:5000/models/mine/fit\n" in out


@pytest.mark.parametrize("there", ["mine.py", "test_mine.py"])
def test_nothing_is_overwritten(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("mine")
    done = run("new-model", "mine", "--folder", tmp_path)
    assert (done.code, done.err) == (1, f"Error: {tmp_path / there} exists; nothing was written\n")
    assert [path.name for path in tmp_path.iterdir()] == [there]


@pytest.mark.parametrize("name", ["json", "class", "Mine", "my-model", "../mine", "1st", "numpy", "polynomial", "app"])
def test_a_name_that_would_stand_in_for_something_else_is_refused(name: str, tmp_path: Path) -> None:
    done = run("new-model", name, "--folder", tmp_path)
    assert done.code in {1, 2}
    assert name in done.err
    assert [*tmp_path.iterdir()] == []
