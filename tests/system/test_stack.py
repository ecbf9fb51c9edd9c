"""`python -m app stack`, started for real: it works, it leaves nothing behind, and it says why when it can't start."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support import servers
from tests.support.servers import ROOT, until

pytestmark = pytest.mark.slow

START_S = 90


class Stack:
    """A running stack, its addresses and what it printed."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.web, self.flower = (f"http://127.0.0.1:{servers.free_port()}" for _ in "wf")
        self.log = folder / "stack.log"
        ports = {"PORT": self.web.rpartition(":")[2], "FLOWER_PORT": self.flower.rpartition(":")[2]}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", "stack"],
                cwd=ROOT,
                env=environment(TRINITY_STORE=str(folder / "store"), **ports, **env),
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait(self) -> None:
        until(lambda: "Ctrl-C stops" in self.text or self.process.poll() is not None, "the stack", START_S)
        assert self.process.poll() is None, self.text

    def programs(self) -> list[psutil.Process]:
        """Every process beneath the stack's own."""
        return psutil.Process(self.process.pid).children(recursive=True)


def environment(**env: str) -> dict[str, str]:
    """The environment without Trinity's own variables, and with those of the test."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith((*servers.OURS, "BROKER"))}
    return inherited | env


@contextmanager
def running(folder: Path, **env: str) -> Iterator[Stack]:
    """A stack that is ready; whatever survives the test is killed."""
    stack = Stack(folder, **env)
    programs: list[psutil.Process] = []
    try:
        stack.wait()
        programs = stack.programs()
        yield stack
    finally:
        if stack.process.poll() is None:
            programs += stack.programs()
            stack.process.kill()
            stack.process.wait()
        for program in programs:
            with suppress(psutil.NoSuchProcess):
                program.kill()


def gone(programs: list[psutil.Process]) -> bool:
    """Whether all have ended; a zombie has."""
    return all(program.status() == psutil.STATUS_ZOMBIE for program in programs if program.is_running())


def seen_by_flower(stack: Stack) -> list[str]:
    workers = httpx.get(f"{stack.flower}/api/workers", timeout=10).json()
    return sorted(name.partition("@")[0] for name in workers)


@pytest.mark.parametrize("broker", ["valkey", "rabbit"])
def test_the_stack_works_and_an_interrupt_leaves_no_process(broker: str, tmp_path: Path) -> None:
    if broker == "rabbit" and (missing := servers.missing_rabbitmq()):
        pytest.skip(missing)
    with running(tmp_path, BROKER=broker) as stack:
        fit = httpx.post(f"{stack.web}/fit", headers={"Prefer": "wait=20"}, timeout=30)
        assert (fit.status_code, fit.json()["status"]) == (200, "SUCCESS")
        until(lambda: seen_by_flower(stack) == ["worker1", "worker2"], "Flower to see both workers")
        programs = stack.programs()
        assert len(programs) >= 9  # valkey, web × 3, worker × 3 twice, Flower at least
        stack.process.send_signal(signal.SIGINT)
        assert stack.process.wait(40) == 0, stack.text
        assert gone(programs)


@pytest.mark.parametrize(("password", "ours"), [("guest", False), ("wrong", True)])
def test_a_rabbitmq_that_lets_us_in_is_used_and_left_running(password: str, tmp_path: Path, *, ours: bool) -> None:
    if missing := servers.missing_rabbitmq():
        pytest.skip(missing)
    (tmp_path / "node").mkdir()
    with servers.rabbitmq(tmp_path / "node") as node:
        url = node.url.replace(":guest@", f":{password}@")
        with running(tmp_path, BROKER="rabbit", TRINITY_BROKER_URL=url) as stack:
            assert ("rabbit" in {line.split(" ")[0] for line in stack.text.splitlines()}) == ours
            fit = httpx.post(f"{stack.web}/fit", headers={"Prefer": "wait=20"}, timeout=30)
            assert fit.json()["status"] == "SUCCESS"
            stack.process.send_signal(signal.SIGTERM)
            assert stack.process.wait(40) == 0, stack.text
        assert node.process.poll() is None


def test_a_second_start_finds_the_models_and_jobs_of_the_first(tmp_path: Path) -> None:
    with running(tmp_path) as stack:
        job = httpx.post(f"{stack.web}/fit", headers={"Prefer": "wait=20"}, timeout=30).json()
        stack.process.terminate()
        stack.process.wait(40)
    with running(tmp_path) as stack:
        assert httpx.get(f"{stack.web}/jobs/{job['id']}", timeout=10).json()["status"] == "SUCCESS"
        predict = httpx.post(f"{stack.web}/predict", headers={"Prefer": "wait=20"}, timeout=30).json()
        assert (predict["status"], predict["version"]) == ("SUCCESS", job["version"])


def test_the_web_server_alone_listens_where_host_says(tmp_path: Path) -> None:
    """And says that nobody needs a key; broker, ledger and Flower stay on this machine."""
    with running(tmp_path, HOST="0.0.0.0") as stack:  # noqa: S104  that is what is tried
        sockets = {
            (each.laddr.ip, each.laddr.port)
            for program in stack.programs()
            for each in program.net_connections("tcp")
            if each.status == psutil.CONN_LISTEN
        }
        assert {port for ip, port in sockets if ip != "127.0.0.1"} == {int(stack.web.rpartition(":")[2])}
        assert "without TRINITY_API_KEYS" in stack.text


def test_one_program_ending_stops_all_and_is_named(tmp_path: Path) -> None:
    with running(tmp_path) as stack:
        programs = stack.programs()
        next(program for program in programs if "worker2@%h" in program.cmdline()).kill()
        assert stack.process.wait(40) == 1
        assert "worker2 ended with status -9" in stack.text
        assert gone(programs)


def refusal(tmp_path: Path, **env: str) -> str:
    """The last line of a stack that doesn't start."""
    result = subprocess.run(
        [sys.executable, "-m", "app", "stack"],
        cwd=ROOT,
        env=environment(TRINITY_STORE=str(tmp_path / "store"), **env),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (result.returncode, result.stdout) == (1, "")
    return result.stderr.strip()


def test_a_port_that_is_taken_is_named_before_anything_starts(tmp_path: Path) -> None:
    with servers.valkey(tmp_path) as other:
        port = other.url.rpartition(":")[2]
        assert refusal(tmp_path, PORT=port) == (
            f"Error: port {port}: Address already in use; choose another with PORT=…"
        )
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PORT", "web", "PORT: expected a port from 1 to 65535, got 'web'"),
        ("FLOWER_PORT", "70000", "FLOWER_PORT: expected a port from 1 to 65535, got '70000'"),
        ("BROKER", "kafka", "BROKER: expected valkey or rabbit, got 'kafka'"),
        ("TRINITY_MAX_BODI", "1", "these settings are wrong:\nTRINITY_MAX_BODI: unknown setting, did you mean …"),
    ],
)
def test_a_wrong_setting_is_named(variable: str, value: str, message: str, tmp_path: Path) -> None:
    free = {"PORT": str(servers.free_port()), "FLOWER_PORT": str(servers.free_port())}
    printed = refusal(tmp_path, **free | {variable: value})
    assert printed.startswith(f"Error: {message.rstrip('…')}")


def test_rabbit_that_is_not_installed_is_asked_for(tmp_path: Path) -> None:
    env = {"PORT": str(servers.free_port()), "FLOWER_PORT": str(servers.free_port()), "PATH": str(tmp_path)}
    if servers.DEBIAN_RABBITMQ.exists():
        env["TRINITY_BROKER_URL"] = f"amqp://guest:guest@127.0.0.1:{servers.free_port()}//"
    assert "apt-get install rabbitmq-server" in refusal(tmp_path, BROKER="rabbit", **env)


@contextmanager
def stubborn_program() -> Iterator[tuple["subprocess.Popen[str]", list[psutil.Process]]]:
    """A supervisor of a program that ignores SIGTERM and has a child, and the processes beneath the supervisor."""
    stubborn = "import signal,subprocess,sys,time; signal.signal(15, signal.SIG_IGN); print('stuck', flush=True); "
    stubborn += "subprocess.Popen(['sleep', '600']); time.sleep(600)"
    script = (
        "import os, sys; from app.cli.stack.supervisor import Program, Supervisor; "
        "program = Program('stuck', [sys.executable, '-c', sys.argv[1]], os.environ); "
        "sys.exit(Supervisor([[program]]).run(lambda: None))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, stubborn], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as shell:
        assert shell.stdout is not None
        assert shell.stdout.readline() == "stuck | stuck\n"
        until(lambda: len(psutil.Process(shell.pid).children(recursive=True)) == 3, "both programs and their guard")
        programs = psutil.Process(shell.pid).children(recursive=True)
        try:
            yield shell, programs
        finally:
            shell.kill()
            for program in programs:
                with suppress(psutil.NoSuchProcess):
                    program.kill()


def test_a_second_interrupt_does_not_wait() -> None:
    """A program that ignores SIGTERM is killed with its children."""
    with stubborn_program() as (shell, programs):
        assert shell.stdout is not None
        shell.send_signal(signal.SIGINT)
        assert shell.stdout.readline() == "stack | stopping; press Ctrl-C again to kill everything at once\n"
        shell.send_signal(signal.SIGINT)
        assert shell.wait(5) == 0
        assert gone(programs)


def test_a_killed_supervisor_leaves_no_process() -> None:
    """Its guard kills the programs and their children."""
    with stubborn_program() as (shell, programs):
        shell.kill()
        until(lambda: gone(programs), "the end of all programs", 10)


def test_a_killed_stack_leaves_no_process(tmp_path: Path) -> None:
    """Web, workers, ledger and Flower, each with its processes; the next start finds its ports free."""
    with running(tmp_path) as stack:
        programs = stack.programs()
        stack.process.kill()
        until(lambda: gone(programs), "the end of all programs", 10)
