"""The systemd units: systemd's own checks, and their commands started, used and stopped within their times."""

import os
import shutil
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from billiard import pool

from app.queue.worker.node import RELEASE_AFTER_S
from tests.support import servers
from tests.support.api import gate
from tests.support.servers import free_port, until
from tests.support.systemd_units import ENVIRONMENT, INSTALLED, UNITS, running, stop, unit

NAMES = ("trinity-web.service", "trinity-worker@1.service", "trinity-worker@2.service", "trinity-flower.service")
MOST_EXPOSED = 20  # of 100, as `systemd-analyze security` counts

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is missing (apt-get install systemd)"
)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as if this checkout were at /opt/trinity."""
    folder = tmp_path / "units"
    shutil.copytree(UNITS, folder)
    for file in folder.glob("*.service"):
        file.write_text(file.read_text(encoding="utf-8").replace(INSTALLED, str(servers.ROOT)), encoding="utf-8")
    return folder


@needs_systemd
@pytest.mark.parametrize("name", NAMES)
def test_systemd_finds_nothing_wrong(installed: Path, name: str) -> None:
    """Unknown keys and bad values are printed, and are no error to it."""
    done = analyze("verify", installed / name, SYSTEMD_UNIT_PATH=f"{installed}:")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("name", NAMES)
def test_the_units_are_confined(installed: Path, name: str) -> None:
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", installed / name)
    assert done.returncode == 0, done.stdout + done.stderr


def analyze(*words: str | Path, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *words], env=os.environ | env, capture_output=True, text=True, check=False
    )


def test_no_program_ends_before_its_own_time() -> None:
    """systemd waits longer than gunicorn lets requests end, and than a worker and its pool need to stop."""
    pool_s = pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT * pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_INTERVAL
    assert int(unit("trinity-web.service")["TimeoutStopSec"][0]) > 30
    assert int(unit("trinity-worker@1.service")["TimeoutStopSec"][0]) > RELEASE_AFTER_S + pool_s + 10
    for name in NAMES:
        assert unit(name)["Restart"] == ["always"]
        assert unit(name)["EnvironmentFile"] == [ENVIRONMENT]


@pytest.mark.slow
def test_the_units_serve_and_stop(tmp_path: Path) -> None:
    """Web, both workers and Flower by their own commands; the worker with a fit that doesn't end stops in time too."""
    port, flower_port = str(free_port()), str(free_port())
    with ExitStack() as stack, gate(tmp_path) as closed:
        ledger = stack.enter_context(servers.valkey(tmp_path / "ledger")).url
        file = tmp_path / "trinity.env"
        example = (UNITS / "trinity.env").read_text(encoding="utf-8")
        text = example.replace("redis://:PASSWORD@127.0.0.1:6379", ledger).replace(
            "/var/lib/trinity", f"{tmp_path}/store"
        )
        file.write_text(f"{text}\nTRINITY_MODELS=app.model.models,tests.support.models\n")
        replace = {"127.0.0.1:5000": f"127.0.0.1:{port}", "--port=5555": f"--port={flower_port}"}
        notices = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        notices.bind(str(tmp_path / "notify"))
        notices.settimeout(30)
        more = {"trinity-web.service": {"NOTIFY_SOCKET": str(tmp_path / "notify")}}
        processes = {
            name: stack.enter_context(running(name, file, tmp_path / name, replace, **more.get(name, {})))
            for name in NAMES
        }
        assert b"READY=1" in notices.recv(4096)
        http = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=40))
        until(lambda: workers(http) == 2, "both workers", 60)
        for verb, body in (("fit", {}), ("predict", {"data": {"X": [[0.5]]}})):
            answer = http.post(f"/{verb}", json=body, headers={"Prefer": "wait=30"})
            assert answer.json()["status"] == "SUCCESS", answer.text
        flower = f"http://127.0.0.1:{flower_port}/flower/"
        until(lambda: status(f"{flower}healthcheck") == 200, "Flower", 60)
        assert status(flower) == 401
        job = http.post("/fit", json=closed.body()).json()["links"]["self"]
        closed.wait_for_fit()
        for name in reversed(NAMES[1:]):
            assert stop(name, processes[name]) == 0
        assert http.get(job).json()["status"] in {"PENDING", "RETRY"}, "the fit did not go back to the queue"
        assert stop(NAMES[0], processes[NAMES[0]]) == 0


def workers(http: httpx.Client) -> int:
    """How many the web server knows; it may be starting."""
    try:
        text = http.get("/metrics").text
    except httpx.TransportError:
        return 0
    return next((int(float(line.split()[-1])) for line in text.splitlines() if line.startswith("trinity_workers ")), 0)


def status(url: str) -> int:
    """The status of the answer, 0 for none."""
    try:
        return httpx.get(url, timeout=5).status_code
    except httpx.TransportError:
        return 0
