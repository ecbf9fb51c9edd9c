"""The libraries of a version: those that the model's own code imports, and nothing that only happens to be loaded."""

import importlib
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from app.model.base import Regressor
from app.model.own_estimators import OwnEstimator
from app.model.polynomial import PolynomialRegressor
from app.service.libraries import libraries as of_modules

BASE = '''
from app.model.base import Regressor
from app.model.own_estimators import OwnEstimator


class {name}(Regressor):
    """A model."""

    name = "mine"

    def fit(self, X, y):
        {lazy}
        return self

    def predict(self, X):
        return X[:, 0]
'''


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with modules of one's own, on the path of this process."""
    before = set(sys.modules)
    sys.path.insert(0, str(tmp_path))
    importlib.invalidate_caches()
    yield tmp_path
    sys.path.remove(str(tmp_path))
    for name in set(sys.modules) - before:
        if name.startswith("own_"):
            del sys.modules[name]


def model(folder: Path, imports: str, lazy: str = "pass", name: str = "own_model") -> type[Regressor]:
    """The class in a module that begins with these imports."""
    (folder / f"{name}.py").write_text(imports + BASE.format(name="Mine", lazy=lazy))
    kind: type[Regressor] = importlib.import_module(name).Mine
    return kind


def libraries(kind: type[Regressor]) -> dict[str, str]:
    """Those of a class."""
    return of_modules(OwnEstimator(kind).modules)


def test_shipped_models_name_what_they_use() -> None:
    assert libraries(PolynomialRegressor) == {name: version(name) for name in ("msgspec", "numpy", "scipy")}


def test_distributions_are_named_and_not_modules(folder: Path) -> None:
    """By their own names, also for a module's part and for what is imported within a function."""
    kind = model(folder, "import json\nfrom sklearn.linear_model import Ridge\n", lazy="import httpx")
    kind().fit([], [])
    found = libraries(kind)
    assert found["scikit-learn"] == version("scikit-learn")
    assert "httpx" in found and "numpy" in found and "scipy" in found
    assert not {"sklearn", "json", "falcon", "celery", "pytest", "own_model"} & set(found)


def test_modules_beside_it_are_followed(folder: Path) -> None:
    """A model's own helpers are its code, also in a package with relative imports."""
    (folder / "own_steps").mkdir()
    (folder / "own_steps/__init__.py").write_text("from . import inner\n")
    (folder / "own_steps/inner.py").write_text("import polars\n")
    assert "polars" in libraries(model(folder, "from own_steps import inner\n"))


def test_what_is_installed_and_not_imported_is_not_named(folder: Path) -> None:
    """Nor what could not be imported."""
    imports = "try:\n    import no_such_library\nexcept ImportError:\n    pass\n"
    assert set(libraries(model(folder, imports))) == {"msgspec", "numpy", "scipy"}


def test_a_local_module_is_not_taken_for_a_library_of_its_name(folder: Path) -> None:
    """A distribution may have a package of the same name, such as `tests`, elsewhere."""
    assert libraries(importlib.import_module("tests.support.models").Picky).keys() >= {"numpy", "scipy"}
    assert "own-model" not in libraries(model(folder, ""))
