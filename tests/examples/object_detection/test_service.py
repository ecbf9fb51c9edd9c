"""The application over HTTP: its own routes and the service's, odd files, many tasks, and a worker that is killed."""

import io
import os
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from PIL import Image

from tests.examples.object_detection.labelled import SAMPLES, zipped
from tests.examples.object_detection.service import detection
from tests.support.api import Api, problem
from tests.support.proxy import computed, nginx
from tests.support.servers import missing_rabbitmq, until
from tests.system.test_result_files import web_bytes
from tests.unit.data.test_pictures import bomb

pytestmark = pytest.mark.slow

ASTRONAUT = (SAMPLES / "astronaut.jpg").read_bytes()
TASKS = 100
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with detection(tmp_path_factory.mktemp("detection")) as running:
        yield running


def start(api: Api, content: bytes = ASTRONAUT, name: str = "astronaut.jpg", media_type: str = "image/jpeg") -> Any:
    return api.http.post("/start_task", files={"file": (name, content, media_type)})


def ended(api: Api, task_id: str) -> dict[str, Any]:
    """The task at its end."""
    found: dict[str, Any] = {}

    def has_ended() -> bool:
        answer = api.http.get(f"/task_result/{task_id}")
        assert answer.status_code == 200, answer.text
        found.update(answer.json())
        return found["status"] not in {"PENDING", "STARTED"}

    until(has_ended, "the end of the task", 60)
    return found


def test_a_task_is_accepted_and_gives_what_it_found(api: Api) -> None:
    accepted = start(api)
    assert accepted.status_code == 202
    task = accepted.json()
    assert task == {"task_id": task["task_id"], "image": "astronaut.jpg", "status": "PENDING"}
    assert accepted.headers["Location"] == f"/jobs/{task['task_id']}"
    result = ended(api, task["task_id"])
    (person,) = result.pop("result")
    assert result == {"task_id": task["task_id"], "status": "SUCCESS", "image_name": "astronaut.jpg"}
    assert person["name"] == "person"
    assert person["class"] == 0
    assert person["confidence"] == pytest.approx(0.73, abs=0.01)
    assert person["box"] == pytest.approx({"x1": 15, "y1": 14, "x2": 364, "y2": 508}, abs=2)


def test_an_unknown_task_is_not_found(api: Api) -> None:
    problem(api.http.get("/task_result/no-such-task"), 404)
    problem(api.http.get("/task_result/0190b5a0-0000-7000-8000-000000000000"), 404)


def test_a_task_waits_until_a_worker_comes(tmp_path: Path) -> None:
    with detection(tmp_path, workers=False) as waiting:
        problem(start(waiting), 404)  # nothing was fitted yet
        job = waiting.post("models/detector/fit", {}).json()
        answer = waiting.http.get(f"/task_result/{job['id']}").json()
        assert answer == {"task_id": job["id"], "status": "PENDING"}
        assert waiting.http.delete(f"/jobs/{job['id']}").status_code == 200
        answer = waiting.http.get(f"/task_result/{job['id']}").json()
        assert answer["status"] == "REVOKED"


def test_the_services_own_route_finds_the_same(api: Api) -> None:
    task = ended(api, start(api).json()["task_id"])
    headers = {"Content-Type": "image/jpeg", "Prefer": "wait=30"}
    raw = api.finished(api.http.post("/models/detector/predict", content=ASTRONAUT, headers=headers))
    assert raw["result"]["objects"] == task["result"]
    assert (raw["result"]["width"], raw["result"]["height"]) == (512, 512)
    form = {"files": {"file": ("a.jpg", ASTRONAUT)}, "headers": {"Prefer": "wait=30"}}
    strict = api.finished(api.http.post("/models/detector/predict?threshold=0.99", **form))
    assert strict["result"]["objects"] == []
    problem(api.http.post("/models/detector/predict?threshold=2", **form), 422)


def test_the_routes_are_listed_with_an_example_each(api: Api) -> None:
    listed = {(each["method"], each["path"]): each for each in api.http.get("/").json()["routes"]}
    assert "-F file=@" in listed["POST", "/start_task"]["example"].replace("--form ", "-F ")
    assert listed["GET", "/task_result/{task_id}"]["example"]
    assert ("GET", "/object_detection") in listed
    paths = api.http.get("/openapi.json").json()["paths"]
    assert {"/start_task", "/task_result/{task_id}", "/models/detector/predict"} <= paths.keys()
    form = paths["/start_task"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["file"]
    assert {"202", "413", "415", "422"} <= paths["/start_task"]["post"]["responses"].keys()
    assert "404" in paths["/task_result/{task_id}"]["get"]["responses"]


@pytest.mark.parametrize(
    ("content", "name", "media_type"),
    [
        (b"GIF89a" + bytes(100), "a.gif", "image/gif"),
        (b"%PDF-1.7\n", "a.pdf", "application/pdf"),
        (b"just text", "a.jpg", "image/jpeg"),
        (b"", "a.png", "image/png"),
    ],
)
def test_what_is_no_picture_is_refused_at_the_door(api: Api, content: bytes, name: str, media_type: str) -> None:
    assert start(api, content, name, media_type).status_code in {415, 422}


@pytest.mark.parametrize("content", [ASTRONAUT[:5_000], bomb(30_000)], ids=["truncated", "bomb"])
def test_a_damaged_or_giant_picture_fails_with_its_reason(api: Api, content: bytes) -> None:
    task = ended(api, start(api, content).json()["task_id"])
    assert task["status"] == "FAILURE"
    assert "damaged" in task["error"] or "pixels" in task["error"]
    assert "result" not in task
    problem(api.http.post("/models/detector/predict", content=content, headers={"Prefer": "wait=30"}), 422)


@pytest.mark.parametrize("mode", ["CMYK", "L", "I;16", "P", "RGBA"])
def test_every_mode_of_picture_is_taken(api: Api, mode: str) -> None:
    packed = io.BytesIO()
    with Image.open(io.BytesIO(ASTRONAUT)) as picture:
        (picture.convert("L").convert("I") if mode == "I;16" else picture).convert(mode).save(
            packed, "JPEG" if mode == "CMYK" else "PNG"
        )
    task = ended(api, start(api, packed.getvalue(), "odd").json()["task_id"])
    assert task["status"] == "SUCCESS", task


def test_a_fit_with_labels_calibrates_and_a_score_judges(api: Api) -> None:
    wait = {"Prefer": "wait=60", "Content-Type": "application/zip"}
    fitted = api.finished(api.http.post("/models/detector/fit", content=zipped(), headers=wait))
    assert fitted["status"] == "SUCCESS", fitted
    assert fitted["result"]["metrics"]["map50"] == 1.0
    assert ended(api, fitted["id"]) == {"task_id": fitted["id"], "status": "SUCCESS"}
    scored = api.finished(api.http.post("/models/detector/score", content=zipped(), headers=wait))
    assert scored["result"]["map50"] == 1.0
    assert scored["result"]["objects"] == 2


def test_100_tasks_at_once_all_come_back_though_a_worker_is_killed(api: Api) -> None:
    all_come_back(api)


@pytest.mark.skipif(bool(missing_rabbitmq()), reason=missing_rabbitmq() or "-")
def test_100_tasks_at_once_all_come_back_over_rabbitmq(tmp_path: Path) -> None:
    with detection(tmp_path, "rabbit") as over_rabbitmq:
        all_come_back(over_rabbitmq)


def test_nginx_passes_large_files_as_far_as_one_may_be_large(api: Api, tmp_path: Path) -> None:
    """And the web process grows by less than 16 MB."""
    web = str(api.http.base_url).rstrip("/").removeprefix("http://")
    limit = computed()["TRINITY_MAX_UPLOAD"]
    ended(api, start(api).json()["task_id"])
    before = web_bytes(api)
    with nginx(tmp_path, f"server {web}", TRINITY_MAX_UPLOAD=limit) as url, httpx.Client(base_url=url) as http:
        accepted = send_padded(http, ASTRONAUT, 99)
        assert accepted.status_code == 202, accepted.text
        assert ended(api, accepted.json()["task_id"])["status"] == "SUCCESS"
        other = problem(send_padded(http, b"%PDF-1.7", 99), 415)
        assert other["detail"].endswith("the model 'detector' takes image/jpeg, image/png")
        assert problem(send_padded(http, ASTRONAUT, 101), 413)["detail"] == f"the body is larger than {limit} bytes"
    assert web_bytes(api) - before < 16 * MIB


def send_padded(http: httpx.Client, content: bytes, size_mib: int) -> httpx.Response:
    """Start a task with a file that begins so."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.truncate(size_mib * MIB)
        file.seek(0)
        return http.post("/start_task", files={"file": file}, timeout=60)


def all_come_back(api: Api) -> None:
    """Submit many tasks at once, kill the processes that run some, and collect all."""
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: start(api), range(TASKS)))
    ids = [answer.json()["task_id"] for answer in answers]
    assert len(set(ids)) == TASKS
    worker = next(server for server in api.servers if server.name == "worker1")
    until(lambda: api.http.get(f"/task_result/{ids[0]}").json()["status"] == "SUCCESS", "the first", 60)
    for process in psutil.Process(worker.process.pid).children():
        os.kill(process.pid, signal.SIGKILL)
    for task_id in ids:
        task = ended(api, task_id)
        assert task["status"] == "SUCCESS", task
        assert [each["name"] for each in task["result"]] == ["person"]


def test_sync_mode_finds_the_same(tmp_path: Path) -> None:
    with detection(tmp_path, "inline") as inline:
        answer = inline.http.post("/models/detector/predict", files={"file": ("a.jpg", ASTRONAUT)})
        assert answer.status_code == 200, answer.text
        assert [each["name"] for each in answer.json()["result"]["objects"]] == ["person"]
