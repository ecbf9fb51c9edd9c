"""A copy of the project in which the commands of the documents run as a newcomer types them, and what ends them."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.doc_blocks import Block
from tests.support.servers import OURS, ROOT, free_port, responds, until

MARK = "DOCS_TEST"
DOCUMENTED = "localhost:5000"
NOT_COPIED = (".git", ".venv", ".env", ".trinity", ".*_cache", "__pycache__", ".hypothesis")
START_S = 90.0  # a first start may have to install
STOP_S = 30.0


@dataclass(frozen=True)
class Running:
    """A server that a command started: `address` is where it really is, `log` what it prints."""

    address: str
    log: Path


def printed_by(commands: list[str], folder: Path, server: Running | None = None) -> list[str]:
    """What each of the commands prints, all being run by one shell in a folder, and sent to the server."""
    mark, address = secrets.token_hex(8), server.address if server else DOCUMENTED
    script = "".join(f"{command}\nprintf %s {mark}\n" for command in commands).replace(DOCUMENTED, address)
    shell = ["bash", "-euc", script]
    done = subprocess.run(shell, cwd=folder, env=environment(), capture_output=True, timeout=60, check=False)
    printed = done.stdout.decode()
    log = server.log.read_text() if server else ""
    assert done.returncode == 0, f"{script}\n{printed}{done.stderr.decode()}\n{log}"
    return printed.replace(address, DOCUMENTED).split(mark)[:-1]


def write_files(blocks: Iterable[Block], folder: Path, server: Running | None = None) -> None:
    """Write the files that a document shows into a folder, with the server's address in them where there is one."""
    address = server.address if server else DOCUMENTED
    for block in blocks:
        if block.file:
            (folder / block.file).write_text(block.text.replace(DOCUMENTED, address), encoding="utf-8")


def copy_of_the_project(folder: Path) -> Path:
    """The files of the project in a folder of their own; an environment that `make` finds complete is borrowed."""
    clone = folder / "trinity"
    shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns(*NOT_COPIED))
    complete = ["make", "--question", "--silent", ".venv/dev"]
    if subprocess.run(complete, cwd=ROOT, env=environment(), capture_output=True, check=False).returncode == 0:
        (clone / ".venv").symlink_to(ROOT / ".venv")
    return clone


def environment(**own: str) -> dict[str, str]:
    """A newcomer's: nothing that is meant for Trinity, nor for the make and the Python that run these tests."""
    foreign = (*OURS, "BROKER", "MAKE", "MFLAGS", "VIRTUAL_ENV", "PYTEST", "PYTHONPATH")
    return {key: value for key, value in os.environ.items() if not key.startswith(foreign)} | own


@contextmanager
def started(command: str, clone: Path) -> Iterator[Running]:
    """Run a command in the foreground on free ports until it is ready; Ctrl-C must then end all it started."""
    port, mark = free_port(), secrets.token_hex(8)
    environ = environment(PORT=str(port), FLOWER_PORT=str(free_port()), **{MARK: mark})
    log = clone.parent / f"{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["bash", "-c", command], cwd=clone, env=environ,
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    try:
        running = Running(f"localhost:{port}", log)
        _await_ready(process, running)
        yield running
        os.killpg(process.pid, signal.SIGINT)
        until(lambda: process.poll() is not None and not marked(mark), f"the end of {command!r}", STOP_S)
    finally:
        for left in marked(mark):
            with suppress(psutil.NoSuchProcess):
                left.kill()
        process.wait()


def _await_ready(process: "subprocess.Popen[bytes]", running: Running) -> None:
    ready = f"http://{running.address}/health/ready"
    try:
        until(lambda: process.poll() is not None or responds(ready), ready, START_S)
    except TimeoutError as error:
        raise AssertionError(f"{error}\n{running.log.read_text()}") from error
    assert process.poll() is None, running.log.read_text()


def marked(mark: str) -> list[psutil.Process]:
    """The processes that descend from a command, however they have daemonised: they carry its mark."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == mark:
                found.append(process)
    return found
