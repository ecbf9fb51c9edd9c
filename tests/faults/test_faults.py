"""Every fault once, on a stack of each broker: nothing lost, done twice, made up or changed after its end."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.faults.faults import FAULTS
from tests.faults.run import Row
from tests.faults.running_stack import BROKERS
from tests.support import servers
from tests.support.servers import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Quick:
    """The quick set, started once for both brokers side by side; each test waits for its row."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = {broker: self._start(broker) for broker in BROKERS if not _missing(broker)}

    def row(self, fault: str, broker: str) -> Row:
        """A row when it is done; fails with what the run printed when it ended without one."""
        process, path = self._runs[broker], self._folder / f"{broker}.jsonl"
        found: list[Row] = []

        def done() -> bool:
            ended = process.poll() is not None
            lines = path.read_bytes().splitlines() if path.exists() else []
            found[:] = [row for row in map(_decode, lines) if row.fault == fault]
            return bool(found) or ended

        servers.until(done, f"{fault} on {broker}", 600)
        if not found:
            pytest.fail(f"no row\n{(self._folder / f'{broker}.log').read_text()[-3000:]}")
        return found[0]

    def stop(self) -> None:
        """End what still runs: rows that no test asked for."""
        for process in self._runs.values():
            process.terminate()
        for process in self._runs.values():
            process.wait(60)

    def _start(self, broker: str) -> "subprocess.Popen[bytes]":
        files = ["--rows", self._folder / f"{broker}.jsonl", "--lock", self._folder / "lock"]
        command = [sys.executable, "-m", "tests.faults", "--broker", broker, *files]
        with (self._folder / f"{broker}.log").open("wb") as out:
            return subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quick]:
    running = Quick(tmp_path_factory.mktemp("faults"))
    yield running
    running.stop()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("broker", BROKERS)
def test_nothing_is_lost_doubled_made_up_or_changed(quick: Quick, fault: str, broker: str) -> None:
    if missing := _missing(broker):
        pytest.skip(missing)
    row = quick.row(fault, broker)
    assert row.ok, "\n".join(row.failures)


def _missing(broker: str) -> str:
    return servers.missing_rabbitmq() if broker == "rabbit" else ""


def _decode(line: bytes) -> Row:
    return msgspec.json.decode(line, type=Row)
