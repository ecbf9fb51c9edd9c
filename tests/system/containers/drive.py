"""Drives a stack of containers that is up, as a user would: through nginx alone, by its published port.

    COMPOSE_PROJECT_NAME=trinity python tests/system/containers/drive.py

Prints a line for each check and ends with 1 at the first that fails. Address and Flower's password come from Docker."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

import httpx

PROJECT = os.environ.get("COMPOSE_PROJECT_NAME", "trinity")
PREDICTIONS = 100
DEADLINE_S = 60.0
X = [[-1.0], [-0.5], [0.0], [0.5], [1.0]]


def truth(x: float) -> float:
    """The polynomial that the stack is asked to find."""
    return 3 + 0.4 * x - 3 * x**2 + 2 * x**3


def near(numbers: list[float], expected: list[float]) -> bool:
    return len(numbers) == len(expected) and all(abs(a - b) < 1e-8 for a, b in zip(numbers, expected, strict=True))


def docker(*arguments: str) -> str:
    return subprocess.run(("docker", *arguments), check=True, capture_output=True, text=True).stdout


@dataclass(frozen=True)
class Stack:
    """The running containers of the project, as Docker describes them."""

    containers: list[dict[str, Any]]

    @classmethod
    def running(cls) -> "Stack":
        ids = docker("ps", "--quiet", "--filter", f"label=com.docker.compose.project={PROJECT}").split()
        if not ids:
            sys.exit(f"no container of the project {PROJECT!r} runs; start a stack, or set COMPOSE_PROJECT_NAME")
        return cls(json.loads(docker("inspect", *ids)))

    @staticmethod
    def service(container: dict[str, Any]) -> str:
        return str(container["Config"]["Labels"]["com.docker.compose.service"])

    def of(self, service: str) -> dict[str, Any]:
        return next(container for container in self.containers if self.service(container) == service)

    def has(self, service: str) -> bool:
        return any(self.service(container) == service for container in self.containers)

    @cached_property
    def url(self) -> str:
        ports = self.of("nginx")["NetworkSettings"]["Ports"]
        published = next(bindings[0] for bindings in ports.values() if bindings)
        return f"http://127.0.0.1:{published['HostPort']}"

    @cached_property
    def passwords(self) -> set[str]:
        pairs = [line.split("=", 1) for container in self.containers for line in container["Config"]["Env"]]
        return {value.rpartition(":")[2] for name, value in pairs if "PASS" in name or "AUTH" in name}

    @cached_property
    def flower_account(self) -> tuple[str, str]:
        environment = dict(line.split("=", 1) for line in self.of("flower")["Config"]["Env"])
        user, password = environment["FLOWER_BASIC_AUTH"].split(":", 1)
        return user, password


def pings(stack: Stack, client: httpx.Client) -> None:
    """/ping answers pong."""
    answer = client.get("/ping")
    assert (answer.status_code, answer.json()) == (200, {"ping": "pong"}), answer.text


def is_ready(stack: Stack, client: httpx.Client) -> None:
    """/health/ready says that store, ledger and broker answer."""
    assert client.get("/health/ready").json()["parts"] == {"store": "ok", "ledger": "ok", "broker": "ok"}


def fits(stack: Stack, client: httpx.Client) -> None:
    """A fit finds the polynomial that made its data."""
    body = {"model": "polynomial", "params": {"degree": 3}, "data": {"X": X, "y": [truth(x) for (x,) in X]}}
    result = finished(client.post("/fit", json=body, headers={"Prefer": "wait=30"}))
    assert result["terms"] == ["1", "x", "x^2", "x^3"], result
    assert near(result["coefficients"], [3, 0.4, -3, 2]), result


def fits_csv(stack: Stack, client: httpx.Client) -> None:
    """A fit takes CSV and keeps the names of the columns."""
    table = "a,b,sum\n1,1,2\n1,2,3\n2,5,7\n3,1,4\n"
    headers = {"Content-Type": "text/csv", "Prefer": "wait=30"}
    result = finished(client.post("/models/multivariate/fit?target=sum", content=table, headers=headers))
    assert result["terms"] == ["1", "a", "b"], result
    assert near(result["coefficients"], [0, 1, 1]), result


def predicts(stack: Stack, client: httpx.Client) -> None:
    """A predict gives the polynomial's values."""
    result = finished(client.post("/predict", json={"data": {"X": X}}, headers={"Prefer": "wait=30"}))
    assert near(result["y"], [truth(x) for (x,) in X]), result


def scores(stack: Stack, client: httpx.Client) -> None:
    """A score of exact data is 1."""
    body = {"data": {"X": X, "y": [truth(x) for (x,) in X]}}
    result = finished(client.post("/score", json=body, headers={"Prefer": "wait=30"}))
    assert near([result["r2"], result["rmse"]], [1, 0]), result


def predicts_many(stack: Stack, client: httpx.Client) -> None:
    """100 predictions submitted at once are all queued, collected and right."""
    xs = [number / PREDICTIONS for number in range(PREDICTIONS)]
    with ThreadPoolExecutor(PREDICTIONS) as pool:
        locations = list(pool.map(lambda x: queued(client, x), xs))
        answers = list(pool.map(lambda location: finished(client.get(location, params={"wait": 30})), locations))
    assert len(set(locations)) == PREDICTIONS, "two jobs have the same id"
    assert near([answer["y"][0] for answer in answers], [truth(x) for x in xs]), answers


def queued(client: httpx.Client, x: float) -> str:
    """The Location of a prediction that only was accepted."""
    answer = client.post("/predict", json={"data": {"X": [[x]]}}, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    assert "retry-after" in answer.headers
    return answer.headers["location"]


def finished(answer: httpx.Response) -> dict[str, Any]:
    """The result in the envelope of a job that must have succeeded."""
    envelope = answer.json()
    assert answer.status_code == 200, answer.text
    assert envelope["status"] == "SUCCESS", answer.text
    return dict(envelope["result"])


def refuses_unknown_jobs(stack: Stack, client: httpx.Client) -> None:
    """A job that never was is a 404."""
    assert is_problem(client.get("/jobs/nonsense"), 404)


def returns_the_request_id(stack: Stack, client: httpx.Client) -> None:
    """A sane X-Request-ID comes back, once; an odd one is replaced, a missing one made."""
    for given, kept in (("drive-1", True), ("not; sane", False), (None, False)):
        headers = {} if given is None else {"X-Request-ID": given}
        (back,) = client.get("/ping", headers=headers).headers.get_list("X-Request-ID")
        assert (back == given) is kept, back
        assert len(back) >= 7, back


def refuses_large_bodies(stack: Stack, client: httpx.Client) -> None:
    """A body over the limit is a 413 problem document."""
    assert is_problem(client.post("/fit", content=b" " * (32 * 1024 * 1024 + 1)), 413)


def is_problem(answer: httpx.Response, status: int) -> bool:
    document = answer.json()
    return (
        answer.status_code == document["status"] == status
        and answer.headers["content-type"] == "application/problem+json"
        and {"type", "title", "status", "detail"} <= document.keys()
    )


def compresses(stack: Stack, client: httpx.Client) -> None:
    """A JSON answer of some length is compressed for a client that takes gzip."""
    assert client.get("/").headers.get("content-encoding") == "gzip"


def asks_for_flowers_password(stack: Stack, client: httpx.Client) -> None:
    """Flower answers 401 without its password and with a wrong one, and its metrics are closed."""
    for path in ("/flower/", "/flower/api/workers", "/flower/api/tasks"):
        assert client.get(path).status_code == 401, path
        assert client.get(path, auth=(stack.flower_account[0], "wrong")).status_code == 401, path
    assert is_problem(client.get("/flower/metrics"), 404)
    assert client.get("/flower/", auth=stack.flower_account).status_code == 200


def shows_workers_and_tasks(stack: Stack, client: httpx.Client) -> None:
    """Flower shows both workers online, with their lanes, and succeeded tasks of all three verbs."""

    def names() -> set[str]:
        online = client.get("/flower/api/workers", params={"status": "1"}, auth=stack.flower_account).json()
        return {name.split("@")[0] for name, alive in online.items() if alive}

    def lanes() -> dict[str, set[str]]:
        workers = client.get("/flower/api/workers", params={"refresh": "1"}, auth=stack.flower_account).json()
        return {
            name.split("@")[0]: {queue["name"] for queue in worker.get("active_queues", ())}
            for name, worker in workers.items()
        }

    def verbs() -> set[str]:
        tasks = client.get("/flower/api/tasks", params={"limit": 1000}, auth=stack.flower_account).json()
        return {task["name"] for task in tasks.values() if task["state"] == "SUCCESS"}

    wait_for(lambda: names() == {"worker1", "worker2"}, "both workers in Flower")
    wait_for(lambda: verbs() >= {"app.tasks.fit", "app.tasks.predict", "app.tasks.score"}, "the tasks in Flower")
    wait_for(lambda: lanes() == {"worker1": {"fit", "predict", "score"}, "worker2": {"predict", "score"}}, "the lanes")


def shows_models_and_jobs(stack: Stack, client: httpx.Client) -> None:
    """Flower shows the model and the job of a task."""
    answer = client.post("/models/multivariate/fit", headers={"Prefer": "wait=30"})
    finished(answer)
    label = f"multivariate: {answer.json()['id']}"

    def shown() -> list[str]:
        parameters = {"limit": 1000, "taskname": "app.tasks.fit"}
        tasks = client.get("/flower/api/tasks", params=parameters, auth=stack.flower_account).json()
        return [task["args"] for task in tasks.values()]

    wait_for(lambda: label in shown(), f"{label!r} in Flower")


def shows_queues(stack: Stack, client: httpx.Client) -> None:
    """Flower's page of the broker has figures for every lane, and no password."""

    def figures() -> dict[str, str]:
        page = client.get("/flower/broker", auth=stack.flower_account).text
        assert not any(password in page for password in stack.passwords), "Flower shows a password"
        return dict(re.findall(r'<tr id="(\w+)">\s*<td>\w+</td>\s*<td[^>]*>\s*(\d+)\s*</td>', page))

    wait_for(lambda: figures().keys() == {"fit", "predict", "score"}, "figures of every lane in Flower")


def is_watched(stack: Stack, client: httpx.Client) -> None:
    """Prometheus has numbers of the web processes and of the workers, and the alert rules."""
    container = stack.of("prometheus")["Id"]

    def data(path: str) -> Any:
        answer = docker("exec", container, "wget", "-q", "-O", "-", f"http://127.0.0.1:9090/api/v1/{path}")
        return json.loads(answer)["data"]

    def values(query: str) -> list[float]:
        return [float(series["value"][1]) for series in data(f"query?query={quote(query)}")["result"]]

    wait_for(lambda: values("up") == [1.0], "a scrape")
    wait_for(lambda: values("sum(trinity_http_requests_total)") > [PREDICTIONS], "the requests in Prometheus")
    wait_for(lambda: values("sum(trinity_jobs_finished_total)") > [PREDICTIONS], "the jobs in Prometheus")
    (rules,) = data("rules")["groups"]
    assert {"TrinityNoWorker", "TrinityPartDown"} <= {rule["name"] for rule in rules["rules"]}


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"waited {DEADLINE_S:g} s in vain for {what}"
        time.sleep(0.2)


def publishes_only_nginx(stack: Stack, client: httpx.Client) -> None:
    """Only nginx has a port on the host."""
    ports = {stack.service(container): container["NetworkSettings"]["Ports"] for container in stack.containers}
    assert {service for service, of in ports.items() if any(of.values())} == {"nginx"}, ports


def is_confined(stack: Stack, client: httpx.Client) -> None:
    """Every container is healthy, and runs as a plain user, on a read-only root, without capabilities, with limits."""
    for container in stack.containers:
        service, host = stack.service(container), container["HostConfig"]
        users = docker("top", container["Id"], "-eo", "pid,uid").split()[2:]
        assert "0" not in users[1::2], f"{service} runs as root"
        assert host["ReadonlyRootfs"], f"{service} can write to its root"
        assert host["CapDrop"] == ["ALL"], f"{service} has capabilities"
        assert "no-new-privileges:true" in host["SecurityOpt"], f"{service} may gain privileges"
        assert host["Memory"], f"{service} has no memory limit"
        assert host["NanoCpus"], f"{service} has no CPU limit"
        assert container["State"]["Health"]["Status"] == "healthy", f"{service} is not healthy"


def hides_passwords(stack: Stack, client: httpx.Client) -> None:
    """No command line holds a password."""
    assert stack.passwords
    for container in stack.containers:
        lines = docker("top", container["Id"], "-eo", "pid,args")
        assert not any(password in lines for password in stack.passwords), (
            f"{stack.service(container)} shows a password"
        )


CHECKS: tuple[Callable[[Stack, httpx.Client], None], ...] = (
    pings,
    is_ready,
    fits,
    fits_csv,
    predicts,
    scores,
    predicts_many,
    refuses_unknown_jobs,
    returns_the_request_id,
    refuses_large_bodies,
    compresses,
    asks_for_flowers_password,
    shows_workers_and_tasks,
    shows_models_and_jobs,
    shows_queues,
    publishes_only_nginx,
    is_confined,
    hides_passwords,
)


def main() -> None:
    """Run the checks in order; AssertionError says which expectation of which did not hold."""
    stack = Stack.running()
    checks = (*CHECKS, is_watched) if stack.has("prometheus") else CHECKS
    limits = httpx.Limits(max_connections=PREDICTIONS)
    with httpx.Client(base_url=stack.url, timeout=DEADLINE_S, limits=limits, trust_env=False) as client:
        for check in checks:
            started = time.monotonic()
            try:
                check(stack, client)
            except (AssertionError, httpx.HTTPError, subprocess.SubprocessError, LookupError, ValueError) as error:
                sys.exit(f"FAILED  {check.__doc__}\n{type(error).__name__}: {error}")
            print(f"ok {time.monotonic() - started:6.2f} s  {check.__doc__}", flush=True)
    print(f"{len(checks)} checks passed on {PROJECT} at {stack.url}")


if __name__ == "__main__":
    main()
