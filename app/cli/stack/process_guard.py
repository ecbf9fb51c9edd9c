"""`python -m app.cli.stack.process_guard`: kill the programs of a supervisor that has ended."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress


def kill_after_last_line(lines: Iterable[str]) -> None:
    """Read the ids of process groups, one a line, until the lines end; then kill the groups, the last one first.

    The lines come from a pipe. Only the supervisor holds its other end, and the kernel closes it when the supervisor
    ends, whatever the signal. A death signal (prctl(2)) would reach the programs but not the processes they started.
    """
    groups = [int(line) for line in lines]
    for group in reversed(groups):
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    kill_after_last_line(sys.stdin)
