"""An example as `make example` starts it: on free ports, in a temporary folder, with many tasks at once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
import psutil

from tests.support import servers
from tests.support.servers import ROOT, until

START_S = 150
COLLECT_S = 120
SENDERS = 16
T = TypeVar("T")
Submit = Callable[[httpx.Client, int], str]
"""Submits task number i, and returns its id."""
Collect = Callable[[httpx.Client, str], T | None]
"""Returns the result of a task, None while there is none; raises where it has failed."""


@dataclass
class Example:
    """A running example: its addresses, its process, what it printed, and its store."""

    url: str
    flower: str
    process: "subprocess.Popen[bytes]"
    log: Path
    store: Path

    @property
    def text(self) -> str:
        """What it printed until now."""
        return self.log.read_text(errors="replace")

    def client(self) -> httpx.Client:
        """Return a client of its web server."""
        return httpx.Client(base_url=self.url, timeout=60)

    def processes(self) -> list[psutil.Process]:
        """Every process of it but the first."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def kill_worker_process(self) -> None:
        """Kill one process that runs tasks, as a crash of it would; its worker starts another."""
        workers = [each for each in self.processes() if "worker1@%h" in arguments(each)]
        pool = [child for worker in workers for child in worker.children() if child.is_running()]
        assert pool, "worker1 has no process that runs tasks"
        pool[0].kill()

    def kill_worker(self) -> None:
        """Kill a worker with all of its processes, as a shortage of memory would; the stack starts another."""
        worker = next(each for each in self.processes() if "worker2@%h" in arguments(each))
        os.killpg(worker.pid, signal.SIGKILL)


def arguments(process: psutil.Process) -> list[str]:
    """The command line of a process, nothing of one that has just ended, as those that read single documents do."""
    with suppress(psutil.NoSuchProcess):  # a zombie, too
        return process.cmdline()
    return []


@contextmanager
def example(name: str, folder: Path, **env: str) -> Iterator[Example]:
    """Run an example until the block ends; what it leaves behind is killed, and is an error."""
    ports = {"PORT": str(servers.free_port()), "FLOWER_PORT": str(servers.free_port())}
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith((*servers.OURS, "BROKER", "DATABASE_URL"))
    }
    log, store = folder / "example.log", folder / "store"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "stack", "--example", name],
            cwd=ROOT,
            env={**inherited, "TRINITY_STORE": str(store), **ports, **env},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    url, flower = (f"http://127.0.0.1:{port}" for port in ports.values())
    running = Example(url, flower, process, log, store)
    programs: list[psutil.Process] = []
    try:
        until(lambda: "Ctrl-C stops" in running.text or process.poll() is not None, name, START_S)
        assert process.poll() is None, running.text[-4000:]
        yield running
        programs = running.processes()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, running.text[-4000:]
        left = [each for each in programs if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
        assert left == []
    finally:
        if process.poll() is None:
            programs += running.processes()
            process.kill()
            process.wait()
        for program in programs:
            with suppress(psutil.NoSuchProcess):
                program.kill()


def submit_all(running: Example, submit: Submit, tasks: int = 100) -> list[str]:
    """Submit tasks at once; return their ids, which are all different."""
    with running.client() as http, ThreadPoolExecutor(SENDERS) as senders:
        ids = list(senders.map(lambda number: submit(http, number), range(tasks)))
    assert len({*ids}) == tasks
    return ids


def collect_all(running: Example, ids: list[str], collect: Collect[T], *, kill_after: int | None = None) -> list[T]:
    """Return the results of all tasks, in order.

    A process that runs tasks is killed once `kill_after` are there, and a whole worker once there are twice as many.
    """
    found: dict[str, T] = {}
    end = time.monotonic() + COLLECT_S
    kills = {} if kill_after is None else {kill_after: running.kill_worker_process, 2 * kill_after: running.kill_worker}
    with running.client() as http:
        while len(found) < len(ids):
            assert time.monotonic() < end, f"{len(found)} of {len(ids)} tasks ended in {COLLECT_S} s"
            for task in ids:
                if task not in found and (result := collect(http, task)) is not None:
                    found[task] = result
            for number in [number for number in kills if len(found) >= number]:
                kills.pop(number)()
            time.sleep(0.1)
    return [found[task] for task in ids]
