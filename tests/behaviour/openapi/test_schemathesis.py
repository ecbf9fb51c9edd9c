"""Schemathesis sends valid and invalid requests made from /openapi.json, with all its checks, in both modes."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.behaviour.openapi.fixed_champion import FIXED_MODEL
from tests.support.api import Api, Json, Mode
from tests.support.servers import BIN, ROOT
from tests.support.trinity import trinity

PHASES = ("examples", "coverage", "fuzzing", "stateful")
HERE = Path(__file__).parent
CASES = 1_500  # at least, in each mode
SMALL = {  # valid requests must end soon
    "TRINITY_MODELS": "app.model.models",
    "TRINITY_MAX_DESIGN": str(2**20),
    "TRINITY_MAX_WAIT": "1",
}


@pytest.fixture(params=["inline", "redis"])
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    """A Trinity of its own, which schemathesis may fill with anything.

    The document has paths of the version that serves when it is read. It stays the champion: see fixed_champion.py.
    """
    mode: Mode = request.param
    with trinity(mode, tmp_path, **SMALL) as running:
        running.result(f"models/{FIXED_MODEL}/fit")
        running.http.put(f"/models/{FIXED_MODEL}/aliases/champion", json={"version": 1}).raise_for_status()
        yield running


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_nothing_is_found(own: Api, tmp_path: Path) -> None:
    """Every answer to thousands of cases, valid or not, is one that the document describes."""
    report = tmp_path / "report.json"
    command = [BIN / "st", "--config-file", HERE / "schemathesis.toml", "run", f"{own.http.base_url}/openapi.json"]
    options = ["--report", "json", "--report-json-path", report, "--no-color", "--continue-on-failure"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [*command, *options], cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=390
    )
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr[-2_000:] + own.log()
    found: Json = json.loads(report.read_text(encoding="utf-8"))
    assert found["complete"] and not found["failures"] and not found["errors"]
    assert {phase: how["status"] for phase, how in found["phases"].items()} == dict.fromkeys(PHASES, "success")
    assert found["test_cases"]["generated"] >= CASES
    assert own.http.get(f"/models/{FIXED_MODEL}/aliases/champion").json()["version"] == 1  # what the document is of
