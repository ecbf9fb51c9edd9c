"""A worker's node: which processes are its own, how they end, and that they end with it."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

import pytest

from app.queue.ledger.scripts import LedgerUnavailable
from app.queue.worker.node import new_name, release_later
from tests.support.fakes import DEADLINE_S
from tests.support.servers import ROOT

LOADED_S = 60.0  # a new Python imports the application first

CHILDREN = """
import billiard, json, subprocess, sys
from app.queue.worker.node import ExpectedExits, children

kill = ExpectedExits().kill

def stay(ends):
    ends.recv()

def main():
    mine, theirs = billiard.Pipe()
    first, second = started = [billiard.Process(target=stay, args=(theirs,)) for _ in range(2)]
    stranger = subprocess.Popen(["sleep", "60"])
    seen = {"before": children()}
    for each in started:
        each.start()
    seen["started"] = [str(each.pid) for each in started]
    seen["living"] = children()
    kill(str(stranger.pid))
    kill("nobody")
    kill(str(first.pid))
    first.join()
    seen["left"] = children()
    seen["codes"] = [first.exitcode, second.exitcode, stranger.poll()]
    kill(str(first.pid))
    kill(str(second.pid))
    second.join()
    stranger.kill()
    stranger.wait()
    print(json.dumps(seen))

main()
"""

STOPPED_BY = """
import billiard, json, os, signal
from app.queue.worker.node import StoppedProcesses, end_on_signals

def stay(ready):
    billiard.common.reset_signals()
    end_on_signals()
    ready.send(os.getpid())
    try:
        signal.pause()
    except BaseException:
        ready.send("an exception")

def main():
    mine, theirs = billiard.Pipe()
    processes, seen = StoppedProcesses(), {}
    for name in ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGKILL"):
        child = billiard.Process(target=stay, args=(theirs,))
        child.start()
        assert mine.recv() == child.pid
        processes.children()
        os.kill(child.pid, getattr(signal, name))
        child.join()
        processes.children()
        seen[name] = [-child.exitcode, processes.was_stopped(str(child.pid)), mine.poll()]
    print(json.dumps(seen))

main()
"""

FAMILY = """
import os, signal
from app.queue.worker.node import exit_with_parent

parent = os.getpid()
child = os.fork()
if child == 0:
    exit_with_parent(parent)
    print("ready", flush=True)
signal.pause()
"""

ORPHAN = """
import os, signal
from app.queue.worker.node import exit_with_parent

parent = os.getpid()
ends, held = os.pipe()
if os.fork() == 0:
    os.close(held)
    os.read(ends, 1)
    exit_with_parent(parent)
    signal.pause()
"""

STOPPED = """
from app.queue.worker.node import release_later

release_later(lambda: None, 3600)
print("over", flush=True)
"""


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What a process saw of its children: two of its own, and one that is none of a worker's."""
    answer = subprocess.run(
        [sys.executable, "-c", CHILDREN], cwd=ROOT, capture_output=True, check=True, timeout=LOADED_S
    ).stdout
    found: dict[str, Any] = json.loads(answer)
    return found


def test_children_are_the_living_processes_of_the_worker(seen: dict[str, Any]) -> None:
    """Each by its process id, none once it has ended."""
    assert seen["before"] == []
    assert sorted(seen["living"]) == sorted(seen["started"])
    assert seen["left"] == seen["started"][1:]


def test_only_children_are_killed(seen: dict[str, Any]) -> None:
    """By their ids: neither a stranger, nor what is no process, nor a child's number after its end."""
    assert seen["codes"] == [-signal.SIGKILL, None, None]


def test_a_signal_ends_a_process_at_once_and_raises_nothing_in_it() -> None:
    """Those that ask a process to end are told from the others."""
    command = [sys.executable, "-c", STOPPED_BY]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=LOADED_S).stdout
    assert json.loads(answer) == {
        "SIGTERM": [signal.SIGTERM, True, False],
        "SIGHUP": [signal.SIGHUP, True, False],
        "SIGUSR1": [signal.SIGUSR1, False, False],
        "SIGKILL": [signal.SIGKILL, False, False],
    }


def test_a_process_ends_with_its_worker() -> None:
    """The worker is killed and can do nothing; its child, in the midst of anything, ends too."""
    parent = subprocess.Popen([sys.executable, "-c", FAMILY], cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        os.kill(parent.pid, signal.SIGKILL)
        assert parent.communicate(timeout=DEADLINE_S)[0] == b""  # the pipe ends when no process has it open
    finally:
        end_group(parent)


def test_a_process_ends_whose_worker_was_killed_before_it_looked() -> None:
    """Its parent is then another, which lives for long."""
    over = subprocess.Popen([sys.executable, "-c", ORPHAN], cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert over.communicate(timeout=LOADED_S)[0] == b""  # the pipe is closed when both have ended
        assert over.returncode == 0
    finally:
        end_group(over)


def test_names_are_never_used_twice() -> None:
    """Two workers on one host, and one that was started anew, are three nodes."""
    names = {new_name() for _ in range(3)}
    assert len(names) == 3
    assert not any(set(name) & set(" :\n") for name in names)


def test_jobs_are_handed_back_when_their_time_is_over() -> None:
    """From a thread of its own: who says that the worker stops goes on."""
    handed_back = threading.Event()
    release_later(handed_back.set, 0.01)
    assert handed_back.wait(DEADLINE_S)


def test_a_ledger_that_is_away_at_the_end_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """And no bare traceback of a thread."""
    tried = threading.Event()

    def release_all() -> None:
        tried.set()
        raise LedgerUnavailable("the ledger doesn't answer")

    before = set(threading.enumerate())
    release_later(release_all, 0)
    assert tried.wait(DEADLINE_S)
    for thread in set(threading.enumerate()) - before:
        thread.join(DEADLINE_S)
    assert caplog.messages == [
        "jobs could not be released, other workers take them over when their leases end: the ledger doesn't answer"
    ]


def test_a_worker_without_jobs_stops_at_once() -> None:
    """It does not wait for the moment at which jobs would be released."""
    stopped = subprocess.run(
        [sys.executable, "-c", STOPPED], cwd=ROOT, capture_output=True, check=True, timeout=LOADED_S
    )
    assert stopped.stdout == b"over\n"


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Leave nothing behind, whatever the test found."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
