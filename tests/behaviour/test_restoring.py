"""A fit is published once its model was restored in a process of its own; what that process suffers fails the fit."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import restoring_models
from tests.support.api import MODES, Api, Mode
from tests.support.servers import until
from tests.support.trinity import trinity

DATA = {"data": {"X": [[1], [2], [3]], "y": [1, 2, 3]}}
SETTINGS = {
    "TRINITY_MODELS": f"app.model.models,{restoring_models.__name__}",
    "TRINITY_IMPORT_MEMORY": str(512 * 1024**2),
    "TRINITY_LEASE": "2",
}


@pytest.fixture(scope="module", params=MODES[:2])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Path]]:
    """A Trinity that gives 8 s to a restore, and its store."""
    folder = tmp_path_factory.mktemp("restoring")
    with trinity(request.param, folder, **SETTINGS, TRINITY_IMPORT_TIMEOUT="8") as api:
        yield api, folder / "store"


def processes(word: str) -> set[int]:
    """The processes that a word of the command line tells."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if word.encode() in path.read_bytes():
                found.add(int(path.parent.name))
    return found


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("leaving", "ended the process (exit code 3)"),
        ("crashing", "ended the process (SIGSEGV)"),
        ("hanging", "took too long (8 s are allowed in all, and less for its parts)"),
        ("huge", f"needed more than {512 * 1024**2} bytes"),
    ],
)
def test_what_it_does_to_its_process_fails_the_fit_alone(service: tuple[Api, Path], name: str, words: str) -> None:
    """Nothing is published or left behind, and the next fit succeeds."""
    api, store = service
    answer = api.post(f"models/{name}/fit", DATA, headers={"Prefer": "wait=30"})
    failure = api.finished(answer)["error"] if answer.status_code < 300 else answer.json()
    assert failure["type"] == "urn:trinity:model-failed"
    assert failure["detail"] == f"restored from what is stored, the model {words}"
    assert api.http.get(f"/models/{name}").json()["versions"] == []
    assert list((store / "payloads").glob(".*")) == []
    assert api.result("models/harmless/fit", DATA)["version"] >= 1


def test_a_model_counts_with_what_was_measured(service: tuple[Api, Path]) -> None:
    """And not with what its file has."""
    api, _ = service
    version = api.result("models/large/fit", DATA)["version"]
    held_bytes = api.http.get(f"/models/large/versions/{version}").json()["held_bytes"]
    assert 32 * 1024**2 <= held_bytes < 40 * 1024**2


@pytest.mark.parametrize("mode", MODES[1:2])
def test_a_job_that_is_cancelled_leaves_no_process(mode: Mode, tmp_path: Path) -> None:
    """Its process is killed while another one restores the model; what that was started by ends with it."""
    alone = SETTINGS | {"TRINITY_MODELS": f"{SETTINGS['TRINITY_MODELS']},tests.support.models"}
    word = f"{restoring_models.__name__}\0tests.support.models\0app."
    with trinity(mode, tmp_path, **alone) as api:
        location = api.post("models/hanging/fit", DATA).headers["Location"]
        until(lambda: len(processes(word)) == 2, "the process that restores the model")
        assert api.http.delete(location).json()["status"] == "REVOKED"
        until(lambda: not processes(word), "the end of both processes")
        started_s = time.monotonic()
        assert api.result("models/harmless/fit", DATA)["version"] == 1
        assert time.monotonic() - started_s < 30
