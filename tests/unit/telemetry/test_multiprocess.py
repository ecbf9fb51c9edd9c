"""The folder of the web processes' metrics: counts outlive a process, and the number of files is bounded."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import prometheus_client  # noqa: F401  it looks at the environment when it is imported: before a test sets FOLDER
import pytest

from app.telemetry.multiprocess import FOLDER, MetricsDir

COUNT = """
from app.telemetry.metrics import ServiceMetrics
metrics = ServiceMetrics()
metrics.requests("GET", "/ping", 200, [0.001])
metrics.settle()
print(metrics.exposition([]).decode())
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MetricsDir]:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    made = MetricsDir(tmp_path)
    yield made
    made.remove()


def counted() -> str:
    """A new process answers a request; what it says of all processes."""
    return subprocess.run([sys.executable, "-c", COUNT], check=True, capture_output=True, text=True).stdout


def test_processes_that_follow_each_other_go_on_counting_in_the_same_files(folder: MetricsDir, tmp_path: Path) -> None:
    for process in range(1, 4):
        folder.assign(process)
        text = counted()
        assert f'trinity_http_requests_total{{method="GET",route="/ping",status="200"}} {process}.0' in text
        assert f'duration_seconds_bucket{{le="+Inf",route="/ping"}} {process}.0' in text
        assert "trinity_web_processes 1.0" in text
        assert len(list(tmp_path.glob("*.db"))) == 3
        folder.release(process)
        assert not list(tmp_path.glob("gauge*"))


def test_processes_that_run_at_once_have_files_of_their_own(folder: MetricsDir, tmp_path: Path) -> None:
    """As old and new ones do while a reload is under way; the slot of the first to end is the next to be taken."""
    for process in (7, 8):
        folder.assign(process)
        text = counted()
    assert "trinity_web_processes 2.0" in text
    assert 'route="/ping",status="200"} 2.0' in text
    folder.release(7)
    folder.assign(9)
    assert "trinity_web_processes 2.0" in counted()
    assert {file.name for file in tmp_path.glob("counter*")} == {"counter_0.db", "counter_1.db"}


def test_a_process_that_never_started_is_released(folder: MetricsDir) -> None:
    folder.release(5)
