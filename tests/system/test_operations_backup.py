"""Backup and restore with the commands of docs/operations.md: from running servers, into an empty place."""

import os
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from app.storage.durable_files import DurableFiles
from app.storage.payload_store import Payloads
from tests.support import servers
from tests.support.operations import command_blocks, run

pytestmark = pytest.mark.skipif(
    not shutil.which("redis-cli"), reason="redis-cli is not installed (apt-get install redis-tools)"
)

LARGE = {"data": {"X": [[row / 9000] for row in range(9000)]}}  # more than the ledger keeps itself
SMALL = {"data": {"X": [[0.25], [0.5]]}}
SCORED = {"data": {"X": [[0.1], [0.2]], "y": [1.0, 2.0]}}
WORK: list[tuple[str, Any]] = [("predict", LARGE), ("fit", {}), ("predict", SMALL), ("score", SCORED)]
BACKLOG = 120
POINTS = 500_000  # of a fit: it takes longer than to submit all kinds of work, so that jobs wait on any machine
ENDED = {"SUCCESS", "FAILURE", "REVOKED"}


@contextmanager
def stack(folder: Path) -> Iterator[tuple[httpx.Client, dict[str, str]]]:
    """Ledger and broker, and web over what is in `folder`; a client, and the environment of workers and commands."""
    with ExitStack() as running:
        ledger = running.enter_context(servers.valkey(folder / "ledger", fsync="always")).url
        urls = {"TRINITY_LEDGER_URL": f"{ledger}/1", "TRINITY_BROKER_URL": f"{ledger}/0"}
        settings = {"TRINITY_MODE": "async", "TRINITY_STORE": str(folder / "store"), "TRINITY_LEASE": "2", **urls}
        url = running.enter_context(servers.web(folder, **settings)).url
        names = {"LEDGER_PORT": ledger.rpartition(":")[2], "LEDGER_DIR": str(folder / "ledger"), **settings}
        yield running.enter_context(httpx.Client(base_url=url, timeout=40)), names


DOCKER = r"""#!/usr/bin/env bash
# docker compose exec|run [options] app|redis command…, with the test's folders in the place of the containers'
until [ "$1" = app ] || [ "$1" = redis ]; do [ "$1" != up ] || exit 0; shift; done
shift
args=("${@//\/var\/lib\/trinity/$TRINITY_STORE}")
args=("${args[@]//\/data/$LEDGER_DIR}")
mkdir -p "$TRINITY_STORE" "$LEDGER_DIR"
cd "$TRINITY_STORE"
if [ "$1" = redis-cli ]; then exec redis-cli -p "$LEDGER_PORT" "${args[@]:1}"; fi
exec "${args[@]}"
"""


def commands(how: str, what: str, folder: Path, names: dict[str, str]) -> None:
    """Run a block of the page; the container stack's with a stand-in for docker."""
    env = {**names, "BACKUP": str(folder / "backup")}
    print(run(command_blocks()[f"{what}, {how}"], **(compose(folder, env) if how == "compose" else env)))


def compose(folder: Path, names: dict[str, str]) -> dict[str, str]:
    """The names for commands that call `docker compose`; tests/system/containers has the real one."""
    (folder / "bin").mkdir(exist_ok=True)
    docker = folder / "bin" / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    return {**names, "PATH": f"{docker.parent}:{os.environ['PATH']}"}


class Load:
    """Submits every kind of work, again and again, until it is told to stop."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._ended = threading.Event()
        self.jobs: list[str] = []

    def submit(self, turn: int) -> None:
        """Accept one job more; a 503 of the moment of the backup is answered by trying again."""
        verb, body = WORK[turn % len(WORK)]
        if verb == "fit":  # each version is another
            body = {"data": {"source": "dummy", "params": {"seed": turn, "number": POINTS}}}
        answer = self._http.post(f"/{verb}", json=body)
        while answer.status_code == 503:
            answer = self._http.post(f"/{verb}", json=body)
        assert answer.status_code == 202, answer.text
        self.jobs.append(answer.json()["id"])

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Submit in the background."""
        thread = threading.Thread(target=self._go_on)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _go_on(self) -> None:
        turn = 0
        while not self._ended.is_set():
            self.submit(turn := turn + 1)


def envelopes(http: httpx.Client, jobs: list[str], wait_s: int = 0) -> dict[str, Any]:
    """The jobs that the ledger knows, by their ids."""
    answers = {job: http.get(f"/jobs/{job}", params={"wait": wait_s} if wait_s else {}) for job in jobs}
    assert {answer.status_code for answer in answers.values()} <= {200, 404}
    return {job: answer.json() for job, answer in answers.items() if answer.status_code == 200}


def predictions(http: httpx.Client, versions: list[int]) -> dict[int, Any]:
    """What versions of the default model predict, to the last bit: JSON has the digits that give a float back."""
    found = {}
    for version in versions:
        answer = http.post("/predict", json={**SMALL, "version": version}, headers={"Prefer": "wait=30"})
        assert answer.status_code == 200, answer.text
        found[version] = answer.json()["result"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("how", ["plain", "compose"])
def test_a_backup_under_load_is_restored_into_an_empty_place(tmp_path: Path, how: str) -> None:
    """Finished jobs have their results, waiting jobs run, versions predict bit for bit; nothing is lost or fails."""
    before, after = tmp_path / "before", tmp_path / "after"
    with stack(before) as (http, names), servers.worker(before, **names):
        load = Load(http)
        http.post("/fit", json={}, headers={"Prefer": "wait=30"}).raise_for_status()
        for turn in range(BACKLOG):
            load.submit(turn)
        accepted = list(load.jobs)
        with load.going_on():
            ended = {job: one for job, one in envelopes(http, accepted).items() if one["status"] in ENDED}
            commands(how, "back up", tmp_path, names)
        final = envelopes(http, load.jobs, wait_s=30)
        versions = [one["version"] for one in ended.values() if one["verb"] == "fit"]
        predicted = predictions(http, versions)
    shutil.rmtree(before)
    commands(how, "restore", tmp_path, names | {"TRINITY_STORE": f"{after}/store", "LEDGER_DIR": f"{after}/ledger"})
    with stack(after) as (http, names):
        restored = envelopes(http, load.jobs)
        assert restored.keys() >= set(accepted), "jobs that were accepted before the backup are missing"
        assert {job: restored[job] for job in ended} == ended
        waiting = [job for job, one in restored.items() if one["status"] not in ENDED]
        assert waiting, "the backup was not taken while jobs waited"
        with servers.worker(after, **names):
            finished = envelopes(http, list(restored), wait_s=30)
            assert {one["status"] for one in finished.values()} == {"SUCCESS"}
            same = [job for job in restored if finished[job]["version"] == final[job]["version"]]
            assert [finished[job]["result"] for job in same] == [final[job]["result"] for job in same]
            assert {http.get(one["links"]["model"]).status_code for one in finished.values()} == {200}
            assert predictions(http, versions) == predicted
            http.post("/fit", json={}, headers={"Prefer": "wait=30"}).raise_for_status()
    left = {path.stem for path in (after / "store").glob("payloads/*/*.work")}
    assert not left & restored.keys(), "what the cleanup would find is of jobs that were never accepted"


@pytest.mark.slow
def test_the_store_of_sync_mode_is_restored(tmp_path: Path) -> None:
    """While fits run: what `latest` names is there, and every version predicts as before."""
    before, after = tmp_path / "before", tmp_path / "after"
    with servers.web(before) as server, httpx.Client(base_url=server.url, timeout=40) as http:
        versions = [fit(http, seed) for seed in range(3)]
        predicted = predictions(http, versions)
        with ThreadPoolExecutor(2) as pool:
            running = [pool.submit(fit, http, seed) for seed in range(10, 30)]
            commands("sync", "back up", tmp_path, {"TRINITY_STORE": str(before / "store")})
            assert {future.result() for future in running}
    store_lines = command_blocks()["restore, plain"].splitlines()[1:3]
    places = {"TRINITY_STORE": str(after / "store"), "LEDGER_DIR": str(after / "ledger")}
    run("\n".join(store_lines), BACKUP=str(tmp_path / "backup"), **places)
    with servers.web(after) as server, httpx.Client(base_url=server.url, timeout=40) as http:
        assert predictions(http, versions) == predicted
        http.post("/predict", json=SMALL).raise_for_status()
        assert fit(http, 40) not in versions


class StoreChanges:
    """Writes and removes entries of a store as jobs, moves of aliases and removals of models do, as fast as it can."""

    def __init__(self, store: Path) -> None:
        self._payloads = Payloads(store)
        self._store = store
        self._ended = threading.Event()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Change the store in the background."""
        changes = (self._end_jobs, self._move_aliases, self._remove_models)
        with ThreadPoolExecutor(len(changes)) as pool:
            running = [pool.submit(self._repeat, change) for change in changes]
            try:
                yield
            finally:
                self._ended.set()
        assert [future.result() for future in running] == [None] * len(changes)

    def _repeat(self, change: Callable[[int], None]) -> None:
        turn = 0
        while not self._ended.is_set():
            change(turn := turn + 1)

    def _end_jobs(self, turn: int) -> None:
        self._payloads.drop(self._payloads.put(f"{turn % 256:02x}-ended", b"1"))

    def _move_aliases(self, turn: int) -> None:
        self._model("moved", turn).joinpath("aliases", f"alias-{turn - 1}").unlink(missing_ok=True)

    def _remove_models(self, turn: int) -> None:
        DurableFiles().remove_folder(self._model(f"removed-{turn}", turn), self._store / "models")

    def _model(self, name: str, turn: int) -> Path:
        model = self._store / "models" / name
        for entry in (f"versions/{turn % 8}/state", f"aliases/alias-{turn}"):
            (model / entry).parent.mkdir(parents=True, exist_ok=True)
            (model / entry).write_text("1")
        return model


@pytest.mark.slow
def test_entries_that_disappear_during_a_backup_do_no_harm(tmp_path: Path) -> None:
    """What is written, moved or removed meanwhile neither ends it with an error nor keeps the rest out of it."""
    store = tmp_path / "store"
    kept = {f"payloads/{number:02x}/{number:02x}-kept" for number in range(256)}
    for name in kept:
        Payloads(store).put(Path(name).name, b"1")
    with servers.valkey(tmp_path / "ledger") as ledger, StoreChanges(store).going_on():
        for turn in range(5):
            backup = tmp_path / f"backup-{turn}"
            names = {"TRINITY_STORE": str(store), "LEDGER_PORT": ledger.url.rpartition(":")[2], "BACKUP": str(backup)}
            run(command_blocks()["back up, plain"], **names, LEDGER_DIR=str(tmp_path / "ledger"))
            with tarfile.open(backup / "store.tar") as tar:
                found = tar.getnames()
            assert kept <= set(found)
            assert not [name for name in found if "/." in name], "an unfinished entry"


@pytest.mark.parametrize(
    ("env", "reason"),
    [({"LEDGER_PORT": "1"}, "the ledger does not answer"), ({"PAUSE_MS": "1"}, "set PAUSE_MS higher")],
)
def test_a_backup_that_fails_leaves_nothing(tmp_path: Path, env: dict[str, str], reason: str) -> None:
    """No folder that looks like a backup, no links in the store, and no pause of the ledger."""
    store, backup = tmp_path / "store", tmp_path / "backup"
    (store / "payloads").mkdir(parents=True)
    with servers.valkey(tmp_path / "ledger") as ledger, Redis.from_url(ledger.url, socket_timeout=5) as redis:
        names = {"TRINITY_STORE": str(store), "LEDGER_PORT": ledger.url.rpartition(":")[2], "BACKUP": str(backup)}
        with pytest.raises(AssertionError, match=reason):
            run(command_blocks()["back up, plain"], **names | env)
        assert redis.set("key", "value")
    assert not list(tmp_path.glob("backup*"))
    assert sorted(path.name for path in store.iterdir()) == ["models", "payloads"]


def fit(http: httpx.Client, seed: int) -> int:
    """The version of a fit to other data."""
    body = {"data": {"source": "dummy", "params": {"seed": seed}}}
    version: int = http.post("/fit", json=body).raise_for_status().json()["version"]
    return version
