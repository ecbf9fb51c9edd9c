"""What an operator changes in the store of a running service: each process serves what is on disk, and nothing else."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.storage.file_states import FRESH_S
from app.storage.model_store import Store
from tests.support.api import MODES, Api, Json, problem
from tests.support.trinity import trinity

WAYS = ["replaced", "restored with its old times", "overwritten in place"]


@pytest.fixture(scope="module", params=MODES[:2])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Path]]:
    """A Trinity with several processes, and the folder of a model."""
    folder = tmp_path_factory.mktemp("changed")
    with trinity(request.param, folder) as api:
        yield api, folder / "store/models/multivariate"


def fit(api: Api, factor: float) -> int:
    """The version of a line through the origin."""
    body = {"model": "multivariate", "data": {"X": [[0], [1], [2]], "y": [0, factor, 2 * factor]}}
    version: int = api.result("fit", body)["version"]
    return version


def at(version: int | str | None) -> Json:
    return {"model": "multivariate", "version": version, "data": {"X": [[1]]}}


def predicted(api: Api, version: int | str | None) -> set[float]:
    """What the processes predict, each asked several times."""
    time.sleep(FRESH_S)
    return {round(api.result("predict", at(version))["y"][0], 6) for _ in range(12)}


def renumbered(model: Path, old: int, new: int) -> Path:
    """A folder with the files of a version as they would be under another number, written before that one."""
    folder = model / "other"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(model / f"versions/{old}", folder)
    manifest = msgspec.structs.replace(Store(model.parents[1]).manifest(model.name, old), version=new)
    manifest.sha256 = manifest.digest()
    (folder / "manifest.json").write_bytes(manifest.to_json())
    os.utime(folder / "manifest.json", (0, 0))
    return folder


@pytest.mark.parametrize("way", WAYS)
def test_other_content_under_a_number_is_loaded_anew(service: tuple[Api, Path], way: str) -> None:
    """By every process, by its number and by its alias, without a restart."""
    api, model = service
    old, new = fit(api, 2), fit(api, 5)
    assert (predicted(api, old), predicted(api, new), predicted(api, None)) == ({2}, {5}, {5})
    here, other = model / f"versions/{new}", renumbered(model, old, new)
    if way == "overwritten in place":
        for file in other.iterdir():
            (here / file.name).write_bytes(file.read_bytes())
    else:
        here.rename(model / "aside")
        copy = shutil.copy if way == "replaced" else shutil.copy2
        shutil.copytree(other, here, copy_function=copy)
        shutil.rmtree(model / "aside")
    assert (predicted(api, new), predicted(api, None)) == ({2}, {2})


def test_a_removed_version_is_gone_and_its_number_stays_taken(service: tuple[Api, Path]) -> None:
    """A 404 by its number and by an alias that still names it; the next fit has a number of its own."""
    api, model = service
    version = fit(api, 3)
    assert predicted(api, version) == {3}
    shutil.rmtree(model / f"versions/{version}")
    time.sleep(FRESH_S)
    for named in (version, None):
        for _ in range(12):
            answer = problem(api.post("predict", at(named)), 404)
            assert str(version) in answer["detail"]
    assert fit(api, 4) == version + 1
    assert predicted(api, None) == {4}
