"""Clocks that are wrong: the ledger's is off by the seconds in the key `faults:clock`, that of each process by hours.

libfaketime would need to be installed and can't be moved while a server runs; the ledger asks for the time in one
place, and the processes by time.time.
"""

import os
import time

from app.model.polynomial import PolynomialRegressor
from tests.faults.without.scripts import alter

OFFSET = "time[1] = string.format('%d', time[1] + (redis.call('GET', 'faults:clock') or 0))"
APART_S = 3600 * (os.getpid() % 5 - 2)
_right = time.time

alter(("local time = redis.call('TIME')\n", f"local time = redis.call('TIME')\n{OFFSET}\n"))
time.time = lambda: _right() + APART_S


class Untimely(PolynomialRegressor):
    """A module of models has to have one."""

    name = "without-time"
