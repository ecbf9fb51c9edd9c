"""Functions that the tests call in children."""

import os
import resource
import signal
import time
from pathlib import Path
from typing import Any

from app.errors import Invalid
from app.model.isolation.isolated_calls import CallLimits, IsolatedCalls
from app.model.progress import report


def echoed(value: Any) -> Any:
    return value


def pids() -> list[int]:
    return [os.getppid(), os.getpid()]


def refused() -> None:
    raise Invalid.at("/file", "it is not good")


def raised() -> None:
    raise KeyError("nothing")


def slept(seconds: float) -> None:
    time.sleep(seconds)


def slept_and_wrote(seconds: float, path: str) -> None:
    time.sleep(seconds)
    Path(path).touch()


def looped() -> None:
    while True:
        pass


def reported(times: int) -> str:
    for i in range(times):
        report(i / times)
    return "done"


def filled(size_bytes: int) -> int:
    return len(b"1" * size_bytes)


def killed(number: int) -> None:
    os.kill(os.getpid(), number)


def wrote(path: str) -> None:
    Path(path).write_bytes(b"1" * 10_000)


def variables() -> list[str]:
    return sorted(os.environ)


def descriptors() -> list[int]:
    """The open ones, with that of the folder which lists them."""
    return [int(path.name) for path in Path("/dev/fd").iterdir()]


def segfaulted() -> None:
    killed(signal.SIGSEGV)


def nested(memory_bytes: int, time_s: float) -> Any:
    """Call from within a call."""
    calls = IsolatedCalls(CallLimits(memory_bytes, time_s))
    try:
        return calls.call(f"{__name__}:limits")
    finally:
        calls.close()


def limits() -> list[int]:
    """Return the limits of this process: of its CPU time in seconds, and of its files in bytes."""
    return [resource.getrlimit(which)[0] for which in (resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)]
