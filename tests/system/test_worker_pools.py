"""Celery's command line on Trinity's app: the pools that a worker refuses, and the commands that work beside it."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import servers
from tests.support.api import Mode
from tests.support.servers import BIN, ROOT, until
from tests.support.trinity import trinity

NOBODY = "redis://127.0.0.1:1/0"
ANSWERS = {  # a command, and a word of its answer
    ("status",): "1 node online",
    ("inspect", "stats"): "prefetch_count",
    ("control", "pool_grow", "1"): "pool will grow",
    ("purge", "--force"): "messages",
}


def celery(broker_url: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of Celery's on the app, and wait for its end."""
    urls = {"TRINITY_MODE": "async", "TRINITY_BROKER_URL": broker_url, "TRINITY_LEDGER_URL": NOBODY}
    command = [BIN / "celery", "--app", "app.tasks", *words]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **urls}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("pool", ["solo", "threads", "gevent"])
def test_a_pool_without_processes_is_refused(pool: str) -> None:
    """In one sentence that says why, at once: a job that is out of time could not be ended there."""
    ended = celery(NOBODY, "worker", "--pool", pool, "--queues", "fit,predict,score")
    assert ended.returncode == 1, ended.stderr
    (sentence,) = [line for line in ended.stderr.splitlines() if line.startswith("Trinity")]
    assert sentence.startswith("Trinity can't start: a job that is cancelled or out of time is ended with its process")
    assert sentence.endswith(f"`prefork` (Celery's default), not `{pool}`")
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["redis", "rabbit"])
def test_celerys_own_commands_work(tmp_path: Path, mode: Mode) -> None:
    """They look at workers, steer them, and empty the lanes; no job is lost by that."""
    if mode == "rabbit" and (missing := servers.missing_rabbitmq()):
        pytest.skip(missing)
    with trinity(mode, tmp_path) as api:
        urls = {server.name: server.url for server in api.servers}
        broker_url = urls["rabbitmq"] if mode == "rabbit" else f"{urls['valkey']}/1"
        # the worker's banner, after which the tests go on, does not say that it consumes yet
        until(lambda: celery(broker_url, "inspect", "ping").returncode == 0, "the first reply of the worker")
        for words, answer in ANSWERS.items():
            ended = celery(broker_url, *words)
            assert (ended.returncode, answer in ended.stdout) == (0, True), ended
        assert api.result("fit")["version"] == 1
