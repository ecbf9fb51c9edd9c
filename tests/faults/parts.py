"""One program of the stack that can be started, killed, frozen and started again, always at the same address."""

import os
import secrets
import signal
from contextlib import suppress
from pathlib import Path

import psutil

from tests.support import servers
from tests.support.servers import Launch, Server

START_S = 60


class Part:
    """A program with its log. It runs in a process group of its own; `signal_all` reaches the whole group."""

    def __init__(self, name: str, folder: Path, launch: Launch) -> None:
        self.name, self.launch = name, launch
        self._folder = folder
        self._server: Server | None = None
        self._wanted = False

    @property
    def url(self) -> str:
        return self.launch.url

    @property
    def pid(self) -> int:
        assert self._server is not None, f"{self.name} was never started"
        return self._server.process.pid

    @property
    def runs(self) -> bool:
        return self._server is not None and self._server.process.poll() is None

    @property
    def fallen(self) -> bool:
        """Whether it ended although the harness did not end it."""
        return self._wanted and not self.runs

    def start(self, *, wait: bool = True) -> None:
        """Start it, unless it runs; RuntimeError with the end of its log when it doesn't answer in time."""
        self._wanted = True
        if not self.runs:
            log = self._folder / f"{self.name}-{secrets.token_hex(3)}.log"
            self._server = servers.spawn(self.name, log, self.launch)
        if wait:
            self.await_ready()

    def await_ready(self) -> None:
        assert self._server is not None
        servers.await_ready(self._server, self.launch, START_S)

    def signal(self, number: int) -> None:
        """Send a signal to the leader alone, as an orchestrator does."""
        self._wanted &= number != signal.SIGTERM
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def signal_all(self, number: int) -> None:
        """Send a signal to the whole group, as the end of its machine would."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """End all of it without warning."""
        self._wanted = False
        if self._server is not None:
            self.signal_all(signal.SIGKILL)
            self._server.process.wait()

    def freeze(self) -> None:
        self.signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal_all(signal.SIGCONT)

    def stop(self, grace_s: float = 10) -> None:
        """End it in good order, and by force after `grace_s`."""
        self._wanted = False
        if self._server is not None:
            self.thaw()
            servers.stop(self._server.process, grace_s)

    def await_end(self, grace_s: float) -> None:
        """Wait until the leader has ended; subprocess.TimeoutExpired when it doesn't."""
        assert self._server is not None
        self._server.process.wait(grace_s)

    def children(self) -> list[psutil.Process]:
        """The processes beneath the leader."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.pid).children(recursive=True)
        return []

    def tail(self) -> str:
        return self._server.tail() if self._server else f"--- {self.name}: never started ---"
