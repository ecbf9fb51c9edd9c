"""The command jobs on a server's queue; the exit code shows how a job ended."""

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from app.api_keys import new_key
from tests.support.api import Api, gate, only_inline, only_queued
from tests.support.cli import run
from tests.support.servers import ROOT
from tests.support.trinity import trinity


def queued(api: Api, body: object) -> str:
    return api.post("fit", body, headers={"Prefer": "respond-async"}).json()["id"]


@only_queued
def test_a_job_is_awaited(api: Api) -> None:
    """Its states go to standard error, its result to standard output; 0 means success."""
    job = queued(api, {"data": {"source": "dummy"}})
    ran = run("jobs", "wait", job, TRINITY_SERVER=str(api.http.base_url))
    assert ran.code == 0
    assert ran.err.splitlines()[-1] == "SUCCESS"
    assert job in ran.out and "SUCCESS" in ran.out


@only_queued
def test_the_path_of_a_job_serves_as_its_id(api: Api) -> None:
    """What the Location header says can be given as it is, to every command."""
    server = {"TRINITY_SERVER": str(api.http.base_url)}
    job = queued(api, {"data": {"source": "dummy"}})
    assert run("jobs", "wait", f"/jobs/{job}", **server).code == 0
    assert job in run("jobs", "show", f"/jobs/{job}", **server).out
    for action in ("cancel", "retry"):
        refused = run("jobs", action, f"/jobs/{job}", **server)
        assert refused.code == 1 and "SUCCESS" in refused.err


@only_queued
def test_a_terminal_gets_a_bar(api: Api) -> None:
    """The job's verb, model and state stand beside it."""
    job = queued(api, {"data": {"source": "dummy"}})
    ours, theirs = os.openpty()
    read: list[bytes] = []

    def drain() -> None:
        with suppress(OSError):  # the other end is closed
            while piece := os.read(ours, 65_536):
                read.append(piece)

    reader = threading.Thread(target=drain)
    try:
        command = [sys.executable, "-m", "app", "jobs", "wait", job, "--server", str(api.http.base_url)]
        env = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
        reader.start()
        done = subprocess.run(
            command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=False
        )
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)
    said = b"".join(read).decode()
    assert done.returncode == 0
    assert "fit polynomial: SUCCESS" in said and "━" in said


@only_queued
def test_a_failed_job_is_1_and_one_that_lasts_is_3(api: Api, tmp_path: Path) -> None:
    """Exit codes spare scripts the parsing; a cancelled job counts as failed; retry runs a failed job again."""
    server = {"TRINITY_SERVER": str(api.http.base_url)}
    failing = queued(api, {"model": "raising", "data": {"X": [[0.0]] * 13, "y": [0.0] * 13}})
    failed = run("jobs", "wait", failing, **server)
    assert failed.code == 1
    assert "raised KeyError" in failed.out
    with gate(tmp_path) as pipe:
        job = queued(api, pipe.body())
        pipe.wait_for_fit()
        assert run("jobs", "wait", job, "--timeout", "0.5", **server).code == 3
        assert run("jobs", "cancel", job, **server).code == 0
        assert run("jobs", "wait", job, **server).code == 1
        pipe.nobody_waits()
    assert "PENDING" in run("jobs", "retry", failing, **server).out
    assert run("jobs", "wait", failing, **server).code == 1
    again = run("jobs", "cancel", failing, **server)
    assert again.code == 1 and "the job is finished" in again.err


@only_queued
def test_jobs_are_listed_and_shown(api: Api) -> None:
    """The newest job is first; --json prints the envelope."""
    server = ("--server", str(api.http.base_url))
    job = queued(api, {"model": "listed", "data": {"source": "dummy"}})
    run("jobs", "wait", job, *server)
    listed = run("jobs", "list", "--model", "listed", "--verb", "fit", "--limit", "1", *server)
    assert listed.out.splitlines()[0].split() == ["job", "verb", "model", "version", "status", "created"]
    assert listed.out.splitlines()[1].startswith(f"{job}  fit   listed")
    assert json.loads(run("jobs", "show", job, "--json", *server).out)["status"] == "SUCCESS"
    assert json.loads(run("jobs", "list", "--limit", "1", "--json", *server).out)[0]["id"]
    assert "no job 'nope'" in run("jobs", "show", "nope", *server).err


@only_inline
def test_sync_mode_says_so(api: Api) -> None:
    """The command fails instead of printing an empty list."""
    ran = run("jobs", "list", "--server", api.http.base_url)
    assert ran.code == 1 and "sync mode has no queue" in ran.err
    assert run("jobs", "list").code == 2


@pytest.fixture
def guarded(tmp_path: Path) -> tuple[dict[str, str], dict[str, str]]:
    keys = {name: new_key(name, name) for name in ("read", "predict", "fit")}
    entries = ",".join(key.entry for _, key in keys.values())
    return {name: secret for name, (secret, _) in keys.items()}, {"TRINITY_API_KEYS": entries}


def test_keys(guarded: tuple[dict[str, str], dict[str, str]], tmp_path: Path) -> None:
    """Keys come from the environment or a file; without the scope read, columns have default names."""
    secrets, settings = guarded
    table = "x,z\n1,2\n2,4\n3,6\n"
    with trinity("inline", tmp_path, **settings) as api:
        server = ("--server", str(api.http.base_url))
        assert "this needs a key" in run("models", *server).err
        assert run("fit", "-", "--target", "z", *server, stdin=table, TRINITY_KEY=secrets["fit"]).code == 0
        (tmp_path / "key").write_text(secrets["read"] + "\n")
        assert "polynomial" in run("models", *server, "--key-file", tmp_path / "key").out
        predicted = run("predict", "-", *server, stdin="x\n1\n", TRINITY_KEY=secrets["predict"])
        assert predicted.out.startswith("y\n")
        assert "scope fit" in run("fit", "-", "--target", "z", *server, stdin=table, TRINITY_KEY=secrets["read"]).err
