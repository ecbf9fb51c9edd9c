"""The memory that this process takes, as the system counts it."""

from __future__ import annotations

import resource
from pathlib import Path


def resident_bytes() -> int:
    """Return the bytes in memory; where there is no /proc, the most that there ever were."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()
