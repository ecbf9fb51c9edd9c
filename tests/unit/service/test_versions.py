"""Versions that are not in memory are loaded in threads: the event loop goes on, whichever route needs one."""

import asyncio
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app.data.records import TableRecords
from app.dispatch.dispatcher import IdempotencyKey
from app.dispatch.inline import InlineDispatcher
from app.model.own_estimators import OwnEstimator
from app.model.polynomial import PolynomialRegressor
from app.schemas.jobs import Job
from app.schemas.requests import Request, Work
from app.schemas.tables import Table
from app.serve.app import create_app
from app.service import Service
from app.settings import Mode, Settings
from app.storage.manifest import Manifest
from app.storage.model_store import Store
from tests.support.fakes import Gate, job, passed, pool, run

NATIVE = {"data": {"X": [[0.5]]}}
TENSORS = {"inputs": [{"name": "X", "shape": [1, 1], "datatype": "FP64", "data": [0.5]}]}
WAYS: list[tuple[str, Any, dict[str, str]]] = [
    ("/predict", NATIVE, {}),
    ("/models/polynomial/predict", NATIVE | {"version": 1}, {}),
    ("/predict", NATIVE, {"Prefer": "wait=1"}),
    ("/score", {"data": {"X": [[0.5]], "y": [1]}}, {}),
    ("/v2/models/polynomial/infer", TENSORS, {}),
    ("/v2/models/polynomial/versions/1/infer", TENSORS, {}),
]


class Shelf(Store):
    """A store that takes its time to load a version, and remembers in which thread it did."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.gate = Gate()
        self.threads: list[threading.Thread] = []

    def load(self, name: str, version: int) -> tuple[Manifest, dict[str, bytes]]:
        self.threads.append(threading.current_thread())
        self.gate.enter()
        return super().load(name, version)


class Accepts:
    """A dispatcher whose jobs are done when they come."""

    turns = None

    async def submit(self, work: Work, key: IdempotencyKey | None = None, *, as_array: bool = False) -> Job:
        done = job("1", work, "SUCCESS")
        done.array = np.zeros(1)
        return done

    async def job(self, job_id: str, wait_s: float, past_stop_s: float = 0) -> Job:
        raise AssertionError("nobody asks")

    async def close(self) -> None:
        """Nothing to end."""


def fitted(folder: Path) -> tuple[Shelf, Service]:
    """A store with one version, and a service that has loaded nothing."""
    store = Shelf(folder)
    limits = {"max_design_bytes": 2**20, "max_answer_bytes": 2**20, "max_loaded_bytes": 2**20}
    service = Service({"polynomial": OwnEstimator(PolynomialRegressor)}, "polynomial", store, {}, **limits)
    table = Table(np.arange(4.0).reshape(-1, 1), np.arange(4.0))
    service.run(service.check("fit", Request(data=TableRecords(table))), "job", 0.0)
    return store, service


def client_of(service: Service, mode: Mode, threads: ThreadPoolExecutor) -> httpx.AsyncClient:
    """A client of the API over a service."""
    dispatcher: Any = InlineDispatcher(service, threads, 1) if mode is Mode.SYNC else Accepts()
    app: Any = create_app(Settings(mode=mode), service, dispatcher, threads, {})
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here")


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(("path", "body", "headers"), WAYS)
def test_the_loop_goes_on_while_a_version_loaded(
    tmp_path: Path, mode: Mode, path: str, body: Any, headers: dict[str, str]
) -> None:
    """By every route; the next request finds it in memory."""
    store, service = fitted(tmp_path)

    async def requested(threads: ThreadPoolExecutor) -> None:
        async with client_of(service, mode, threads) as client:
            waiting = asyncio.create_task(client.post(path, json=body, headers=headers))
            await passed(store.gate.reached)
            assert (await client.get("/ping")).status_code == 200
            assert not waiting.done()
            store.gate.open()
            first = await waiting
            assert first.status_code in {200, 202}, first.text
            assert (await client.post(path, json=body, headers=headers)).status_code == first.status_code
        assert len(store.threads) == 1
        assert store.threads[0] is not threading.current_thread()

    with store.gate, pool() as threads:
        run(requested(threads))


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(("path", "body", "headers"), WAYS)
def test_a_store_that_is_away(tmp_path: Path, mode: Mode, path: str, body: Any, headers: dict[str, str]) -> None:
    """Is a 503 by every way: here there are folders where files should be."""
    store, service = fitted(tmp_path)
    store.gate.open()
    model = tmp_path / "models" / "polynomial"
    for file in (model / "aliases" / "latest", model / "versions" / "1" / "manifest.json"):
        file.unlink()
        file.mkdir()

    async def requested(threads: ThreadPoolExecutor) -> httpx.Response:
        async with client_of(service, mode, threads) as client:
            return await client.post(path, json=body, headers=headers)

    with pool() as threads:
        answer = run(requested(threads))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2"), answer.text


@pytest.mark.parametrize("path", ["/v2/models/polynomial", "/v2/models/polynomial/versions/1"])
def test_to_describe_a_version_is_not_to_load_it(tmp_path: Path, path: str) -> None:
    """It may be large, and take the place of others."""
    store, service = fitted(tmp_path)

    async def requested(threads: ThreadPoolExecutor) -> httpx.Response:
        async with client_of(service, Mode.SYNC, threads) as client:
            return await client.get(path)

    with pool() as threads:
        described = run(requested(threads)).json()
    assert (described["versions"], described["inputs"][0]["shape"]) == (["1"], [-1, 1])
    assert store.threads == []


def test_whether_a_version_is_in_memory_is_known_without_loading_it(tmp_path: Path) -> None:
    """What is not there is not known either: a thread has to look for it."""
    store, service = fitted(tmp_path)
    store.gate.open()
    for version in (None, "latest", 1, 7, "nope"):
        assert service.ready("polynomial", version) is None
    assert service.ready("nope", 1) is None
    assert not service.loaded("polynomial", 1)
    assert store.threads == []
    service.check("predict", Request(data=TableRecords(Table(np.zeros((1, 1))))))
    for version in (None, "latest", 1):
        assert service.ready("polynomial", version) is service.loaded("polynomial", 1)
    for version in (7, "nope"):
        assert service.ready("polynomial", version) is None
    assert service.loaded("polynomial", 1)
    assert not service.loaded("polynomial", 7)


@pytest.mark.parametrize("path", ["/fit", "/models/polynomial/fit"])
def test_a_fit_that_the_store_does_not_take(tmp_path: Path, path: str) -> None:
    """Is a 503 with Retry-After, though it is the failure of a job: here a file stands where a folder should be."""
    _, service = fitted(tmp_path)
    versions = tmp_path / "models" / "polynomial" / "versions"
    shutil.rmtree(versions)
    versions.touch()

    async def requested(threads: ThreadPoolExecutor) -> httpx.Response:
        async with client_of(service, Mode.SYNC, threads) as client:
            return await client.post(path, json={"data": {"X": [[0], [1], [2]], "y": [1, 2, 3]}})

    with pool() as threads:
        answer = run(requested(threads))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2"), answer.text
