"""doctor with working parts and with really broken ones."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from app.cli.doctor.run import TIMEOUT_S
from tests.support import servers
from tests.support.cli import Ran, run

SECRET = "s3cret-of-a-test"
START_S = 10.0  # of a process and what it imports, on a machine that is busy


def checked(folder: Path, ledger: str, broker: str, **env: str) -> tuple[Ran, dict[str, dict[str, Any]]]:
    """The results of doctor for an async service, by part."""
    urls = {"TRINITY_LEDGER_URL": ledger, "TRINITY_BROKER_URL": broker}
    ran = run("doctor", "--json", TRINITY_MODE="async", TRINITY_STORE=str(folder / "store"), **urls, **env)
    return ran, {each["part"]: each for each in json.loads(ran.out)["checks"]}


def states(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {part: each["state"] for part, each in found.items()}


def await_worker(folder: Path, url: str, lane: str) -> None:
    """Wait until doctor sees the worker of a lane, a little after the worker is ready."""
    seen = lambda: states(checked(folder, f"{url}/0", f"{url}/1")[1])[f"worker: {lane}"]  # noqa: E731
    servers.until(lambda: seen() == "ok", f"a worker on the lane {lane}")


@pytest.mark.slow
def test_everything_is_ok(tmp_path: Path) -> None:
    """Each lane lists its workers; a lane without a worker is a failure."""
    with servers.valkey(tmp_path / "valkey", fsync="always") as valkey:
        urls = {
            "TRINITY_MODE": "async",
            "TRINITY_BROKER_URL": f"{valkey.url}/1",
            "TRINITY_LEDGER_URL": f"{valkey.url}/0",
        }
        with servers.worker(tmp_path, queues="predict,score", **urls):
            await_worker(tmp_path, valkey.url, "score")
            ran, found = checked(tmp_path, f"{valkey.url}/0", f"{valkey.url}/1")
            assert ran.code == 1
            assert [part for part, state in states(found).items() if state != "ok"] == ["worker: fit"]
            assert "--queues fit" in found["worker: fit"]["todo"]
            assert found["worker: predict"]["detail"].startswith("worker1@")
            with servers.worker(tmp_path, queues="fit", name="worker2", **urls):
                await_worker(tmp_path, valkey.url, "fit")
                ran, found = checked(tmp_path, f"{valkey.url}/0", f"{valkey.url}/1")
    assert (ran.code, set(states(found).values())) == (0, {"ok"})
    assert {"settings", "python", "libraries", "models", "store", "ledger", "clock", "broker"} <= found.keys()


def test_a_ledger_that_forgets(tmp_path: Path) -> None:
    """No append-only file and eviction are failures that say what to do; a lazy fsync is a warning."""
    with servers.valkey(tmp_path / "valkey") as valkey, Redis.from_url(valkey.url) as redis:
        ran, found = checked(tmp_path, f"{valkey.url}/0", f"{valkey.url}/1")
        assert found["ledger: appendfsync"]["state"] == "warn"
        redis.config_set("appendonly", "no")
        redis.config_set("maxmemory-policy", "allkeys-lru")
        ran, found = checked(tmp_path, f"{valkey.url}/0", f"{valkey.url}/1")
    assert ran.code == 1
    assert found["ledger: appendonly"]["state"] == found["ledger: maxmemory-policy"]["state"] == "fail"
    assert "--appendonly yes" in found["ledger: appendonly"]["todo"]
    assert "noeviction" in found["ledger: maxmemory-policy"]["todo"]


def test_missing_parts_and_secrets(tmp_path: Path) -> None:
    """A dead broker and a wrong password of the ledger are failures, and no password is shown."""
    with servers.valkey(tmp_path / "valkey") as valkey, Redis.from_url(valkey.url) as redis:
        redis.config_set("requirepass", "another")
        ledger = valkey.url.replace("://", f"://:{SECRET}@")
        broker = f"redis://:{SECRET}@127.0.0.1:{servers.free_port()}/1"
        ran, found = checked(tmp_path, ledger, broker)
    assert ran.code == 1
    assert "refuses the password" in found["ledger"]["detail"]
    assert found["broker"]["state"] == "fail" and "does not respond" in found["broker"]["detail"]
    assert found["workers"]["state"] == "warn"
    assert SECRET not in ran.out + ran.err


def test_parts_that_hang(tmp_path: Path) -> None:
    """A server that accepts connections and never responds is a failure after a time limit."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        started_s = time.monotonic()
        ran, found = checked(tmp_path, url, url)
        assert time.monotonic() - started_s < TIMEOUT_S + START_S
    assert ran.code == 1
    assert found["ledger"]["state"] == found["broker"]["state"] == "fail"
    assert found["store"]["state"] == "ok"


WITHOUT_TRACES = """
import sys
from app.cli.main import cli
sys.modules["opentelemetry"] = None
cli(["doctor", "--json"])
"""


@pytest.mark.parametrize("variable", ["TRINITY_OTLP_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_traces_without_their_packages(tmp_path: Path, variable: str) -> None:
    """No process starts like this; the message names the variable that needs them."""
    env = {"PATH": os.defpath, "TRINITY_STORE": str(tmp_path / "store"), variable: "http://127.0.0.1:1"}
    command = [sys.executable, "-c", WITHOUT_TRACES]
    ran = subprocess.run(command, cwd=servers.ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    (libraries,) = [each for each in json.loads(ran.stdout)["checks"] if each["part"] == "libraries"]
    assert libraries["state"] == "fail"
    assert libraries["detail"].startswith(f"{variable}: traces need packages")


def test_settings_and_store(tmp_path: Path) -> None:
    """With wrong settings nothing else is checked; a store that is not writable is named."""
    ran = run("doctor", TRINITY_COLOUR="red")
    assert ran.code == 1
    assert "fail  settings  TRINITY_COLOUR: unknown setting" in ran.out
    (tmp_path / "file").write_text("")
    ran = run("doctor", TRINITY_STORE=str(tmp_path / "file"))
    assert ran.code == 1
    assert "can't write to" in ran.out and "set TRINITY_STORE" in ran.out
    ran = run("doctor", TRINITY_STORE=str(tmp_path / "store"), TRINITY_MODELS="no.such.module")
    assert ran.code == 1 and "can't import 'no.such.module'" in ran.out
    assert run("doctor", TRINITY_STORE=str(tmp_path / "store")).code == 0


def test_what_each_alias_points_to(tmp_path: Path) -> None:
    """A byte that changed in the arrays, in the sample, in an alias, and a version that is gone are failures each."""
    store = tmp_path / "store"
    env = {"TRINITY_STORE": str(store)}
    assert run("fit", "tests/data/norris.csv", "--target", "y", "--model", "multivariate", **env).code == 0
    model = store / "models/multivariate"
    version = model / "versions/1"

    def versions() -> tuple[int, list[str], str]:
        ran = run("doctor", "--json", **env)
        found = [each for each in json.loads(ran.out)["checks"] if each["part"] == "versions"]
        return ran.code, [each["state"] for each in found], " ".join(each["detail"] for each in found)

    assert versions() == (0, ["ok"], "intact: multivariate 1 (latest)")
    for file in (version / "arrays.npz", version / "sample.npz", version / "manifest.json", model / "aliases/latest"):
        intact = file.read_bytes()
        file.write_bytes(bytes([intact[0] ^ 1]) + intact[1:])
        code, states_, details = versions()
        assert (code, states_) == (1, ["fail"]) and "damaged" in details, file
        file.write_bytes(intact)
    (model / "aliases/champion").write_text("7")
    code, states_, details = versions()
    assert (code, states_) == (1, ["ok", "fail"])
    assert "multivariate, champion: model 'multivariate' has no version 7" in details
