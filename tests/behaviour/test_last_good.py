"""While the version that should answer cannot be loaded, the one before stays in service, and it shows."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import MODES, Api, Json, problem
from tests.support.servers import until
from tests.support.trinity import trinity

MODEL = "multivariate"


@pytest.fixture(scope="module", params=MODES)
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Path]]:
    """A Trinity with one web process, and the folder of a model's versions."""
    folder = tmp_path_factory.mktemp("last-good")
    with trinity(request.param, folder, WEB_CONCURRENCY="1") as api:
        yield api, folder / f"store/models/{MODEL}/versions"


def fit(api: Api, factor: float) -> int:
    """The version of a line through the origin."""
    data = {"X": [[0], [1], [2]], "y": [0, factor, 2 * factor]}
    version: int = api.result("fit", {"model": MODEL, "data": data})["version"]
    return version


def asked(version: int | str | None = None) -> Json:
    return {"model": MODEL, "version": version, "data": {"X": [[1]]}}


def answer(api: Api) -> tuple[int, float]:
    """The version that answers a request which names none, and its prediction."""
    job = api.call("predict", asked())
    return job["version"], round(job["result"]["y"][0], 6)


def damage(version: Path) -> bytes:
    """Overwrite the arrays of a version; return what they were."""
    arrays = version / "arrays.npz"
    content = arrays.read_bytes()
    arrays.write_bytes(bytes(len(content)))
    return content


def test_the_version_before_answers_until_the_files_are_mended(service: tuple[Api, Path]) -> None:
    """With its own number; who names the damaged one gets the error. All places that show versions say so."""
    api, versions = service
    good = fit(api, 2)
    assert answer(api) == (good, 2)
    bad = fit(api, 5)
    content = damage(versions / str(bad))
    assert answer(api) == (good, 2)
    assert api.post("predict", asked(bad)).status_code == 500
    assert api.post("predict", asked("latest")).status_code == 500
    assert answer(api) == (good, 2)
    words = f"{MODEL}: version {good} answers in place of version {bad}, which cannot be loaded"
    assert any(words in warning for warning in api.http.get("/health/ready").json()["warnings"])
    assert f'trinity_model_stand_in_version{{model="{MODEL}"}} {good}.0' in api.http.get("/metrics").text
    page = api.http.get("/", params={"model": MODEL}, headers={"Accept": "text/html"}).text
    assert f"version {good} answers in its place" in page
    (versions / str(bad) / "arrays.npz").write_bytes(content)
    until(lambda: answer(api) == (bad, 5), "the mended version does not answer")
    assert not any(words in warning for warning in api.http.get("/health/ready").json().get("warnings", []))
    assert "trinity_model_stand_in_version{" not in api.http.get("/metrics").text


def test_the_next_version_takes_over(service: tuple[Api, Path]) -> None:
    """A fit after the damage is served like any other."""
    api, versions = service
    good = fit(api, 3)
    assert answer(api) == (good, 3)
    damage(versions / str(fit(api, 7)))
    assert answer(api) == (good, 3)
    newest = fit(api, 4)
    assert answer(api) == (newest, 4)


def test_a_version_that_is_gone_is_no_failed_load(service: tuple[Api, Path]) -> None:
    """An operator who removes the latest version by hand is told so: that is not mended by waiting."""
    api, versions = service
    there = fit(api, 6)
    assert answer(api) == (there, 6)
    shutil.rmtree(versions / str(fit(api, 8)))
    problem(api.post("predict", asked()), 404)
