"""Control of jobs: lists, cancellation of waiting and running jobs, retries, events, expiry."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.api import MODES, WAIT_S, Api, Json, Mode, gate, only_inline, only_queued, problem
from tests.support.servers import missing_rabbitmq, until
from tests.support.trinity import trinity

SOON_S = 2.0


def state(api: Api, location: str) -> str:
    """The state of a job."""
    return str(api.http.get(location).json()["status"])


def until_state(api: Api, location: str, wanted: str, deadline_s: float = WAIT_S) -> None:
    """Wait until a job has this state."""
    until(lambda: state(api, location) == wanted, f"{location} to be {wanted}", deadline_s)


def events(api: Api, location: str, after: int | None = None) -> list[tuple[int, str, Json]]:
    """All events of a job to the end of the stream: number, kind, data."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    answer = api.http.get(f"{location}/events", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    found = []
    for block in answer.text.replace("\r\n", "\n").strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


CURSORS = ["x", f"1795285053.5 {32 * '0'}", f"1795285053.5_{31 * '0'}", f"+inf_{32 * '0'}"]


@only_queued
def test_jobs_are_listed(api: Api) -> None:
    """The newest first, without results, page by page."""
    ids = [api.call("fit", {"model": "listed"})["id"] for _ in range(3)]
    query = {"model": "listed", "verb": "fit", "status": "SUCCESS"}
    first = api.http.get("/jobs", params={**query, "limit": 2}).json()
    assert [job["id"] for job in first["jobs"]] == [ids[2], ids[1]]
    assert {job["result"] for job in first["jobs"]} == {None}
    assert quote(first["next"], safe="") == first["next"]  # it may stand in a URL as it is
    rest = api.http.get("/jobs", params={**query, "limit": 2, "cursor": first["next"]}).json()
    assert ids[0] in [job["id"] for job in rest["jobs"]]
    assert not {ids[1], ids[2]} & {job["id"] for job in rest["jobs"]}


@only_queued
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "DONE"),
        ("verb", "guess"),
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "x"),
        *(("cursor", text) for text in CURSORS),
    ],
)
def test_unreadable_list(api: Api, name: str, value: str) -> None:
    """A filter that is not valid is refused with a pointer to it."""
    document = problem(api.http.get("/jobs", params={name: value}), 422)
    assert document["errors"][0]["pointer"] == f"/{name}"


@only_queued
def test_a_running_job_is_cancelled(api: Api, tmp_path: Path) -> None:
    """At once; its process ends within two seconds, another does the next job, and no version appears."""
    before = api.http.get("/models/gated").json()["versions"]
    with gate(tmp_path) as closed:
        location = api.post("fit", closed.body()).headers["Location"]
        closed.wait_for_fit()
        cancelled = api.http.delete(location)
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "REVOKED")
        until(closed.nobody_waits, "the fit to be ended", SOON_S)
    assert problem(api.http.get(f"{location}/result"), 410)["type"] == "urn:trinity:cancelled"
    assert api.http.get("/models/gated").json()["versions"] == before
    assert api.call("fit")["status"] == "SUCCESS"
    again = api.http.delete(location)  # by somebody who didn't get the first answer
    assert (again.status_code, again.json()) == (200, cancelled.json())


@only_queued
def test_a_waiting_job_has_a_position_and_is_cancelled(api: Api, tmp_path: Path) -> None:
    """Behind fits in all processes it is at position 1, others follow; after the cancellation it never runs."""
    with ExitStack() as stack:
        running = []
        for number in range(2):
            folder = tmp_path / str(number)
            folder.mkdir()
            closed = stack.enter_context(gate(folder))
            running.append((api.post("fit", closed.body()).headers["Location"], closed))
            closed.wait_for_fit()
        waiting, behind = (api.post("fit").headers["Location"] for _ in range(2))
        assert [api.http.get(one).json()["position"] for one in (waiting, behind)] == [1, 2]
        assert api.http.delete(waiting).json()["status"] == "REVOKED"
        assert api.http.get(behind).json()["position"] == 1
        for location, closed in running:
            closed.open()
            assert api.http.get(location, params={"wait": WAIT_S}).json()["status"] == "SUCCESS"
        assert "position" not in api.http.get(behind, params={"wait": WAIT_S}).json()
        assert state(api, waiting) == "REVOKED"


@only_queued
def test_a_cancelled_job_runs_again(api: Api, tmp_path: Path) -> None:
    """As the same job, to its end; a successful job does not run again."""
    with gate(tmp_path) as closed:
        location = api.post("fit", closed.body()).headers["Location"]
        closed.wait_for_fit()
        api.http.delete(location)
        until(closed.nobody_waits, "the fit to be ended", SOON_S)
        again = api.http.post(f"{location}/retry")
        assert (again.status_code, again.headers["Location"]) == (202, location)
        closed.wait_for_fit()
        twice = api.http.post(f"{location}/retry")  # by somebody who didn't get the first answer
        assert (twice.status_code, twice.headers["Location"], twice.json()["status"]) == (202, location, "STARTED")
        closed.open()
        until_state(api, location, "SUCCESS")
    for method, tail in (("POST", "/retry"), ("DELETE", "")):
        problem(api.http.request(method, location + tail), 409)


@only_queued
def test_a_failed_job_runs_again(api: Api) -> None:
    """And fails again, if nothing else has changed."""
    api.result("fit", {"model": "picky", "data": {"X": [[0.0]], "y": [0.0]}})
    failed = api.call("predict", {"model": "picky", "data": {"X": [[1.0]]}}, headers={"Prefer": "respond-async"})
    assert failed["status"] == "FAILURE"
    problem(api.http.delete(f"/jobs/{failed['id']}"), 409)
    again = api.http.post(f"/jobs/{failed['id']}/retry")
    assert again.json()["error"] is None
    assert api.finished(again)["error"] == failed["error"]


@only_queued
def test_events_report_each_change(api: Api, tmp_path: Path) -> None:
    """From acceptance to the end, numbered; a client that reconnects gets what follows its last event."""
    with gate(tmp_path) as closed:
        location = api.post("fit", closed.body()).headers["Location"]
        closed.wait_for_fit()
        with api.http.stream("GET", f"{location}/events") as stream:
            lines = stream.iter_lines()
            assert next(line for line in lines if '"STARTED"' in line)
            closed.open()
            assert next(line for line in lines if '"SUCCESS"' in line)
    changes = [one for one in events(api, location) if one[1] == "state"]
    assert [data["status"] for _, _, data in changes] == ["PENDING", "STARTED", "SUCCESS"]
    assert {data["id"] for _, _, data in changes} == {location.removeprefix("/jobs/")}
    assert events(api, location, after=changes[1][0])[-1:] == changes[2:]
    assert events(api, location, after=changes[2][0]) == []


@only_queued
def test_the_feed_reports_all_jobs(api: Api, tmp_path: Path) -> None:
    """The newest first, at the start and at each change; each envelope without the result."""
    with gate(tmp_path) as closed, api.http.stream("GET", "/jobs/events") as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        lines = (json.loads(line[6:])["jobs"] for line in stream.iter_lines() if line.startswith("data: "))
        before = next(lines)
        assert len(before) <= 20
        job_id = api.post("fit", closed.body()).json()["id"]
        seen = next(jobs[0] for jobs in lines if jobs and jobs[0]["id"] == job_id)
        assert (seen["verb"], seen["model"], seen["result"]) == ("fit", "gated", None)
        closed.wait_for_fit()
        closed.open()
        assert next(jobs for jobs in lines if jobs[0]["id"] == job_id and jobs[0]["status"] == "SUCCESS")


@only_queued
@pytest.mark.parametrize(("method", "tail"), [("DELETE", ""), ("POST", "/retry"), ("GET", "/events")])
def test_no_such_job(api: Api, method: str, tail: str) -> None:
    """An unknown job cannot be cancelled, run again or watched."""
    problem(api.http.request(method, f"/jobs/{'0' * 32}{tail}"), 404)


@only_inline
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jobs"),
        ("GET", "/jobs/events"),
        ("DELETE", "/jobs/1"),
        ("POST", "/jobs/1/retry"),
        ("GET", "/jobs/1/events"),
    ],
)
def test_sync_has_nothing_to_control(api: Api, method: str, path: str) -> None:
    """Sync mode says that it has no queue."""
    assert "no queue" in problem(api.http.request(method, path), 404)["detail"]


@pytest.fixture(scope="module", params=MODES[1:])
def short_lived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A Trinity with short timeouts of fits and short-lived results."""
    mode: Mode = request.param
    if mode == "rabbit" and (missing := missing_rabbitmq()):
        pytest.skip(missing)
    hurry = {"TRINITY_RESULT_TTL": "1", "TRINITY_TIMEOUT_FIT": "1"}
    with trinity(mode, tmp_path_factory.mktemp("short_lived"), **hurry) as running:
        yield running


def test_an_expired_job_is_gone(short_lived: Api) -> None:
    """410 and not 404: it existed and has expired."""
    location = f"/jobs/{short_lived.call('fit')['id']}"
    until(lambda: short_lived.http.get(location).status_code != 200, "the job to expire")
    for method, tail in (("GET", ""), ("GET", "/result"), ("GET", "/events"), ("DELETE", ""), ("POST", "/retry")):
        assert problem(short_lived.http.request(method, location + tail), 410)["type"] == "urn:trinity:gone"


def test_a_fit_that_takes_too_long_fails(short_lived: Api, tmp_path: Path) -> None:
    """With `timeout`, and its process ends; the next fit succeeds."""
    with gate(tmp_path) as closed:
        answer = short_lived.post("fit", closed.body(), headers={"Prefer": f"wait={WAIT_S}"})
        assert problem(answer, 504)["type"] == "urn:trinity:timeout"
        until(closed.nobody_waits, "the fit to be ended", SOON_S)
    assert short_lived.call("fit")["status"] == "SUCCESS"
