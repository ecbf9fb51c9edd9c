"""Jobs in the client: waiting with progress, cancelling, running again, and the errors of sync mode."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app import client as trinity
from app.client import Client
from app.client.encoding import encode_request
from tests.support.api import Api, gate, only_inline, only_queued
from tests.support.servers import until


@pytest.fixture
def client(api: Api) -> Iterator[Client]:
    with Client(str(api.http.base_url)) as client:
        yield client


@only_queued
def test_a_job_is_watched_to_its_end(client: Client, tmp_path: Path) -> None:
    """The callback sees each state; the result is that of the fit."""
    seen: list[str] = []
    with gate(tmp_path) as pipe:
        job = client.submit("fit", encode_request(**pipe.body()), wait=False)
        pipe.wait_for_fit()

        def watch(job: trinity.JobHandle) -> None:
            seen.append(job.status)
            if job.status == "STARTED":
                pipe.open()

        job.wait(progress=watch)
    assert seen[-1] == "SUCCESS" and "STARTED" in seen
    assert job.result()["version"] == job.version
    assert client.job(job.id).finished


@only_queued
def test_a_job_says_what_it_does(api: Api, client: Client, tmp_path: Path) -> None:
    """While it runs, in the job and in its events; a job that has ended does nothing."""
    with gate(tmp_path) as pipe:
        job = client.submit("fit", encode_request(**pipe.body()), wait=False)
        pipe.wait_for_fit()
        until(lambda: job.refresh().step == "at the gate", "the step")
        assert job.progress == 0.4
        pipe.open()
    assert job.wait().step == ""
    assert '"progress":0.4,"step":"at the gate"' in api.http.get(f"/jobs/{job.id}/events").text


LINE = {"X": [[0.0], [1.0], [2.0]], "y": [1.0, 3.0, 5.0]}


@pytest.mark.parametrize(
    ("data", "terms"),
    [
        (LINE, ["1", "x"]),
        ({"data": LINE}, ["1", "x"]),
        (LINE | {"columns": ["width"]}, ["1", "width"]),
        ({name: np.array(values) for name, values in LINE.items()}, ["1", "x"]),
        ({"X": pd.DataFrame(LINE["X"], columns=["width"]), "y": LINE["y"]}, ["1", "width"]),
        ({"X": [{"width": x} for (x,) in LINE["X"]], "y": LINE["y"]}, ["1", "width"]),  # type: ignore[misc]
        ({"X": [{"width": x} for (x,) in LINE["X"]], "y": np.array(LINE["y"])}, ["1", "width"]),  # type: ignore[misc]
        ({"X": np.array(LINE["X"]), "y": LINE["y"], "columns": pd.Index(["width"])}, ["1", "width"]),
    ],
)
def test_data_are_like_those_of_a_request(client: Client, data: dict[str, Any], terms: list[str]) -> None:
    """Lists, arrays or data frames, and the other members of a request by name."""
    job = client.submit("fit", data, "polynomial", params={"degree": 1})
    assert job.result()["terms"] == terms
    np.testing.assert_allclose(job.result()["coefficients"], [1, 2], atol=1e-9)
    rows = {"X": np.array([[4.0]])}
    assert client.submit("predict", rows, "polynomial", version=job.version).result()["y"] == pytest.approx([9])


def test_a_source_is_data_too(client: Client) -> None:
    """With its parameters."""
    job = client.submit("fit", {"source": "dummy", "params": {"number": 20}}, "polynomial")
    assert job.result()["metrics"]["n"] == 20


@pytest.mark.parametrize("data", [[[1.0]], "data.csv", np.ones((2, 2))])
def test_other_data_are_a_clear_error(client: Client, data: Any) -> None:
    """The message says what data may be."""
    with pytest.raises(TypeError, match=r'data is a dict {"X", "y", "columns"} or {"source", "params"}'):
        client.submit("fit", data)


@only_queued
def test_a_job_is_cancelled_and_runs_again(client: Client, tmp_path: Path) -> None:
    """The result of a cancelled job is an error with its id; a successful job cannot be cancelled or retried."""
    with gate(tmp_path) as pipe:
        job = client.submit("fit", encode_request(**pipe.body()), wait=False)
        pipe.wait_for_fit()
        with pytest.raises(trinity.DeadlineExceeded) as late:
            job.result(timeout_s=0.2)
        assert late.value.job_id == job.id
        assert job.cancel().status == "REVOKED"
        with pytest.raises(trinity.Cancelled) as cancelled:
            job.result()
        assert (cancelled.value.status, cancelled.value.job_id) == (410, job.id)
        pipe.nobody_waits()
    assert job.retry().status == "PENDING"
    job.cancel()
    done = client.submit("fit")
    with pytest.raises(trinity.Conflict, match="finished"):
        done.cancel()
    with pytest.raises(trinity.Conflict):
        done.retry()


@only_queued
def test_jobs_are_listed(client: Client) -> None:
    """The newest is first; a result that the list does not have is fetched."""
    mine = [client.submit("fit", model="listed").id for _ in range(3)]
    listed = list(client.jobs(verb="fit", model="listed"))[:3]
    assert [job.id for job in listed] == mine[::-1]
    assert listed[0].result()["metrics"]["n"] == 50


@only_queued
def test_a_failed_job_names_itself(client: Client) -> None:
    """The error has the id of the job."""
    body = encode_request(data={"X": [[0.0]] * 13, "y": [0.0] * 13})
    with pytest.raises(trinity.ModelFailed) as failed:
        client.submit("fit", body, "raising")
    assert failed.value.job_id
    assert client.job(failed.value.job_id).status == "FAILURE"


@only_inline
def test_sync_mode_has_results_and_no_jobs(client: Client) -> None:
    """A submission returns a finished job."""
    job = client.submit("fit")
    assert job.finished and job.wait() is job and job.refresh() is job
    assert job.result()["version"] == job.version
    with pytest.raises(trinity.Conflict):
        job.cancel()
    with pytest.raises(trinity.Conflict):
        job.retry()
    with pytest.raises(trinity.NotFound, match="sync mode"):
        next(client.jobs())


def test_health(client: Client, api: Api) -> None:
    """Each part by its name."""
    parts = {"store", "ledger", "broker"} if api.queued else {"store"}
    assert client.health() == {"status": "ready", "parts": dict.fromkeys(parts, "ok")}


def test_scores(client: Client) -> None:
    """Fit and score without an estimator."""
    found = client.fit([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0], "polynomial", params={"degree": 1})
    score = client.score([[1.0], [2.0]], [1.0, 2.0], "polynomial", found["version"])
    assert score["n"] == 2 and score["r2"] == pytest.approx(1)
