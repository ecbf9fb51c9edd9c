"""What a model costs: its memory, and the time to load it and to predict."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

from app.model.estimator import FittedModel
from app.service.contract.findings import Finding
from app.service.contract.model_case import ModelCase
from app.service.model_calls import save_model
from app.service.restoring import as_read

MAX_S = 0.3  # how long each operation is timed
LOADS = 5
LARGE_BYTES = 1024**2
HELD = "override held_bytes: the service drops versions from memory by it"


def check_memory(case: ModelCase) -> list[Finding]:
    """Compare the model's own figure for its memory with the allocations while it is restored."""
    stored = as_read(save_model(case.fit()))
    case.estimator.load(stored)  # so that one-time allocations do not count
    tracemalloc.start()
    model = case.estimator.load(stored)
    measured_bytes = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    held_bytes = model.held_bytes()
    figure = f"{held_bytes:,} bytes held, {measured_bytes:,} measured"
    if measured_bytes > LARGE_BYTES and measured_bytes > 2 * held_bytes:
        return [Finding("memory", "warning", figure, HELD)]
    return [Finding("memory", "ok", figure)]


def load_time(case: ModelCase, model: FittedModel) -> Finding:
    """Measure the time to restore a model, the median of several."""
    stored = as_read(save_model(model))
    loads_s = sorted(_seconds(lambda: case.estimator.load(stored)) for _ in range(LOADS))
    return Finding("load", "ok", f"{1000 * loads_s[LOADS // 2]:.3g} ms")


def best_s(call: Callable[[], object]) -> float:
    """Return the minimum time of several calls in seconds, the least disturbed one."""
    ends_s = time.perf_counter() + MAX_S
    found_s = _seconds(call)
    while time.perf_counter() < ends_s:
        found_s = min(found_s, _seconds(call))
    return found_s


def _seconds(call: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    call()
    return time.perf_counter() - started_s
