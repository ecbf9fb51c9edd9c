"""`python -m app.cli.stack.process_guard`: kill the programs of a supervisor that has ended, the last one first.

Standard input has the ids of their process groups, one per line. Only the supervisor holds the other end of this pipe,
and the kernel closes it when the supervisor ends, after any signal. A death signal (prctl(2)) would reach the
programs but not the processes they started.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

if __name__ == "__main__":
    for group in reversed(sys.stdin.readlines()):
        with suppress(ProcessLookupError):
            os.killpg(int(group), signal.SIGKILL)
