"""A hundred tasks at once on each example over either broker: a process and a whole worker killed, and none is lost.

The recommender and the documents over Redis are in their own modules, with examples that run there already.
"""

from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.examples.harness import Collect, Submit, collect_all, example, submit_all
from tests.examples.object_detection.labelled import SAMPLES
from tests.support.servers import missing_rabbitmq

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ASTRONAUT = (SAMPLES / "astronaut.jpg").read_bytes()


class Tasks(NamedTuple):
    """How tasks of an example are submitted and collected."""

    submit: Submit
    collect: Collect[Any]


def start_ranking(http: httpx.Client, number: int) -> str:
    return str(http.post("/inference/start", json={"user": 1 + number}).raise_for_status().json()["task_id"])


def ten_places(http: httpx.Client, task: str) -> bool | None:
    places = http.get(f"/inference/results/{task}").raise_for_status().json()["places"]
    return [place["position"] for place in places] == list(range(10)) if places else None


def start_detection(http: httpx.Client, _number: int) -> str:
    files = {"file": ("astronaut.jpg", ASTRONAUT, "image/jpeg")}
    return str(http.post("/start_task", files=files).raise_for_status().json()["task_id"])


def a_person(http: httpx.Client, task: str) -> bool | None:
    found = http.get(f"/task_result/{task}").raise_for_status().json()
    assert found["status"] in {"PENDING", "STARTED", "SUCCESS"}, found
    return [each["name"] for each in found["result"]] == ["person"] if "result" in found else None


def upload(http: httpx.Client, number: int) -> str:
    files = {"document": (f"{number}.txt", f"The roof of house {number} has solar panels.\n\n".encode() * 20)}
    return str(http.post("/upload", files=files).raise_for_status().json()["task_id"])


def a_document(http: httpx.Client, task: str) -> bool | None:
    state = http.get(f"/elab_status/{task}").raise_for_status().json()
    assert state["status"] in {"PENDING", "STARTED", "SUCCESS"}, state
    if state["status"] != "SUCCESS":
        return None
    return "solar panels" in http.get(f"/elab_result/{task}").raise_for_status().text


EXAMPLES = {
    "place_recommender": Tasks(start_ranking, ten_places),
    "object_detection": Tasks(start_detection, a_person),
    "document_processing": Tasks(upload, a_document),
}


@pytest.mark.parametrize(("name", "broker"), [("object_detection", "redis"), *((name, "rabbit") for name in EXAMPLES)])
def test_a_hundred_tasks_outlive_a_killed_process_and_a_killed_worker(name: str, broker: str, tmp_path: Path) -> None:
    if broker == "rabbit" and (missing := missing_rabbitmq()):
        pytest.skip(missing)
    settings = {"BROKER": broker} if broker == "rabbit" else {}
    with example(name, tmp_path, **settings) as running:
        ids = submit_all(running, EXAMPLES[name].submit)
        assert collect_all(running, ids, EXAMPLES[name].collect, kill_after=20) == [True] * len(ids)
