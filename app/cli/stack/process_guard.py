"""`python -m app.cli.stack.process_guard`: kill what a supervisor started, once the supervisor itself has ended."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress


def end_all_at_the_end(lines: Iterable[str]) -> None:
    """Read the numbers of process groups, one a line, until nobody can write any more; then kill the last ones first.

    The lines come from a pipe whose other end the supervisor alone holds: the kernel closes it when the supervisor
    ends, by whatever signal. A death signal (prctl(2)) would reach only the leaders, not what these have started.
    """
    groups = [int(line) for line in lines]
    for group in reversed(groups):
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    end_all_at_the_end(sys.stdin)
