"""The folder of the web processes' numbers: whatever is in it, gunicorn's master goes on."""

import struct
from pathlib import Path

import pytest

from app.telemetry.multiprocess import MetricsDir


def test_a_damaged_file_is_logged_and_no_reason_to_stop(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Such as one that a full disk cut off."""
    (tmp_path / "counter_7.db").write_bytes(struct.pack("iii", 24, 0, 1000) + b"x" * 12)  # a name of 1000 bytes
    MetricsDir(tmp_path).merge_dead(7)
    assert caplog.messages == ["the numbers of process 7 are lost"]
