"""A library that takes long to load, and memory."""

import time

SLOW_S = 1.5
time.sleep(SLOW_S)
TABLES = bytes(96 * 1024**2)


def used() -> int:
    return len(TABLES)
