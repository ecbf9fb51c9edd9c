"""A fit of 1,000,000 × 16 by MultivariateRegressor against numpy's lstsq: its time, and its memory beyond the data."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

from tests.bench.report import Figure, in_turn, ratio
from tests.support.servers import ROOT

ROWS, INPUTS = 1_000_000, 16
ROUNDS = 3


def run() -> list[Figure]:
    """At least twice as fast, and less than 64 MB."""
    peaks: dict[str, list[float]] = {"trinity": [], "lstsq": []}
    ours, theirs = in_turn(ROUNDS, lambda: _child("trinity", peaks), lambda: _child("lstsq", peaks))
    faster, peak = 1 / ratio(ours, theirs), median(peaks["trinity"])
    lstsq = f"{median(peaks['lstsq']):.0f} MB"
    return [
        Figure(
            "fit, 1,000,000 × 16",
            f"{median(ours):.2f} s",
            f"numpy lstsq {median(theirs):.2f} s",
            faster,
            "≥ 2 × as fast",
            faster >= 2,
        ),
        Figure("  memory beyond the data", f"{peak:.1f} MB", f"numpy lstsq {lstsq}", None, "< 64 MB", peak < 64),
    ]


def _child(kind: str, peaks: dict[str, list[float]]) -> float:
    """Fit in a new process, whose memory nothing else has used."""
    command = [sys.executable, "-m", "tests.bench.fit", kind]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    measured = json.loads(output)
    peaks[kind].append(measured["peak_mb"])
    return float(measured["seconds"])


def measure(kind: str) -> dict[str, float]:
    """The seconds of one fit, and by how much it raised the peak of the process's memory (Linux's VmHWM)."""
    rng = np.random.default_rng(0)
    X = np.empty((ROWS, INPUTS))
    rng.standard_normal(out=X)
    y = X @ np.arange(1.0, INPUTS + 1) + 3
    _fit(kind, X[:100], y[:100])  # what a first call alone costs: imports, BLAS's own buffers
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak to what is resident now (proc(5))
    before_kb = _peak_kb()
    begin = time.perf_counter()
    coefficients = _fit(kind, X, y)
    seconds = time.perf_counter() - begin
    if not np.allclose(coefficients, np.arange(1.0, INPUTS + 1)):
        raise RuntimeError(f"{kind} found {coefficients}")
    return {"seconds": seconds, "peak_mb": (_peak_kb() - before_kb) / 1000}


def _fit(kind: str, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The coefficients without the intercept."""
    if kind == "trinity":
        from app.model.models import MultivariateRegressor

        return np.asarray(MultivariateRegressor().fit(X, y).coefficients_)[1:]
    return np.asarray(np.linalg.lstsq(np.column_stack([np.ones(len(X)), X]), y, rcond=None)[0][1:])


def _peak_kb() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise RuntimeError("/proc/self/status has no VmHWM; this benchmark needs Linux")
    return int(found[1])


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
