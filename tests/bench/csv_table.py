"""A fit of a CSV file of 100 MB in one process against pandas.read_csv and scikit-learn: its time and its memory."""

import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from tests.bench.report import Figure, in_turn, ratio
from tests.support.servers import ROOT

ROWS, INPUTS = 280_000, 18
ROUNDS = 3


def run() -> list[Figure]:
    """At most 1.5 × their time, and 3 × the file in memory."""
    peaks: dict[str, list[float]] = {"trinity": [], "pandas": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        size_mb = _write(path) / 1e6
        ours, theirs = in_turn(ROUNDS, lambda: _child("trinity", path, peaks), lambda: _child("pandas", path, peaks))
    slower, held = ratio(ours, theirs), median(peaks["trinity"]) / size_mb
    return [
        Figure(
            f"fit, CSV of {size_mb:.0f} MB",
            f"{median(ours):.2f} s",
            f"pandas and scikit-learn {median(theirs):.2f} s",
            slower,
            "≤ 1.5 × their time",
            slower <= 1.5,
        ),
        Figure(
            "  memory, with the file",
            f"{median(peaks['trinity']):.0f} MB",
            f"pandas and scikit-learn {median(peaks['pandas']):.0f} MB",
            held,
            "≤ 3 × the file",
            held <= 3,
        ),
    ]


def _write(path: Path) -> int:
    """Write the table, and return its bytes."""
    import pyarrow as pa
    from pyarrow import csv

    X = np.random.default_rng(0).standard_normal((ROWS, INPUTS))
    y = X @ np.arange(1.0, INPUTS + 1) + 3
    csv.write_csv(pa.table([*X.T, y], names=[*(f"x{i}" for i in range(INPUTS)), "y"]), path)
    return path.stat().st_size


def _child(kind: str, path: Path, peaks: dict[str, list[float]]) -> float:
    """Read and fit in a new process, whose memory nothing else has used."""
    command = [sys.executable, "-m", "tests.bench.csv_table", kind, str(path)]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    measured = json.loads(output)
    peaks[kind].append(measured["peak_mb"])
    return float(measured["seconds"])


def measure(kind: str, path: Path) -> dict[str, float]:
    """The seconds from the file's bytes to the coefficients, and the file plus the growth of the memory's peak."""
    raw = path.read_bytes()
    _fit(kind, raw[: raw.index(b"\n", 100_000) + 1])  # what a first call alone costs: imports, BLAS's own buffers
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak to what is resident now (proc(5))
    before_kb = _peak_kb()
    begin = time.perf_counter()
    coefficients = _fit(kind, raw)
    seconds = time.perf_counter() - begin
    if not np.allclose(coefficients, np.arange(1.0, INPUTS + 1)):
        raise RuntimeError(f"{kind} found {coefficients}")
    return {"seconds": seconds, "peak_mb": len(raw) / 1e6 + (_peak_kb() - before_kb) / 1000}


def _fit(kind: str, raw: bytes) -> np.ndarray:
    """The coefficients without the intercept."""
    if kind == "trinity":
        from app.bootstrap import build
        from app.serve.bodies.csv_body import parse_csv
        from app.settings import load

        with tempfile.TemporaryDirectory() as store:
            service = build(load({**os.environ, "TRINITY_STORE": store, "TRINITY_MODE": "sync"})).service
            request = parse_csv("fit", raw, {"model": "multivariate", "target": "y"})
            _, result = service.run(service.check("fit", request), "job", time.time())
            return np.array(result["coefficients"][1:])
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    frame = pd.read_csv(io.BytesIO(raw))
    return np.asarray(LinearRegression().fit(frame.drop(columns="y"), frame["y"]).coef_)


def _peak_kb() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise RuntimeError("/proc/self/status has no VmHWM; this benchmark needs Linux")
    return int(found[1])


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
