"""The composition root: which models are served, and what stops the start."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.bootstrap import build
from app.model.own_estimators import OwnEstimator
from app.schemas.requests import Request
from app.service.discovery import find_models
from app.settings import Settings, SettingsError
from tests.support.fakes import First, Mean


def test_models_are_found_by_name() -> None:
    """Every concrete regressor of a module is served under its name; abstract and private ones are not."""
    assert find_models(["tests.support.fakes"]) == {"mean": OwnEstimator(Mean), "first": OwnEstimator(First)}


def test_modules_add_up() -> None:
    """Models of several modules are served together; spaces and a comma at the end don't matter."""
    found = find_models(["app.model.models", " tests.support.fakes", ""])
    assert {"mean", "polynomial", "multivariate"} <= found.keys()


@pytest.mark.parametrize("module", ["nowhere", "app.nowhere", ".relative", "app/model", ""])
def test_a_module_that_is_not_there_stops_the_start(module: str) -> None:
    """As a problem of the settings, in words; no module at all is one, too."""
    with pytest.raises(SettingsError, match="TRINITY_MODELS"):
        build(Settings(models=module, default_model="mean"))


def test_an_unknown_default_model_stops_the_start() -> None:
    """The message lists those there are."""
    with pytest.raises(SettingsError, match=r"TRINITY_DEFAULT_MODEL.*polynomial"):
        build(Settings(default_model="nope"))


def test_building_opens_nothing(tmp_path: Path) -> None:
    """No folder is made and no server contacted until there is work."""
    build(Settings(store=str(tmp_path / "store"), ledger_url="redis://192.0.2.1:1/0"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("max_loaded", "kept"), [(1, [2]), (1024**2, [1, 2])])
def test_versions_are_kept_in_memory_up_to_the_bytes_of_the_setting(
    tmp_path: Path, max_loaded: int, kept: list[int]
) -> None:
    """The one that was used last always is."""
    service = build(Settings(store=str(tmp_path), max_loaded=max_loaded)).service
    for job in ("one", "two"):
        version, _ = service.run(service.check("fit", Request()), job, 0.0)
        service.fitted("polynomial", version)
    assert [version for version in (1, 2) if service.loaded("polynomial", version)] == kept


def imports(statement: str, store: Path, mode: str = "sync") -> set[str]:
    """The modules that a statement brings in, in a process of its own."""
    code = f"import sys; {statement}; print(*sys.modules)"
    redis = "redis://192.0.2.1:1"
    urls = {"TRINITY_BROKER_URL": f"{redis}/0", "TRINITY_LEDGER_URL": f"{redis}/1"} if mode == "async" else {}
    env = {**os.environ, "TRINITY_MODE": mode, "TRINITY_STORE": str(store), **urls}
    process = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=env)
    return set(process.stdout.split())


def test_workers_do_without_falcon(tmp_path: Path) -> None:
    """The worker's entrance doesn't load the web's."""
    assert "falcon" not in imports("import app.tasks", tmp_path)


def test_the_web_process_does_without_celery_and_redis_in_sync_mode(tmp_path: Path) -> None:
    """What only async mode needs costs sync mode neither memory nor time."""
    loaded = imports("from app import api", tmp_path)
    assert "falcon" in loaded
    assert not loaded & {"celery", "kombu", "redis"}


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_the_first_web_process_loads_what_the_others_need_except_models(tmp_path: Path, mode: str) -> None:
    """The others import nothing more of Trinity than models and sources, so a reload finds these as they are then."""
    load = (
        f"from app.bootstrap import load_web_modules; from app.settings import Mode; load_web_modules(Mode({mode!r}))"
    )
    check = "import os; assert len(os.listdir('/proc/self/task')) == 1, 'a thread would not outlive a fork'"
    loaded = imports(f"{load}; {check}", tmp_path, mode)
    added = imports(f"{load}; from app import api", tmp_path, mode) - loaded
    assert {"app.model.models", "app.data.dummy"} <= added
    ours = [name for name in added if name.startswith("app.")]
    assert [name for name in ours if not name.startswith(("app.model.", "app.data.dummy"))] == []


@pytest.mark.parametrize(
    "statement", ["from app import api", "import app.tasks", "from app.cli.local import LocalBackend; LocalBackend()"]
)
def test_pyarrow_is_imported_when_the_first_table_comes(tmp_path: Path, statement: str) -> None:
    """It costs 40 MB and a fifth of a second, which only tables are worth."""
    assert "pyarrow" not in imports(statement, tmp_path)
    read = "from app.data.csv_reader.csv_records import CsvRecords; from app.service.choice import FitChoice"
    choice = "FitChoice(frozenset({'number'}), False, ['y'])"
    assert "pyarrow" in imports(f"{statement}; {read}; CsvRecords(b'a,y\\n1,2\\n').read({choice})", tmp_path)


BROKEN = {
    "a syntax error": "def x(:",
    "an exit": "raise SystemExit(0)",
    "an error": "1 / 0",
    "no model": "from app.model.base import Regressor",
    "a model without a name": "class A(Regressor):\n    fit = predict = lambda self, X, y=None: X",
    "a name that leaves its folder": "class A(Regressor):\n    name = '../a'\n    fit = predict = lambda self, X: X",
    "a model without predict": "class A(Regressor):\n    name = 'a'\n    fit = lambda self, X, y: self",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_module_that_cant_be_served_stops_the_start(tmp_path: Path, text: str) -> None:
    """Whatever is wrong with a user's file is a problem of the settings, and no traceback."""
    name = f"broken_{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(f"from app.model.base import Regressor\n{text}\n")
    sys.path.insert(0, str(tmp_path))
    try:
        with pytest.raises(SettingsError, match="TRINITY_MODELS"):
            find_models([name])
    finally:
        sys.path.remove(str(tmp_path))


def write(folder: Path, text: str) -> str:
    """A module of one's own on the path; its name."""
    name = f"objects_{abs(hash(text))}"
    (folder / f"{name}.py").write_text(text)
    return name


@pytest.fixture
def on_path(tmp_path: Path) -> Iterator[Path]:
    """A folder with modules of one's own."""
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))


def test_objects_of_scikit_learn_are_found_by_their_names(on_path: Path) -> None:
    """Those that predict, and are public; parts of them are not, nor classes and what has no more than parameters."""
    text = """
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from app.model.models import PolynomialRegressor

scaler, kernel, own, number = StandardScaler(), RBF(), PolynomialRegressor(), 5
house_price = make_pipeline(scaler, Ridge())
churn = LogisticRegression()
_hidden = Ridge()
"""
    found = find_models([write(on_path, text)])
    assert {name: model.task for name, model in found.items()} == {
        "polynomial": "regression",
        "house_price": "regression",
        "churn": "classification",
    }
    assert found["house_price"].description == "StandardScaler, then Ridge."


def test_a_name_that_no_path_can_have_stops_the_start(on_path: Path) -> None:
    module = write(on_path, "from sklearn.linear_model import Ridge\nHousePrice = Ridge()\n")
    with pytest.raises(SettingsError, match=r"needs a `name` for requests"):
        find_models([module])


@pytest.mark.parametrize("library", ["sklearn", "skops", "pandas", "xgboost", "lightgbm"])
def test_a_library_that_is_missing_is_an_extra_to_install(on_path: Path, library: str) -> None:
    """The words say which."""
    text = f"raise ModuleNotFoundError('No module named {library}', name='{library}.linear_model')"
    extra = library if library in {"xgboost", "lightgbm"} else "sklearn"
    with pytest.raises(SettingsError, match=f"install it with EXTRAS={extra}"):
        find_models([write(on_path, text)])


@pytest.mark.parametrize("statement", ["from app import api", "import app.tasks"])
def test_scikit_learn_is_imported_where_a_model_needs_it(tmp_path: Path, statement: str) -> None:
    """It costs 180 MB and two seconds."""
    assert not imports(statement, tmp_path) & {"sklearn", "skops", "pandas", "xgboost", "lightgbm", "onnxruntime"}


def test_a_store_that_cant_be_written_stops_the_start(tmp_path: Path) -> None:
    """And says which setting to look at."""
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="TRINITY_STORE"):
        build(Settings(store=str(tmp_path / "file"))).check_store()
