"""Runs programs side by side in one terminal: started in tiers, their lines named and coloured, stopped as one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from threading import Thread
from types import FrameType

START_S = 60.0  # the longest a program may take until it is ready
GRACE_S = 10.0  # the longest a program may take to leave when asked
POLL_S = 0.1
COLOURS = tuple(f"\x1b[{code}m" for code in (36, 33, 32, 35, 34, 31))
PLAIN = "\x1b[0m"


@dataclass(frozen=True, eq=False)
class Program:
    """One program: `ready` tells whether it answers yet."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: Callable[[], bool] = lambda: True


class Supervisor:
    """Parts in tiers: a tier starts when the one before is ready, and stops when the one behind it is gone.

    Each part has a session of its own: a Ctrl-C in the terminal reaches the supervisor alone, which then stops the
    parts in order, and whatever a part leaves behind is ended by its process group: by the guard, when the supervisor
    itself is killed.
    """

    def __init__(self, tiers: Sequence[Sequence[Program]]) -> None:
        self._tiers = tiers
        self._running: dict[Program, subprocess.Popen[bytes]] = {}
        self._guard: subprocess.Popen[bytes] | None = None
        self._threads: list[Thread] = []
        self._signals = 0
        self._width = max(len(part.name) for tier in tiers for part in tier)
        self._colours = cycle(COLOURS if sys.stdout.isatty() and "NO_COLOR" not in os.environ else [""])

    def run(self, when_ready: Callable[[], None]) -> int:
        """Run until a signal or until a part ends; return the exit status: 0 after a signal, 1 after a part's end."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            self._start(when_ready)
            while self._intact():
                time.sleep(POLL_S)
            self._report_why()
        except OSError as error:  # a program that isn't there or isn't ready in time
            self._report(str(error))
        finally:
            failed = not self._signals
            self._stop()
        return int(failed)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1

    def _intact(self) -> bool:
        """Return whether nobody asked to stop and every part still runs."""
        return not self._signals and all(process.poll() is None for process in self._running.values())

    def _start(self, when_ready: Callable[[], None]) -> None:
        """Start tier by tier, for as long as no part ends and no signal comes; TimeoutError when one isn't ready."""
        self._guard = _guard()
        for tier in self._tiers:
            for part in tier:
                self._spawn(part, self._guard)
            end = time.monotonic() + START_S
            waiting = [part for part in tier if not part.ready()]
            while waiting and self._intact():
                if time.monotonic() > end:
                    raise TimeoutError(f"{waiting[0].name} wasn't ready within {START_S:g} s")
                time.sleep(POLL_S)
                waiting = [part for part in waiting if not part.ready()]
            if not self._intact():
                return
        when_ready()

    def _spawn(self, part: Program, guard: subprocess.Popen[bytes]) -> None:
        process = subprocess.Popen(
            part.command,
            env=part.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._running[part] = process
        os.write(guard.stdin.fileno(), b"%d\n" % process.pid)  # type: ignore[union-attr]
        thread = Thread(target=self._relay, args=(part.name, next(self._colours), process), daemon=True)
        thread.start()
        self._threads.append(thread)

    def _relay(self, name: str, colour: str, process: subprocess.Popen[bytes]) -> None:
        """Print a part's lines; when the terminal is gone keep reading, so that no part blocks, and stop."""
        for line in process.stdout or ():
            try:
                self._print(name, line.decode(errors="replace").rstrip(), colour)
            except OSError:
                self._signals = max(self._signals, 1)

    def _print(self, name: str, text: str, colour: str = "") -> None:
        plain = PLAIN if colour else ""
        sys.stdout.write(f"{colour}{name:<{self._width}} |{plain} {text}\n")
        sys.stdout.flush()

    def _report_why(self) -> None:
        """Say why it stops: the wish of who runs it, or a part that ended by itself."""
        if self._signals:
            self._report("stopping; another Ctrl-C ends everything at once")
            return
        for part, process in self._running.items():
            if process.poll() is not None:
                self._report(f"{part.name} ended with status {process.returncode}, stopping the rest")

    def _report(self, text: str) -> None:
        with suppress(OSError):
            self._print("stack", text)

    def _stop(self) -> None:
        """Ask each tier to leave, the last one first; end what is still there after GRACE_S or at a second signal."""
        for tier in reversed(self._tiers):
            processes = [self._running[part] for part in tier if part in self._running]
            for process in processes:
                if process.poll() is None:
                    process.terminate()
            end = time.monotonic() + GRACE_S
            while any(process.poll() is None for process in processes):
                if time.monotonic() > end or self._signals > 1:
                    break
                time.sleep(POLL_S / 2)
            for process in processes:
                _end_group(process)
        if self._guard is not None:
            self._guard.kill()  # nothing is left to guard, and the numbers may soon be others'
            self._guard.communicate()
        for thread in self._threads:
            thread.join(timeout=1)


def _guard() -> subprocess.Popen[bytes]:
    """Start the guard, in a session of its own: what ends the supervisor's group doesn't end it."""
    command = [sys.executable, "-m", "app.cli.stack.process_guard"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End whatever is left of a part's process group, its children too."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
