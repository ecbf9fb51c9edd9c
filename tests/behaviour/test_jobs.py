"""Jobs: reading, waiting, failures, unknown ids, and a hundred at once."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.support.api import KEYS, WAIT_S, Api, Json, check_problem, gate, only_inline, only_queued, problem

ZERO = {"X": [[0.0]], "y": [0.0]}
FAILING = [
    pytest.param("raising", "predict", {"X": [[1.0]]}, id="the model's predict raises"),
    pytest.param("raising", "fit", {"X": [[0.0]] * 13, "y": [0.0] * 13}, id="the model's fit raises"),
    pytest.param("raising", "score", {"X": [[1.0]], "y": [1.0]}, id="the model raises in score"),
    pytest.param("picky", "predict", {"X": [[1.0]]}, id="the model refuses the data"),
    pytest.param("polynomial", "predict", {"X": [[1e300], [2.0]]}, id="a prediction overflows"),
]


def fitted(api: Api, model: str) -> None:
    """Fit a curve, or zeros for models that accept nothing else."""
    curve = {"X": [[1.0], [2.0], [3.0], [4.0]], "y": [1.0, 2.0, 3.0, 40.0]}
    api.result("fit", {"model": model, "data": curve if model == "polynomial" else ZERO})


@only_queued
def test_a_job_can_be_read_at_once(api: Api, tmp_path: Path) -> None:
    """A job can be read while it runs, and waiting for it returns the finished envelope."""
    with gate(tmp_path) as closed:
        answer = api.post("fit", closed.body())
        location = answer.headers["Location"]
        closed.wait_for_fit()
        running = api.http.get(location).json()
        assert set(running) >= KEYS and set(running) - KEYS <= {"progress", "step"}  # as far as its model has said
        assert (running["status"], running["result"], running["finished"]) == ("STARTED", None, None)
        assert running["started"] is not None
        assert api.http.get(location, params={"wait": 0}).json()["status"] == "STARTED"
        early = api.http.get(f"{location}/result")
        assert (early.status_code, early.json()["status"]) == (202, "STARTED")
        assert int(early.headers["Retry-After"]) >= 0
        closed.open()
        assert api.http.get(location, params={"wait": WAIT_S}).json()["status"] == "SUCCESS"


@only_queued
def test_a_short_wait_ends(api: Api, tmp_path: Path) -> None:
    """A wait that is too short ends with a 202 for the call and the unfinished envelope for the job."""
    with gate(tmp_path) as closed:
        answer = api.post("fit", closed.body(), headers={"Prefer": "wait=1"})
        assert answer.status_code == 202
        assert "wait=1" in answer.headers["Preference-Applied"]
        closed.wait_for_fit()
        waited = api.http.get(answer.headers["Location"], params={"wait": 1})
        assert (waited.status_code, waited.json()["status"]) == (200, "STARTED")
        closed.open()
        assert api.finished(answer)["status"] == "SUCCESS"


@only_queued
def test_predictions_pass_a_running_fit(api: Api, tmp_path: Path) -> None:
    """A prediction is answered while a fit runs."""
    version = api.result("fit")["version"]
    with gate(tmp_path) as closed:
        slow = api.post("fit", closed.body())
        closed.wait_for_fit()
        assert api.call("predict", {"version": version})["status"] == "SUCCESS"
        closed.open()
        api.finished(slow)


@only_queued
def test_result_alone(api: Api) -> None:
    """GET /jobs/{id}/result returns only the result."""
    job = api.call("fit")
    answer = api.http.get(f"/jobs/{job['id']}/result")
    assert answer.status_code == 200
    assert answer.json() == job["result"]


@only_queued
@pytest.mark.parametrize("suffix", ["", "/result"])
@pytest.mark.parametrize("unknown", ["0" * 32, "nope", "x" * 5000, "%00", "*", "..%2f..", "a:b", "ü"])
def test_unknown_job(api: Api, unknown: str, suffix: str) -> None:
    """An unknown job is a 404, at once and always."""
    problem(api.http.get(f"/jobs/{unknown}{suffix}", params={"wait": 0}), 404)


@only_queued
def test_waiting_for_an_unknown_job(api: Api) -> None:
    """A wait for an unknown job ends at once."""
    problem(api.http.get("/jobs/never", params={"wait": 60}, timeout=5), 404)


@only_queued
@pytest.mark.parametrize("wait", ["", "abc", "-1", "1.5.2", "nan", "inf", "٣"])
def test_unreadable_wait(api: Api, wait: str) -> None:
    """A ?wait= that is not a number of seconds is refused with a pointer to it."""
    location = api.post("predict", {"data": {"source": "dummy"}}).headers["Location"]
    document = api.http.get(location, params={"wait": wait})
    check_problem(document.json(), document.status_code)
    assert document.status_code in (400, 422)


@only_inline
@pytest.mark.parametrize("path", ["/jobs/0123", "/jobs/0123/result"])
def test_sync_has_no_queue(api: Api, path: str) -> None:
    """Sync mode says that it has no queue."""
    assert "no queue" in problem(api.http.get(path), 404)["detail"]


@only_queued
@pytest.mark.parametrize(("model", "verb", "data"), FAILING)
def test_a_failing_job(api: Api, model: str, verb: str, data: Json) -> None:
    """A failed job has the state FAILURE and a problem document; its result is that document with its status."""
    fitted(api, model)
    accepted = api.post(verb, {"model": model, "data": data}, headers={"Prefer": "respond-async"})
    assert accepted.status_code == 202
    job = api.finished(accepted)
    assert (job["status"], job["result"]) == ("FAILURE", None)
    assert job["finished"] is not None
    check_problem(job["error"], job["error"]["status"])
    assert problem(api.http.get(f"/jobs/{job['id']}/result"), job["error"]["status"]) == job["error"]


@pytest.mark.parametrize(("model", "verb", "data"), FAILING)
def test_failures_are_alike(api: Api, golden: Api, model: str, verb: str, data: Json) -> None:
    """A failed call that is waited for returns the same problem document in every mode."""
    answers = []
    for trinity in (api, golden):
        fitted(trinity, model)
        answers.append(trinity.post(verb, {"model": model, "data": data}, headers={"Prefer": f"wait={WAIT_S}"}))
    here, there = answers
    check_problem(here.json(), here.status_code)
    assert (here.status_code, here.json()) == (there.status_code, there.json())


@pytest.mark.parametrize(("model", "status"), [("raising", 500), ("picky", 422), ("polynomial", 422)])
def test_a_bad_value_is_a_422_and_a_bug_a_500(api: Api, model: str, status: int) -> None:
    """Data that a model cannot use are a 422; only a bug in a user's model is a 500, and the message says so."""
    fitted(api, model)
    verb, data = "predict", {"X": [[1e300], [2.0]]}
    document = problem(api.post(verb, {"model": model, "data": data}, headers={"Prefer": f"wait={WAIT_S}"}), status)
    assert model in document["detail"] or status == 422


async def _all_at_once(api: Api, bodies: list[Json]) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=len(bodies))
    async with httpx.AsyncClient(base_url=api.http.base_url, timeout=WAIT_S + 10, limits=limits) as client:
        return await asyncio.gather(*(client.post("/predict", json=body) for body in bodies))


def test_a_hundred_at_once(api: Api, golden: Api) -> None:
    """A hundred predictions submitted at once each get their own result, the same as alone."""
    fit = {"model": "multivariate", "data": {"X": [[0.1], [1.3], [2.2], [3.7]], "y": [1.2, 3.4, 5.9, 7.1]}}
    bodies = []
    for trinity in (api, golden):
        version = trinity.result("fit", fit)["version"]
        bodies.append([_one_row(version, row) for row in range(100)])
    envelopes = [api.finished(answer) for answer in asyncio.run(_all_at_once(api, bodies[0]))]
    assert {envelope["status"] for envelope in envelopes} == {"SUCCESS"}
    assert len({envelope["id"] for envelope in envelopes}) == 100
    assert [envelope["result"] for envelope in envelopes] == [golden.result("predict", body) for body in bodies[1]]


def _one_row(version: int, row: int) -> Json:
    return {"model": "multivariate", "version": version, "data": {"X": [[row / 7]]}}


@only_queued
def test_a_hundred_with_one_bad(api: Api) -> None:
    """One failing prediction among many fails alone."""
    version = api.result("fit", {"model": "picky", "data": ZERO})["version"]
    rows = [[[1.0 if row == 42 else 0.0]] for row in range(100)]
    bodies = [{"model": "picky", "version": version, "data": {"X": row}} for row in rows]
    states = [api.finished(answer)["status"] for answer in asyncio.run(_all_at_once(api, bodies))]
    assert [place for place, state in enumerate(states) if state == "FAILURE"] == [42]
    assert states.count("SUCCESS") == 99
