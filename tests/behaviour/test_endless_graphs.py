"""A graph that a row makes run without end is ended with words, and no other request waits for it."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.api import WAIT_S, Api, Mode, pointers, problem
from tests.support.graphs import counting_graph, repeated_text
from tests.support.trinity import trinity

TIMEOUT_S = 6  # of a prediction; a graph has half of it
ENDLESS = 1e15


@pytest.fixture(scope="module", params=("inline", "redis"))
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    mode: Mode = request.param
    limits = {"TRINITY_TIMEOUT_PREDICT": str(TIMEOUT_S), "TRINITY_IMPORT_MEMORY": str(512 * 1024**2)}
    with trinity(mode, tmp_path_factory.mktemp(mode), **limits) as api:
        for name, content in (("counting", counting_graph()), ("repeated", repeated_text())):
            answer = api.http.post(f"/models/{name}/versions", content=content, headers={"Prefer": f"wait={WAIT_S}"})
            assert api.finished(answer)["status"] == "SUCCESS"
        yield api


def predict(api: Api, model: str, row: list[float | str]) -> httpx.Response:
    return api.post(f"models/{model}/predict", {"data": {"X": [row]}}, headers={"Prefer": f"wait={WAIT_S}"})


def test_it_is_ended_and_others_are_unhurt(running: Api) -> None:
    running.result("fit", {"model": "multivariate", "data": {"X": [[0.0], [1.0], [2.0]], "y": [0.0, 2.0, 4.0]}})
    with ThreadPoolExecutor(2) as pool:
        endless = [pool.submit(predict, running, "counting", [ENDLESS, 0.0]) for _ in range(1 if running.queued else 2)]
        time.sleep(0.5)  # for them to come; what follows holds before, too
        started = time.monotonic()
        assert running.http.get("/ping").json() == {"ping": "pong"}
        found = running.result("predict", {"model": "multivariate", "data": {"X": [[5.0]]}})
        assert found["y"] == pytest.approx([10.0])
        assert time.monotonic() - started < TIMEOUT_S / 2 - 1, "others waited for it"
        words = problem(endless[0].result(), 422)["detail"]
    assert "cannot be run: it took too long" in words
    assert predict(running, "counting", [3.0, 0.0]).json()["result"]["y"] == [3.0]


@pytest.mark.parametrize(("characters", "times"), [(1_000, 2e7), (100_000, 2e5)], ids=["many", "long"])
def test_texts_that_a_row_multiplies_are_refused(running: Api, characters: int, times: float) -> None:
    """Where they, or their characters, take more memory than a process of their own may."""
    assert predict(running, "repeated", ["abc", 5.0]).json()["result"]["y"] == [5.0]
    refused = problem(predict(running, "repeated", ["x" * characters, times]), 422)
    assert (pointers(refused), "cannot be run: it needed more than" in refused["detail"]) == (["/data"], True)
    assert predict(running, "repeated", ["abc", 7.0]).json()["result"]["y"] == [7.0]
