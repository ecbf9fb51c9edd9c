"""Hostile files: each ends in a 4xx within 10 s, no process dies, other requests are unhurt, and nothing is left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import psutil
import pytest

from tests.support.api import WAIT_S, Api
from tests.support.hostile_files import COUNT, HostileFile, hostile_files
from tests.support.model_files import skops_pipeline
from tests.support.servers import until
from tests.support.trinity import trinity

MAX_S = 10.0
GROUPS = 10


@cache
def files() -> list[HostileFile]:
    return hostile_files()


@pytest.fixture(scope="module", params=["inline", "redis"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Path]]:
    """A Trinity of its own, whose libraries are loaded by a first import."""
    folder = tmp_path_factory.mktemp(request.param)
    with trinity(request.param, folder) as api:
        api.call("fit", {"data": {"X": [[0], [1], [2], [3], [4]], "y": [1, 3, 5, 7, 9]}})
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: genuine(api), range(8)))
        yield api, folder / "store"


def genuine(api: Api) -> None:
    sample = skops_pipeline()
    answer = api.http.post("/models/genuine/versions", content=sample.content, headers={"Prefer": f"wait={WAIT_S}"})
    assert answer.status_code in {200, 202, 503}, answer.text


def processes(api: Api) -> set[int]:
    """The processes of the service: not those that it has for trying files out."""
    found = set()
    for server in api.servers:
        parent = psutil.Process(server.process.pid)
        for each in [parent, *parent.children(recursive=True)]:
            if not any("fork_server" in part for part in each.cmdline()):
                found.add(each.pid)
    return {pid for pid in found if not _is_below_fork_server(pid)}


def _is_below_fork_server(pid: int) -> bool:
    return any("fork_server" in part for parent in psutil.Process(pid).parents() for part in parent.cmdline())


def send(api: Api, file: HostileFile) -> tuple[int, str, float]:
    started_s = time.monotonic()
    answer = api.http.post(
        "/models/hostile/versions",
        files={"file": (file.filename, file.content)},
        headers={"Prefer": f"wait={WAIT_S}"},
    )
    return answer.status_code, answer.text, time.monotonic() - started_s


@pytest.mark.slow
@pytest.mark.parametrize("group", range(GROUPS))
def test_hostile_files_end_in_a_4xx_and_hurt_nobody(running: tuple[Api, Path], group: int) -> None:
    api, store = running
    before, stop = processes(api), Event()
    wrong: list[Any] = []

    def others() -> int:
        """Other requests beside them."""
        done = 0
        with httpx.Client(base_url=api.http.base_url, timeout=30) as http:
            while not stop.is_set():
                assert http.get("/ping").status_code == 200
                body = {"data": {"X": [[2.5]]}}
                assert http.post("/predict", json=body, headers={"Prefer": "wait=30"}).status_code == 200
                done += 1
                stop.wait(0.05)
        return done

    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(others)
        for file in files()[group::GROUPS]:
            status, text, took_s = send(api, file)
            accepted = status == 200 and file.harmless
            if not (accepted or 400 <= status < 500) or took_s > MAX_S:
                wrong.append((file.kind, file.filename, len(file.content), status, round(took_s, 1), text[:300]))
        stop.set()
        assert beside.result() > 0
    assert wrong == []
    assert processes(api) == before
    until(lambda: not list((store / "payloads").rglob("*.file")), "the removal of the files of ended jobs")
    if not (versions := list((store / "models").glob("hostile/versions/*"))):
        assert not (store / "models" / "hostile").exists()
    for version in versions:  # of files whose damage left them models
        assert api.http.get(f"/models/hostile/versions/{version.name}").status_code == 200


def test_there_are_as_many_as_promised() -> None:
    assert len(files()) == COUNT
    assert len({file.content for file in files()}) > COUNT - 10
