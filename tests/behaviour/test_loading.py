"""Versions are loaded ahead of requests where that can be, and a load holds up nothing but what needs it."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import restoring_models
from tests.support.api import MODES, Api, Mode
from tests.support.servers import until
from tests.support.trinity import trinity

SETTINGS = {"TRINITY_MODELS": f"app.model.models,{restoring_models.__name__}", "WEB_CONCURRENCY": "1"}
DATA = {"data": {"X": [[1], [2], [3]], "y": [1, 2, 3]}}
CSV = {"Content-Type": "text/csv"}
ROUNDS = 20
BOUND_S = 2.0
"""For a prediction of another model meanwhile; alone it takes milliseconds, and this is a machine for many tests."""


def fit(mode: Mode, folder: Path) -> None:
    with trinity(mode, folder, **SETTINGS) as api:
        for _ in range(2):
            api.result("models/slow/fit", DATA)
        api.result("models/harmless/fit", DATA)


def ask_slowly(api: Api, version: int, way: str) -> int:
    """Predict with a version that has to be loaded."""
    if way == "json":
        return api.post("models/slow/predict", {"version": version, "data": {"X": [[1]]}}).status_code
    if way == "csv":
        query = {"version": version}
        return api.http.post("/models/slow/predict", params=query, content="x\n1\n", headers=CSV).status_code
    tensor = {"name": "X", "shape": [1, 1], "datatype": "FP64", "data": [1]}
    return api.post(f"v2/models/slow/versions/{version}/infer", {"inputs": [tensor]}).status_code


@pytest.mark.parametrize("mode", MODES[:2])
def test_loads_of_one_model_do_not_hold_up_another(mode: Mode, tmp_path: Path) -> None:
    """However many wait for them, and whatever way they came, with two threads for all work of the process."""
    fit(mode, tmp_path / "before")
    go_on = tmp_path / "go on"
    env = {
        "TRINITY_STORE": str(tmp_path / "before/store"),
        "TRINITY_PRELOAD": "false",
        "TRINITY_THREADS": "2",
        "SLOW_UNTIL": str(go_on),
    }
    with trinity(mode, tmp_path / "after", **SETTINGS, **env) as api, ThreadPoolExecutor(12) as pool:
        quick = {"data": {"X": [[1]]}}
        api.result("models/harmless/predict", quick)
        ways = [(version, way) for version in (1, 2) for way in ("json", "csv", "v2") for _ in range(2)]
        waiting = [pool.submit(ask_slowly, api, *each) for each in ways]
        try:
            for _ in range(ROUNDS):
                asked_s = time.monotonic()
                for content in ({"json": quick}, {"content": "x\n1\n", "headers": CSV}):
                    answer = api.http.post("/models/harmless/predict", **content)
                    assert answer.status_code in {200, 202}
                assert time.monotonic() - asked_s < BOUND_S
            assert not any(each.done() for each in waiting)
        finally:
            go_on.touch()
        assert {each.result() for each in waiting} <= {200, 202}


def test_workers_load_versions_before_the_first_job(tmp_path: Path) -> None:
    """Each process of a worker does, champion and latest, and nobody asked for them."""
    fit("redis", tmp_path / "before")
    notes = tmp_path / "notes"
    env = {"TRINITY_STORE": str(tmp_path / "before/store"), "SLOW_NOTES": str(notes)}
    with trinity("redis", tmp_path / "after", **SETTINGS, **env) as api:
        parents = {server.process.pid for server in api.servers if server.name == "worker1"}
        assert parents
        until(lambda: notes.exists() and bool(parents & {parent(pid) for pid in noted(notes)}), "a load in the worker")


def noted(notes: Path) -> set[int]:
    return {int(line) for line in notes.read_text(encoding="utf-8").split()}


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])
    except OSError:
        return 0
