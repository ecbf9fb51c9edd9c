"""A class of one's own that changed after its versions were fitted: they are refused in words, or load as they were."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import MODES, Mode, problem
from tests.support.servers import ROOT
from tests.support.trinity import trinity

SHIFTED = '''
"""A model that adds a parameter to the mean."""
import numpy as np
from app.model.base import Regressor


class Shifted(Regressor):
    """The mean of y, and a shift."""

    name = "shifted"

    def __init__(self, PARAMETER: float = 0.0) -> None:
        self.PARAMETER = PARAMETER

    def fit(self, X, y):
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_ + self.PARAMETER)
'''
RESTORING = """
    @classmethod
    def restore(cls, params, learned):
        params = dict(params)
        if "shift" in params:
            params["offset"] = params.pop("shift")
        return super().restore(params, learned)
"""
DATA = {"X": [[0], [1]], "y": [1, 3]}


def write(folder: Path, parameter: str, more: str = "") -> None:
    """The model's module, as its author has it now."""
    (folder / "shifted_model.py").write_text(SHIFTED.replace("PARAMETER", parameter) + more)


def settings(folder: Path) -> dict[str, str]:
    return {
        "TRINITY_MODELS": "app.model.models,shifted_model",
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.fixture(params=MODES[:2])
def fitted(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Mode, Path]:
    """A store with a version of a model whose parameter is called `shift`, and another model's."""
    write(tmp_path, "shift")
    with trinity(request.param, tmp_path, **settings(tmp_path)) as api:
        api.call("fit", {"model": "shifted", "params": {"shift": 5}, "data": DATA})
        api.call("fit", {"model": "multivariate", "data": DATA})
        assert api.result("predict", {"model": "shifted", "data": {"X": [[7]]}})["y"] == [7]
    shutil.rmtree(tmp_path / "valkey", ignore_errors=True)
    return request.param, tmp_path


def doctor(folder: Path, **env: str) -> tuple[int, list[dict[str, Any]]]:
    """What doctor says of the versions, in sync mode."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "doctor", "--json"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TRINITY_STORE": str(folder / "store"), **settings(folder), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    checks = json.loads(done.stdout)["checks"]
    return done.returncode, [each for each in checks if each["part"] == "versions"]


def test_a_renamed_parameter_is_a_409_that_names_it(fitted: tuple[Mode, Path]) -> None:
    """Never a prediction with another value; health, doctor and the page say so, and a new fit ends it."""
    mode, folder = fitted
    write(folder, "offset")
    with trinity(mode, folder, **settings(folder)) as api:
        ready = api.http.get("/health/ready")
        assert ready.status_code == 200
        (warning,) = ready.json()["warnings"]
        assert warning.startswith("shifted, latest: version 1 of model 'shifted' was fitted with the parameter 'shift'")
        for verb in ("predict", "score"):
            refused = problem(
                api.post(verb, {"model": "shifted", "data": DATA if verb == "score" else {"X": [[7]]}}), 409
            )
            assert refused["type"] == "urn:trinity:conflict"
            assert "'shift'" in refused["detail"] and "it has offset" in refused["detail"]
        infer = {"inputs": [{"name": "X", "shape": [1, 1], "datatype": "FP64", "data": [7]}]}
        assert api.http.post("/v2/models/shifted/infer", json=infer).status_code == 409
        assert api.http.get("/v2/models/shifted/ready").status_code == 409
        assert api.http.get("/models/shifted/versions/1").json()["params"] == {"shift": 5.0}
        page = api.http.get("/?model=shifted", headers={"Accept": "text/html"}).text
        assert page.count("was fitted with the parameter &#39;shift&#39;") == 2
        assert "can’t be used" in page
        code, versions = doctor(folder)
        assert code == 1
        assert [(each["state"], "'shift'" in each["detail"]) for each in versions] == [("ok", False), ("fail", True)]
        assert "old parameters" in versions[1]["todo"]
        assert api.result("predict", {"model": "multivariate", "data": {"X": [[7]]}})["y"] == pytest.approx([15])
        fit = api.call("fit", {"model": "shifted", "params": {"offset": 5}, "data": DATA})
        assert fit["version"] == 2
        assert api.result("predict", {"model": "shifted", "data": {"X": [[7]]}})["y"] == [7]
        assert "warnings" not in api.http.get("/health/ready").json()
        problem(api.post("predict", {"model": "shifted", "version": 1, "data": {"X": [[7]]}}), 409)
    code, versions = doctor(folder)
    assert (code, [each["state"] for each in versions]) == (0, ["ok", "warn"])
    assert "version 1" in versions[1]["detail"]


def test_a_class_may_restore_its_old_versions_itself(fitted: tuple[Mode, Path]) -> None:
    """With the value that they were fitted with."""
    mode, folder = fitted
    write(folder, "offset", RESTORING)
    with trinity(mode, folder, **settings(folder)) as api:
        assert api.result("predict", {"model": "shifted", "data": {"X": [[7]]}})["y"] == [7]
        assert "warnings" not in api.http.get("/health/ready").json()
    code, versions = doctor(folder)
    assert (code, [each["state"] for each in versions]) == (0, ["ok"])
