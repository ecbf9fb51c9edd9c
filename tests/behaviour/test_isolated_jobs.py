"""Jobs whose calls have processes of their own: these end with their job, and leave nothing that stays."""

import io
import os
import signal
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.storage.payload_store import Payloads
from tests.support.api import Api
from tests.support.servers import until
from tests.support.trinity import trinity

HOUR_S = 3600.0


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A queue with one worker and a fitted model, whose temporary files have a folder of their own."""
    (tmp_path / "tmp").mkdir()
    models = "app.model.models,tests.support.isolated_models"
    with trinity("redis", tmp_path, processes=1, TRINITY_MODELS=models, TMPDIR=str(tmp_path / "tmp")) as api:
        training = io.BytesIO()
        with zipfile.ZipFile(training, "w") as archive:
            archive.writestr("hello.txt", "hello")
        answer = api.http.post("/models/patient/fit", files={"file": training.getvalue()})
        assert api.finished(answer)["status"] == "SUCCESS", answer.text
        yield api


def begun(api: Api) -> tuple[str, psutil.Process]:
    """A job that sleeps in a child, and that child."""
    answer = api.http.post("/models/patient/predict", files={"file": b"sleep"}, headers={"Prefer": "respond-async"})
    job = f"/jobs/{answer.json()['id']}"
    until(lambda: api.http.get(job).json().get("step") == "half", "the middle of the job")
    (child,) = [each for each in descendants(api) if is_child(each)]
    return job, child


def descendants(api: Api) -> list[psutil.Process]:
    return psutil.Process(worker_pid(api)).children(recursive=True)


def worker_pid(api: Api) -> int:
    """Of its parent process, which leads a group."""
    (worker,) = [each for each in api.servers if each.name == "worker1"]
    return worker.process.pid


def is_child(process: psutil.Process) -> bool:
    """Whether it was forked for a call of the model."""
    parent = process.parent()
    command = process.cmdline()
    return parent is not None and parent.cmdline() == command and "app.model.isolated_file_call" in command


def test_the_call_of_a_cancelled_job_ends_at_once(api: Api) -> None:
    """Though it reports nothing and has a minute left; the worker does the next job."""
    job, child = begun(api)
    began_s = time.monotonic()
    assert api.http.delete(job).status_code == 200
    until(lambda: not child.is_running(), "the end of the child")
    assert time.monotonic() - began_s < 5
    answer = api.http.post("/models/patient/predict", files={"file": b"hello"})
    assert api.finished(answer)["result"]["before"] == "hello"


def test_what_a_killed_worker_leaves_is_swept_and_what_a_living_one_uses_is_not(api: Api, tmp_path: Path) -> None:
    """All its processes are killed at once; nothing of theirs is among the temporary files of the system."""
    _, child = begun(api)
    payloads = Payloads(tmp_path / "store")

    def scratch() -> list[Path]:
        return list((tmp_path / "store/payloads").glob(".isolated-*"))

    def sweep() -> None:
        payloads.sweep(lambda _: True, HOUR_S, time.time() + 2 * HOUR_S)

    sweep()
    assert len(scratch()) == 1
    os.killpg(worker_pid(api), signal.SIGKILL)
    until(lambda: not child.is_running(), "the end of the child")
    assert len(scratch()) == 1
    sweep()
    assert not scratch()
    assert not list((tmp_path / "tmp").glob("isolated-*"))
