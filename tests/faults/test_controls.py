"""The harness notices: with a safeguard taken out, the rows that it guards turn red, each by the count it should."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.faults.run import Row
from tests.support.servers import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
# safeguard: the row that turns red without it, and by which of its counts
CONTROLS = {
    "fence": ("frozen-worker", "flaps"),
    "reconciler": ("broker-wiped", "lost"),
    "fsync": ("ledger-power-cut", "lost"),
    "idempotency": ("duplicate-posts", "duplicates"),
}


@pytest.mark.parametrize("safeguard", CONTROLS)
def test_without_a_safeguard_its_row_turns_red(safeguard: str, tmp_path: Path) -> None:
    fault, count = CONTROLS[safeguard]
    rows = tmp_path / "rows.jsonl"
    command = [sys.executable, "-m", "tests.faults", "--broker", "redis", "--only", fault, "--rows", rows]
    ended = subprocess.run([*command, "--without", safeguard], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr
    row = msgspec.json.decode(rows.read_bytes(), type=Row)
    assert getattr(row, count) > 0, ended.stderr
