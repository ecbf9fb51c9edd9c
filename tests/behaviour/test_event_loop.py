"""Nothing reads the store on the event loop: a slow disk holds up who needs it, and nobody else."""

import fcntl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.behaviour.test_registry import put
from tests.behaviour.test_versions import steep
from tests.support.api import MODES, Api, Json, Mode, problem
from tests.support.loop_audit import ON_LOOP
from tests.support.trinity import MODELS, trinity

TENSOR = {"inputs": [{"name": "X", "shape": [1, 1], "datatype": "FP64", "data": [1.0]}]}
AUDITED = f"{MODELS},tests.support.loop_audit"
X = {"data": {"X": [[1.0]]}}
WAIT = {"Prefer": "wait=30"}


def requests_of(model: str) -> Iterator[tuple[str, str, Json]]:
    """Every route that needs the store, of a model that may not be there."""
    here, protocol = f"/models/{model}", f"/v2/models/{model}"
    for version in ("", "/versions/1", "/versions/7", "/versions/latest", "/versions/champion", "/versions/none"):
        yield "GET", here + version, None
        yield "GET", protocol + version, None
        yield "GET", f"{protocol}{version}/ready", None
        yield "POST", f"{protocol}{version}/infer", TENSOR
    for version in (None, 1, 7, "latest", "champion", "none"):
        yield "POST", f"{here}/predict", {**X, "version": version}
        yield "POST", f"{here}/score", {**steep(1), "version": version}
    for alias in ("latest", "champion", "none"):
        yield "GET", f"{here}/aliases/{alias}", None
        yield "PUT", f"{here}/aliases/{alias}", {"version": 1}
        yield "DELETE", f"{here}/aliases/{alias}", None
    yield "GET", f"{here}/history", None
    yield "DELETE", f"{here}/versions/1", None
    yield "DELETE", f"{here}/versions/7", None
    yield "POST", f"{here}/fit", {"data": steep(1)}
    yield "POST", f"{here}/fit", {"data": steep(1), "estimator": "multivariate"}
    gate = {"alias": "champion", "on": {"X": [[1.0], [2.0]], "y": [3.0, 6.0]}}
    yield "POST", f"{here}/fit", {"data": steep(1), "estimator": "multivariate", "promote": gate}
    yield "GET", f"/?model={model}", None


@pytest.mark.parametrize("mode", MODES[:2])
def test_the_store_is_never_read_on_the_event_loop(tmp_path: Path, mode: Mode) -> None:
    """By no route: in a process that just started, after each change, for what is there and what is not."""
    with trinity(mode, tmp_path, TRINITY_MODELS=AUDITED, WEB_CONCURRENCY="1", TRINITY_PRELOAD="false") as api:
        api.result("models/houses/fit", {"data": steep(1), "estimator": "multivariate"})
        api.result("models/multivariate/fit", {"data": steep(1)})
    with trinity(mode, tmp_path, TRINITY_MODELS=AUDITED, WEB_CONCURRENCY="1", TRINITY_PRELOAD="false") as api:
        for model in ("houses", "multivariate", "nowhere", "houses"):
            for method, path, body in requests_of(model):
                headers = WAIT | ({"Accept": "text/html"} if path.startswith("/?") else {})
                answer = api.http.request(method, path, json=body, headers=headers)
                assert answer.status_code < 500, f"{method} {path} {answer.text}"
        csv = api.post("models/houses/predict", X, headers={"Accept": "text/csv", **WAIT})
        assert csv.status_code == 200
        for path in ("/models", "/estimators", "/metrics", "/health/ready", "/openapi.json", "/v2/health/ready"):
            assert api.http.get(path).status_code == 200
        assert api.http.delete("/models/houses").status_code == 200
        found = {line for line in api.servers[-1].log.read_text().splitlines() if line.startswith(ON_LOOP)}
        assert not found


@contextmanager
def held(lock: Path) -> Iterator[None]:
    """Hold a lock as another process does."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.mark.parametrize("mode", MODES[:2])
def test_a_lock_that_is_never_free_is_a_503(tmp_path: Path, mode: Mode) -> None:
    """After some seconds, with a time to retry; meanwhile all else is served, and afterwards changes work again."""
    with trinity(mode, tmp_path, WEB_CONCURRENCY="1") as api, ThreadPoolExecutor(60) as pool:
        for model in ("multivariate", "polynomial"):
            api.result(f"models/{model}/fit", {"data": steep(1)})
        with held(tmp_path / "store/models/multivariate/publish.lock"):
            waiting = [pool.submit(_changed, api, number) for number in range(60)]
            while not all(call.done() for call in waiting):
                started_s = time.monotonic()
                assert api.http.get("/ping").status_code == 200
                assert api.http.get("/models/multivariate").status_code == 200
                assert put(api, "champion", 1, model="polynomial").status_code == 200
                assert time.monotonic() - started_s < 5
                time.sleep(0.2)
        for call in waiting:
            problem(call.result(), 503)
            assert int(call.result().headers["Retry-After"]) >= 1
        assert put(api, "champion", 1).status_code == 200


def _changed(api: Api, number: int) -> httpx.Response:
    """One of the changes that wait for the lock."""
    match number % 3:
        case 0:
            return put(api, "champion", 1)
        case 1:
            return api.http.delete("/models/multivariate/aliases/champion")
        case _:
            return api.http.delete("/models/multivariate/versions/1")
