"""How long threads wait before they demand the interpreter's lock: the event loop's thread demands it first.

A thread that waits for the lock makes its holder give it up after sys.getswitchinterval(). But the wait begins anew
each time that the holder releases the lock and takes it again. A model that does so often (scikit-learn's forests do,
once a tree, about every 30 µs) keeps the event loop from running as long as its call takes, or much longer where one
call follows the other. So the interval has to be shorter than that, and so has the timer slack of the event loop's
thread: the kernel may end a wait later by so much (prctl(2), PR_SET_TIMERSLACK), by default by 50 µs.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

INTERVAL_S = 20e-6
LONG_INTERVAL_S = 1e-3  # where there is no slack to set: all threads would wait for as short a time
LOOP_SLACK_NS, MODEL_SLACK_NS = 1, 50_000


def prefer_this_thread() -> None:
    """Let this thread, the event loop's, have the lock soon. Threads that it starts inherit its timer slack."""
    sys.setswitchinterval(INTERVAL_S if _set_slack_ns(LOOP_SLACK_NS) else LONG_INTERVAL_S)


def defer_this_thread() -> None:
    """Let this thread, which runs models, wait longer for the lock than the event loop's."""
    _set_slack_ns(MODEL_SLACK_NS)


def _set_slack_ns(slack_ns: int) -> bool:
    """Set the timer slack of this thread; return whether this system has one."""
    try:
        Path(f"/proc/{threading.get_native_id()}/timerslack_ns").write_text(str(slack_ns), encoding="ascii")
    except OSError:
        return False
    return True
