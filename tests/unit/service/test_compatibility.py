"""Versions of classes that changed: which are refused, by what words, and what a class's own failure becomes."""

import logging
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import pytest

from app.errors import Conflict, ModelFailed
from app.model.base import Array, Model, Regressor
from app.model.own_estimators import OwnEstimator, OwnModel
from app.service.compatibility import require_usable, restore
from app.service.models import Models
from app.service.version_checks import VersionChecks
from app.storage.array_files import pack_arrays
from app.storage.manifest import ARRAYS_FILE, Manifest, Schema
from app.storage.model_store import Store
from tests.support.fakes import Clock


class Mean(Regressor):
    """A model with a required parameter and another."""

    name = "mean"

    def __init__(self, shift: float, scale: float = 1.0) -> None:
        self.shift = shift
        self.scale = scale

    def fit(self, X: Any, y: Any) -> Self:
        return self

    def predict(self, X: Any) -> Array:
        return np.full(len(X), self.shift * self.scale)


class Bare(Mean):
    """The same without parameters."""

    name = "bare"

    def __init__(self) -> None:
        super().__init__(1.0)


class Broken(Mean):
    """One that fails when it is restored."""

    name = "broken"

    def prepare(self) -> None:
        raise LookupError(self.shift)


NOTHING = {ARRAYS_FILE: pack_arrays({})}


def restored(kind: type[Regressor], of: Manifest) -> Model:
    """The instance of a version that learned nothing."""
    model = restore(OwnEstimator(kind), of, NOTHING)
    assert isinstance(model, OwnModel)
    return model.instance


def manifest(**params: float) -> Manifest:
    return Manifest(
        model="mean",
        version=4,
        estimator="tests.Mean",
        params=params,
        schema=Schema(["x"], ["y"], vector=True),
        terms=[],
        metrics={},
        data={},
        libraries={},
        created=datetime(2020, 1, 1, tzinfo=UTC),
        job="job",
        learned={},
    )


@pytest.mark.parametrize(
    ("kind", "params", "words"),
    [
        (Mean, {"shift": 1.0, "scale": 2.0}, None),
        (Mean, {"shift": 1.0}, None),
        (
            Mean,
            {"shift": 1.0, "factor": 2.0},
            "with the parameter 'factor', unknown to its class now: it has shift, sc",
        ),
        (Mean, {"a": 1.0, "b": 2.0}, "with the parameters 'a' and 'b', unknown to its class now"),
        (Mean, {"scale": 2.0}, "without the parameter 'shift', which its class needs now"),
        (Bare, {"shift": 1.0}, "with the parameter 'shift', unknown to its class now: it has none"),
    ],
)
def test_the_parameters_of_a_version_must_be_those_of_its_class(
    kind: type[Regressor], params: dict[str, float], words: str | None
) -> None:
    """One that the class did not have then takes its default."""
    if words is None:
        assert restored(kind, manifest(**params)).get_params() == {"scale": 1.0, **params}
        return
    with pytest.raises(Conflict, match="version 4 of model 'mean' was fitted ") as caught:
        require_usable(OwnEstimator(kind), manifest(**params))
    assert words in caught.value.detail
    assert caught.value.pointers == ["/version"]


def test_a_class_that_fails_is_named_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    """Its place is in the log."""
    with caplog.at_level(logging.ERROR), pytest.raises(ModelFailed, match="its class raised LookupError"):
        restored(Broken, manifest(shift=77.25))
    assert "in prepare" in caplog.text and "77.25" not in caplog.text


def test_every_alias_is_checked_and_followed(tmp_path: Path) -> None:
    """Those that are damaged, lead nowhere, or lead to a version that cannot be used; what changes is seen."""
    clock = Clock()
    store = Store(tmp_path, clock=clock)
    checks = VersionChecks(Models({"mean": OwnEstimator(Mean), "other": OwnEstimator(Bare)}, store), store)
    assert checks.aliases() == []
    store.publish(manifest(shift=1.0), NOTHING)
    aliases = tmp_path / "models/mean/aliases"
    (aliases / "champion").write_text("7")
    (aliases / "torn").write_text("1 sha256:")
    assert checks.aliases() == [
        "mean, champion: model 'mean' has no version 7",
        "mean, torn: alias 'torn' of model 'mean' is damaged on disk; set it again",
    ]
    (aliases / "champion").unlink()
    (aliases / "torn").unlink()
    clock.tick(1)
    assert checks.aliases() == []
    (tmp_path / "models/mean/versions/1/manifest.json").write_text("{}")
    clock.tick(1)
    assert checks.aliases() == ["mean, latest: version 1 of model 'mean' is damaged on disk; fit it again"]
    second = manifest(factor=1.0)
    second.job = "another"
    store.publish(second, NOTHING)
    clock.tick(1)
    assert "with the parameter 'factor'" in checks.aliases()[0]


def test_an_imported_version_is_checked_without_the_library_that_runs_it(tmp_path: Path) -> None:
    """A health check does not wait for scikit-learn."""
    imported = msgspec.structs.replace(manifest(), format="skops", provenance={"filename": "mean.skops"})
    Store(tmp_path).publish(imported, NOTHING)
    program = f"""
import sys
from pathlib import Path
from app.service.models import Models
from app.service.version_checks import VersionChecks
from app.storage.model_store import Store
store = Store(Path({str(tmp_path)!r}))
print(store.versions("mean"), VersionChecks(Models({{}}, store), store).aliases(), "sklearn" in sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert ended.stdout == "[1] [] False\n"
