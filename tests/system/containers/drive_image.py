"""Drives the image on its own: sync mode on a read-only root, stopped in time, and nothing in it that it doesn't need.

python tests/system/containers/drive_image.py [IMAGE]     (trinity:latest)"""

import json
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

import httpx

DEADLINE_S = 30.0
STOP_S = 10.0
NEVER_NEEDED = ("gcc", "cc", "make")


def docker(*arguments: str) -> str:
    return subprocess.run(("docker", *arguments), check=True, capture_output=True, text=True).stdout.strip()


def main(image: str) -> None:
    """Start, use and stop the image; AssertionError says what did not hold."""
    options = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--publish", "127.0.0.1::5000")  # noqa: S108
    container = docker("run", "--detach", *options, image)
    try:
        with httpx.Client(base_url=url(container), timeout=DEADLINE_S, trust_env=False) as client:
            serves(client)
        is_clean(container)
        stops(container)
    finally:
        docker("rm", "--force", "--volumes", container)
    size = int(docker("image", "inspect", "--format", "{{.Size}}", image))
    print(f"ok  {image}: {size / 1e6:.0f} MB, sync mode on a read-only root, plain user, no compiler, stops in time")


def url(container: str) -> str:
    """Where the container answers, once it does."""
    port = docker("port", container, "5000/tcp").rpartition(":")[2]
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        with suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/ping", trust_env=False).json() == {"ping": "pong"}:
                return f"http://127.0.0.1:{port}"
        time.sleep(0.1)
    raise AssertionError(f"no /ping within {DEADLINE_S:g} s: {docker('logs', container)}")


def serves(client: httpx.Client) -> None:
    """A fit through one process is served by the others."""
    fitted: dict[str, Any] = client.post("/fit").json()
    assert fitted["status"] == "SUCCESS", fitted
    for _ in range(20):
        assert client.post("/predict").json()["version"] == fitted["version"]


def is_clean(container: str) -> None:
    """A plain user, who can't write to the program; no compiler; Docker's own health check passes."""
    (inspected,) = json.loads(docker("inspect", container))
    check = inspected["Config"]["Healthcheck"]["Test"]
    assert check[0] == "CMD"
    docker("exec", container, *check[1:])
    docker("exec", container, "sh", "-c", "test $(id -u) -ge 1000 && ! test -w /opt/trinity && ! test -w /opt/venv")
    docker("exec", container, "sh", "-c", f"! command -v {' '.join(NEVER_NEEDED)}")


def stops(container: str) -> None:
    """SIGTERM ends it with 0, in time."""
    started = time.monotonic()
    docker("stop", container)
    assert time.monotonic() - started < STOP_S, "it had to be killed"
    assert docker("inspect", "--format", "{{.State.ExitCode}}", container) == "0"


if __name__ == "__main__":
    try:
        main(*sys.argv[1:2] or ["trinity:latest"])
    except (AssertionError, subprocess.CalledProcessError) as error:
        sys.exit(f"FAILED  {error} {getattr(error, 'stderr', '')}")
