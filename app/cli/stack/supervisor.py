"""Runs programs side by side in one terminal: starts them in stages, shows their lines, stops them together."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from subprocess import DEVNULL, PIPE, STDOUT, Popen
from threading import Thread
from types import FrameType

import click

START_S = 60.0  # the longest a program may take until it is ready
GRACE_S = 10.0  # the longest a program may take to end after SIGTERM
POLL_S = 0.1
COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red")


@dataclass(frozen=True, eq=False)
class Program:
    """A program to run. `ready` returns whether it can be used yet; `restarts`, whether it starts again when killed."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: Callable[[], bool] = lambda: True
    restarts: bool = False


class Supervisor:
    """Programs in stages. A stage starts when the stage before it is ready; they stop in the opposite order.

    Each program has a session of its own, so that a Ctrl-C in the terminal reaches only the supervisor, which then
    stops the programs in order. Processes that a program leaves behind are killed by its process group. The guard
    does that when the supervisor itself is killed.
    """

    def __init__(self, stages: Sequence[Sequence[Program]], preparation: Program | None = None) -> None:
        """Take programs that run until all stop, and one that runs once after these are ready."""
        self._stages = stages
        self._preparation = [preparation] if preparation else []
        self._running: dict[Program, Popen[bytes]] = {}
        self._threads: list[Thread] = []
        self._signals = 0
        self._width = max(len(program.name) for stage in [*stages, self._preparation] for program in stage)
        self._colours = cycle(COLOURS if sys.stdout.isatty() and "NO_COLOR" not in os.environ else [None])

    def run(self, when_ready: Callable[[], None]) -> int:
        """Run until a signal comes or a program ends. Return the exit status: 0 after a signal, else 1.

        A program that `restarts` and was killed, by hand or for its memory, is started again instead.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        # the guard has a session of its own, so that a kill of the supervisor's group does not end it
        guard = Popen([sys.executable, "-m", "app.cli.stack.process_guard"], stdin=PIPE, start_new_session=True)
        try:
            self._start(guard, when_ready)
            while self._all_running():
                time.sleep(POLL_S)
                self._restart_killed(guard)
            self._report_reason()
        except OSError as error:  # a program is not installed, or not ready in time
            self._report(str(error))
        finally:
            failed = not self._signals
            self._stop()
            guard.kill()  # nothing is left to guard, and other processes may get these ids
            guard.communicate()
        return int(failed)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1

    def _all_running(self) -> bool:
        """Return whether no signal has arrived and every program still runs, or will be started again."""
        return not self._signals and all(
            process.poll() is None or (program.restarts and process.returncode < 0)
            for program, process in self._running.items()
        )

    def _start(self, guard: Popen[bytes], when_ready: Callable[[], None]) -> None:
        """Start stage by stage until a program ends or a signal arrives; raise TimeoutError if one is too late."""
        for stage in self._stages:
            for program in stage:
                self._spawn(program, guard)
            end = time.monotonic() + START_S
            for program in stage:
                while self._all_running() and not program.ready():
                    self._restart_killed(guard)
                    if time.monotonic() > end:
                        raise TimeoutError(f"{program.name} is not ready after {START_S:g} s")
                    time.sleep(POLL_S)
            if not self._all_running():
                return
        if all(self._run_to_end(program, guard) for program in self._preparation):
            when_ready()

    def _run_to_end(self, program: Program, guard: Popen[bytes]) -> bool:
        """Run a program until it ends; return False if all must stop before that, raise OSError if it fails."""
        self._spawn(program, guard)
        process = self._running.pop(program)
        while (running := process.poll() is None) and self._all_running():
            self._restart_killed(guard)
            time.sleep(POLL_S)
        if running:
            self._running[program] = process  # to be stopped with the others
        elif process.returncode:
            raise ChildProcessError(f"{program.name} ended with status {process.returncode}")
        return not running

    def _restart_killed(self, guard: Popen[bytes]) -> None:
        """Start programs again that have `restarts` and were ended by a signal."""
        killed = [each for each, process in self._running.items() if each.restarts and (process.poll() or 0) < 0]
        for program in killed:
            process = self._running[program]
            self._report(f"{program.name} ended with status {process.returncode}, starting it again")
            _kill_group(process)
            self._spawn(program, guard)

    def _spawn(self, program: Program, guard: Popen[bytes]) -> None:
        command, environment = program.command, program.environment
        process = Popen(command, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True)
        self._running[program] = process
        os.write(guard.stdin.fileno(), b"%d\n" % process.pid)  # type: ignore[union-attr]
        thread = Thread(target=self._relay, args=(program.name, next(self._colours), process), daemon=True)
        thread.start()
        self._threads.append(thread)

    def _relay(self, name: str, colour: str | None, process: Popen[bytes]) -> None:
        """Print a program's lines. Without a terminal, read on, so that no program blocks, and stop them all."""
        for line in process.stdout or ():
            try:
                self._print(name, line.decode(errors="replace").rstrip(), colour)
            except OSError:
                self._signals = max(self._signals, 1)

    def _print(self, name: str, text: str, colour: str | None = None) -> None:
        label = f"{name:<{self._width}} |"
        click.echo(f"{click.style(label, fg=colour) if colour else label} {text}", color=True)

    def _report_reason(self) -> None:
        """Print why the programs are stopped: a signal, or one of them has ended."""
        if self._signals:
            self._report("stopping; press Ctrl-C again to kill everything at once")
            return
        for program, process in self._running.items():
            if process.poll() is not None:
                self._report(f"{program.name} ended with status {process.returncode}, stopping the rest")

    def _report(self, text: str) -> None:
        with suppress(OSError):
            self._print("stack", text)

    def _stop(self) -> None:
        """Terminate each stage, the last one first; kill what still runs after GRACE_S or at a second signal."""
        for stage in reversed([*self._stages, self._preparation]):
            processes = [self._running[program] for program in stage if program in self._running]
            for process in processes:
                if process.poll() is None:
                    process.terminate()
            end = time.monotonic() + GRACE_S
            while any(process.poll() is None for process in processes):
                if time.monotonic() > end or self._signals > 1:
                    break
                time.sleep(POLL_S / 2)
            for process in processes:
                _kill_group(process)
                process.wait()
        for thread in self._threads:
            thread.join(timeout=1)


def _kill_group(process: Popen[bytes]) -> None:
    """Kill the remaining processes of a program's process group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
