"""Other model servers with the same pipelines: BentoML, LitServe and MLServer, two processes each, batching on.

They are not among the project's dependencies: each is installed into a virtual environment of its own when the
benchmark first asks for it, and stays there.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.bench.pipelines import DATA
from tests.bench.report import progress
from tests.support.servers import ROOT, Launch, free_port, served

PROCESSES = 2
MAX_ROWS = 256
START_S = 120
READY_ANSWERS = 20  # in a row
READY_PAUSE_S = 0.2
HERE = "tests.bench.model_servers"
PLACE = Path(tempfile.gettempdir(), "trinity-bench-model-servers")


class Endpoint(NamedTuple):
    """Where one of the servers predicts for a pipeline, and the body that asks it to."""

    url: str
    body: bytes


@contextmanager
def bentoml(pipeline: str, folder: Path) -> Iterator[Endpoint]:
    """BentoML, whose batching adapts to what a call takes."""

    def command(programs: Path, port: int) -> Sequence[str | Path]:
        return [programs / "bentoml", "serve", f"{HERE}.bentoml_service:Pipelines", "--port", str(port)]

    with _running("bentoml", ["bentoml==1.4.40"], folder, command, {"BENTOML_DO_NOT_TRACK": "1"}) as url:
        yield _ready(Endpoint(f"{url}/{pipeline}", _plain(pipeline)))


@contextmanager
def litserve(pipeline: str, folder: Path) -> Iterator[Endpoint]:
    """LitServe, which waits a millisecond for others."""

    def command(programs: Path, port: int) -> Sequence[str | Path]:
        return [programs / "python", "-m", f"{HERE}.litserve_api", str(port), pipeline]

    with _running("litserve", ["litserve==0.2.19"], folder, command, {}) as url:
        yield _ready(Endpoint(f"{url}/predict", _plain(pipeline)))


@contextmanager
def mlserver(pipeline: str, folder: Path) -> Iterator[Endpoint]:
    """MLServer, which waits a millisecond for others."""

    def command(programs: Path, port: int) -> Sequence[str | Path]:
        ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
        _write(folder / "settings.json", {**ports, "host": "127.0.0.1", "parallel_workers": PROCESSES})
        model = {"implementation": f"{HERE}.mlserver_models.{pipeline.title()}", "name": pipeline}
        batching = {"max_batch_size": MAX_ROWS, "max_batch_time": 0.001}
        _write(folder / pipeline / "model-settings.json", {**model, **batching})
        return [programs / "mlserver", "start", folder]

    requirements = ["mlserver==1.7.1", "uvloop<0.22"]
    with _running("mlserver", requirements, folder, command, {}) as url:
        yield _ready(Endpoint(f"{url}/v2/models/{pipeline}/infer", _open_inference(pipeline)))


SERVERS = {"BentoML": bentoml, "LitServe": litserve, "MLServer": mlserver}


@contextmanager
def _running(
    name: str,
    requirements: list[str],
    folder: Path,
    command: Callable[[Path, int], Sequence[str | Path]],
    env: dict[str, str],
) -> Iterator[str]:
    """Install a server if it isn't yet, start it, and yield its address; `command` is of its programs and a port."""
    programs = _installed(name, requirements)

    def launch() -> Launch:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        return Launch(command(programs, port), url, lambda _: _answers(url), {"PYTHONPATH": str(ROOT), **env})

    with served(name, folder, launch, deadline_s=START_S) as server:
        yield server.url


def _installed(name: str, requirements: list[str]) -> Path:
    """Return the folder of the programs of a server's own environment, made when it is missing."""
    programs = PLACE / name / "bin"
    done = PLACE / name / "installed"
    if not done.exists():
        progress(f"  installing {name} into {PLACE / name}")
        subprocess.run([sys.executable, "-m", "venv", PLACE / name], check=True)
        ours = [f"{library}=={version(library)}" for library in ("numpy", "pandas", "scikit-learn")]
        subprocess.run([programs / "pip", "install", "--quiet", *requirements, *ours], check=True)
        done.touch()
    return programs


def _ready(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint when all its processes predict: some servers listen before each has loaded its models."""
    ready, ends_s = 0, time.monotonic() + START_S
    while ready < READY_ANSWERS:
        with httpx.Client(trust_env=False) as client:  # another connection each time: it may reach another process
            answer = client.post(
                endpoint.url, content=endpoint.body, headers={"content-type": "application/json"}, timeout=60
            )
        if answer.status_code == httpx.codes.OK:
            if "yes" not in answer.text and "no" not in answer.text:
                raise RuntimeError(f"{endpoint.url} answered {answer.text[:300]}")
            ready += 1
        elif time.monotonic() > ends_s:
            raise RuntimeError(f"{endpoint.url} answered {answer.status_code}: {answer.text[:300]}")
        else:
            ready = 0
            time.sleep(READY_PAUSE_S)
    return endpoint


def _answers(url: str) -> bool:
    try:
        httpx.get(url, timeout=5, trust_env=False)
    except httpx.HTTPError:
        return False
    return True


def _plain(pipeline: str) -> bytes:
    return json.dumps({"X": DATA[pipeline]()[0][:1]}).encode()


def _open_inference(pipeline: str) -> bytes:
    """Return a request of the Open Inference Protocol: a matrix, or a column for each of those that have names."""
    row = DATA[pipeline]()[0][0]
    if isinstance(row, list):
        return json.dumps({"inputs": [_input("X", "FP64", row)]}).encode()
    columns = [
        {**_input(name, "BYTES", [value]), "parameters": {"content_type": "str"}}
        if isinstance(value, str)
        else _input(name, "FP64", [value])
        for name, value in row.items()
    ]
    return json.dumps({"parameters": {"content_type": "pd"}, "inputs": columns}).encode()


def _input(name: str, datatype: str, values: list[Any]) -> dict[str, Any]:
    return {"name": name, "shape": [1, len(values)], "datatype": datatype, "data": values}


def _write(path: Path, value: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
