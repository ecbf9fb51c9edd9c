"""The blocks of docs/operations.md: each is tried by a test, those without another test here."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx

from tests.support import servers
from tests.support.operations import PAGE, command_blocks, run
from tests.support.prometheus import RULES, needs_prometheus
from tests.support.servers import ROOT, Launch, free_port
from tests.support.systemd_units import UNITS

TRIED_BY = {
    "back up, plain": "test_operations_backup.py",
    "back up, compose": "test_operations_backup.py",
    "back up, sync": "test_operations_backup.py",
    "restore, plain": "test_operations_backup.py",
    "restore, compose": "test_operations_backup.py",
    "HTTPS for the container stack": "test_operations_tls.py",
    "a certificate to try it with": "test_operations_tls.py",
    "how many jobs wait or run": "test_operations_page.py",
    "remove old versions but the newest $KEEP": "test_operations_page.py",
    "nginx below a path": "test_path_prefix.py",
    "redis.conf": "test_operations_page.py",
    "prometheus.yml": "test_operations_page.py",
}


def test_every_block_is_tried() -> None:
    """By the test that is named here; the commands of systemctl alone have no title, and need a running systemd."""
    assert command_blocks().keys() == TRIED_BY.keys()
    for title, file in TRIED_BY.items():
        assert title.partition(",")[0] in (Path(__file__).parent / file).read_text(encoding="utf-8")


def test_the_page_names_what_is_there() -> None:
    """Files of deploy/, units, and commands of `python -m app`."""
    text = PAGE.read_text(encoding="utf-8")
    assert [
        name for name in set(re.findall(r"\bdeploy/[\w./@-]*\w(?!\*)", text)) if not list(ROOT.glob(f"{name}*"))
    ] == []
    units = {re.split("[@.]", path.name)[0] for path in UNITS.glob("trinity-*")}
    assert set(re.findall(r"\btrinity-[a-z]+\b", text)) == units
    commands = set(re.findall(r"python -m app ([a-z]+(?: [a-z]+)?)", " ".join(text.split())))
    assert {"doctor", "jobs list"} <= commands
    for command in commands:
        words = [sys.executable, "-m", "app", *command.split()[: 2 if command.startswith("jobs") else 1], "--help"]
        assert subprocess.run(words, cwd=ROOT, capture_output=True, check=False).returncode == 0, command


@needs_prometheus
def test_prometheus_takes_the_configuration_for_several_hosts(tmp_path: Path) -> None:
    shutil.copy(RULES, tmp_path / "alerts.yml")
    (tmp_path / "prometheus.yml").write_text(command_blocks()["prometheus.yml"])
    command = ["promtool", "check", "config", tmp_path / "prometheus.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_doctor_finds_nothing_wrong_with_the_documented_ledger(tmp_path: Path) -> None:
    """The block is a configuration with which Redis starts, and what doctor wants to see."""
    port = free_port()
    config = command_blocks()["redis.conf"]
    (tmp_path / "redis.conf").write_text(f"{config}\nport {port}\ndir {tmp_path}\n")
    url = f"redis://:PASSWORD@127.0.0.1:{port}"
    launch = servers.valkey_launch(tmp_path, "always")
    start = Launch(
        [launch.command[0], tmp_path / "redis.conf"], url, lambda log: "ready" in log.read_text().lower(), {}
    )
    with servers.served("ledger", tmp_path, lambda: start):
        env = {"TRINITY_MODE": "async", "TRINITY_LEDGER_URL": f"{url}/1", "TRINITY_BROKER_URL": f"{url}/0"}
        script = f"{sys.executable} -m app doctor --json || true"
        printed = run(script, **env, TRINITY_STORE=str(tmp_path / "store"))
    lines = [line for line in printed.splitlines() if "ledger" in line]
    assert lines
    assert [line for line in lines if '"fail"' in line or '"warn"' in line] == []


def test_old_versions_are_removed_by_hand(tmp_path: Path) -> None:
    """While the server runs: the newest and the aliased stay, others are not found, the next fit has a new number."""
    model = tmp_path / "store" / "models" / "polynomial"
    with servers.web(tmp_path) as server, httpx.Client(base_url=server.url) as http:
        for _ in range(6):
            http.post("/fit", json={}).raise_for_status()
        (model / "aliases" / "champion").write_text("2")
        block = command_blocks()["remove old versions but the newest $KEEP"]
        run(block, TRINITY_STORE=str(tmp_path / "store"), MODEL="polynomial", KEEP="2")
        assert sorted(path.name for path in (model / "versions").iterdir()) == ["2", "5", "6"]
        assert sorted(path.name for path in (tmp_path / "store" / "removed").iterdir()) == [
            "polynomial-1",
            "polynomial-3",
            "polynomial-4",
        ]
        statuses = {}
        for version in (1, 2, 3, 6, "champion", "latest"):
            body = {"data": {"X": [[0.5]]}, "version": version}
            statuses[version] = http.post("/predict", json=body).status_code
        assert statuses == {1: 404, 2: 200, 3: 404, 6: 200, "champion": 200, "latest": 200}
        assert http.post("/fit", json={}).json()["version"] == 7
        (tmp_path / "store" / "removed" / "polynomial-3").rename(model / "versions" / "3")
        assert http.post("/predict", json={"data": {"X": [[0.5]]}, "version": 3}).status_code == 200


def test_the_jobs_that_are_left_are_counted(tmp_path: Path) -> None:
    """Waiting ones, in each lane."""
    with servers.valkey(tmp_path / "ledger") as ledger:
        urls = {"TRINITY_LEDGER_URL": f"{ledger.url}/1", "TRINITY_BROKER_URL": f"{ledger.url}/0"}
        with servers.web(tmp_path, TRINITY_MODE="async", **urls) as server:
            block = command_blocks()["how many jobs wait or run"]
            assert run(block, URL=server.url) == "0\n"
            for _ in range(3):
                httpx.post(f"{server.url}/fit", json={}).raise_for_status()
            assert run(block, URL=server.url) == "3\n"
