"""Drives each example in containers, as a user would: a task is submitted and collected, and the page answers.

    python -m tests.system.containers.drive_examples [NAME…]

Prints a line for each example and broker, and ends with 1 at the first that fails. An example with a database runs on
PostgreSQL over one broker, and on SQLite over the other."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx

ROOT = Path(__file__).resolve().parents[3]
PROJECT = "trinity-example"
DEADLINE_S = 240.0
ACCOUNTS = (
    "REDIS_PASSWORD",
    "FLOWER_USER",
    "FLOWER_PASSWORD",
    "RABBITMQ_USER",
    "RABBITMQ_PASSWORD",
    "POSTGRES_PASSWORD",
)
Json = dict[str, Any]


def wait_for(condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """What the condition returns once it is true."""
    end = time.monotonic() + deadline_s
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {deadline_s:g} s for {what}"
        time.sleep(0.5)
    return found


def ended(client: httpx.Client, path: str) -> Json:
    """The state of a task once it has ended."""

    def state() -> Json | None:
        found: Json = client.get(path).raise_for_status().json()
        return None if found["status"] in {"PENDING", "STARTED"} else found

    found: Json = wait_for(state, path, 60)
    assert found["status"] == "SUCCESS", found
    return found


def detects(client: httpx.Client) -> None:
    """Objects are found in a sample."""
    picture = next(
        path
        for path in sorted((ROOT / "examples/object_detection/samples").iterdir())
        if path.suffix in {".jpg", ".png"}
    )
    started = client.post("/start_task", files={"file": (picture.name, picture.read_bytes())})
    assert started.status_code == 202, started.text
    found = ended(client, f"/task_result/{started.json()['task_id']}")
    assert found["image_name"] == picture.name and found["result"], found


def recommends(client: httpx.Client) -> None:
    """Places are ranked for the user of the route's own example."""
    paths = client.get("/openapi.json").json()["paths"]
    user = paths["/inference/start"]["post"]["requestBody"]["content"]["application/json"]["example"]
    started = client.post("/inference/start", json=user)
    assert started.status_code == 202, started.text
    task = started.json()["task_id"]
    ended(client, f"/inference/status/{task}")
    found = client.get(f"/inference/results/{task}", params={"limit": 3}).raise_for_status().json()
    chosen = {"task_id": task, "location_id": found["places"][0]["id"]}
    assert client.put("/inference/select", json=chosen).raise_for_status().json()["position"] == 0
    training = client.post("/train/start").raise_for_status().json()["task_id"]
    ended(client, f"/train/status/{training}")


def processes(client: httpx.Client) -> None:
    """A document comes back processed."""
    text = b"# Bread\n\nBread is made of flour, water and salt. The dough rests for a night before the oven is hot.\n"
    started = client.post("/upload", files={"document": ("bread.md", text, "text/markdown")})
    assert started.status_code == 202, started.text
    task = started.json()["task_id"]
    ended(client, f"/elab_status/{task}")
    assert client.get(f"/elab_result/{task}").raise_for_status().content


class Drive(NamedTuple):
    """How an example is driven."""

    page: str
    task: Callable[[httpx.Client], None]
    has_database: bool = False


DRIVES = {
    "object_detection": Drive("/object_detection", detects),
    "place_recommender": Drive("/places", recommends, has_database=True),
    "document_processing": Drive("/document_processing", processes),
}
BROKERS = {"Redis": "docker-compose.yaml", "RabbitMQ": "docker-compose.rabbit.yaml"}


class Containers:
    """The containers of one example over one broker."""

    def __init__(self, name: str, broker: str) -> None:
        on_postgres = DRIVES[name].has_database and broker == "RabbitMQ"
        port = str(40_000 + secrets.randbelow(9_000))
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {each: secrets.token_hex(16) for each in ACCOUNTS} | os.environ | {"PORT": port}
        self._environment |= {"COMPOSE_FILE": f"{BROKERS[broker]}:examples/{name}/compose.yaml"}
        self._environment |= {"COMPOSE_PROFILES": "postgres" if on_postgres else "", "DATABASE_URL": ""}
        if on_postgres:
            password = self._environment["POSTGRES_PASSWORD"]
            self._environment["DATABASE_URL"] = f"postgresql+psycopg://trinity:{password}@postgres/trinity"

    def compose(self, *arguments: str, check: bool = True) -> str:
        """Run Compose on them, and return what it printed."""
        command = ["docker", "compose", "--project-name", PROJECT, *arguments]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(arguments)}: {done.returncode} {done.stdout[-4000:]}"
        return done.stdout

    def is_prepared(self) -> bool:
        """Whether the service that prepares the example has ended; `compose wait` takes only one that still runs."""
        state, code = self.compose("ps", "--all", "--format", "{{.State}} {{.ExitCode}}", "prepare").split()
        assert state != "exited" or code == "0", f"prepare ended with {code}"
        return state == "exited"


def drive(name: str, broker: str) -> None:
    """Start an example, make it ready, use it, and take it down with its volumes."""
    containers = Containers(name, broker)
    try:
        containers.compose("up", "--build", "--detach")
        with httpx.Client(base_url=containers.url, timeout=60) as client:
            wait_for(lambda: is_ready(client), f"{name} to be ready")
            if "prepare" in containers.compose("config", "--services").split():
                wait_for(containers.is_prepared, f"{name} to be prepared")
            else:
                prepare = ("python", "-m", f"examples.{name}.prepare", "http://127.0.0.1:5000")
                containers.compose("exec", "--no-TTY", "app", *prepare)
            DRIVES[name].task(client)
            assert client.get(DRIVES[name].page, headers={"Accept": "text/html"}).text.startswith("<!doctype html>")
    except BaseException:
        print(containers.compose("ps", "--all", check=False))
        print(containers.compose("logs", "--tail", "40", "--no-color", check=False))
        raise
    finally:
        containers.compose("down", "--volumes", "--remove-orphans", check=False)


def is_ready(client: httpx.Client) -> bool:
    """Whether each part answers, through nginx."""
    try:
        return client.get("/health/ready").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def main(names: Sequence[str]) -> None:
    """Drive the examples that have containers."""
    for name in names or [each for each in DRIVES if (ROOT / "examples" / each / "compose.yaml").exists()]:
        for broker in BROKERS:
            begun_s = time.monotonic()
            drive(name, broker)
            print(f"ok: {name} over {broker}, {time.monotonic() - begun_s:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
