"""Find models, data sources and routes in the modules that the settings name."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec

from app.model.base import Classifier, Regressor
from app.model.estimator import AnyEstimator
from app.model.file_estimators import FileEstimator
from app.model.files import FileModel, Takes
from app.model.isolation.scratch import Scratch, temporary_folder
from app.model.own_estimators import OwnEstimator
from app.service.sources import DataSource
from app.settings import SettingsError

MODELS = "TRINITY_MODELS"
SOURCES = "TRINITY_SOURCES"
ROUTES = "TRINITY_ROUTES"
TAKES = get_args(Takes)
EXTRAS = {
    "alembic": "sql",
    "lightgbm": "lightgbm",
    "onnxruntime": "onnx",
    "pandas": "sklearn",
    "skops": "sklearn",
    "psycopg": "sql",
    "sklearn": "sklearn",
    "sqlalchemy": "sql",
    "xgboost": "xgboost",
}
"""The extra to install for a missing module."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class _Found(NamedTuple):
    """An object in a module."""

    thing: Any
    module: str


class RouteModule(NamedTuple):
    """A module with routes of an application; `make` returns them for the `Application` that they may use."""

    name: str
    make: Callable[[Any], Iterable[Any]]


def find_models(
    modules: Iterable[str], trusted_types: Iterable[str] = (), scratch: Scratch = temporary_folder
) -> dict[str, AnyEstimator]:
    """Return the public models of the modules, by name; raise SettingsError for one that can't be served.

    Classes have a `name`; objects of scikit-learn have the name of their variable. Their files may hold objects
    of the classes of these modules and of `trusted_types`. `scratch` gives folders to models that work on files.
    """
    modules = [name for name in map(str.strip, modules) if name]
    models = _find(MODELS, "model", modules, lambda thing: _is_model(thing) or _is_sklearn(thing))
    for found in models.values():
        if inspect.isabstract(found.thing):
            lacking = " and no ".join(sorted(found.thing.__abstractmethods__))
            raise _unusable(MODELS, found.thing, f"has no {lacking}")
    trusted = {*trusted_types}
    return {name: _estimator(name, found, modules, trusted, scratch) for name, found in models.items()}


def _estimator(
    name: str, found: _Found, modules: Iterable[str], trusted_types: Iterable[str], scratch: Scratch
) -> AnyEstimator:
    if isinstance(found.thing, type) and issubclass(found.thing, FileModel):
        _check_file_model(found.thing)
        return FileEstimator(found.thing, scratch)
    if isinstance(found.thing, type):
        return OwnEstimator(found.thing)
    # imported here, because a service without such models must not load scikit-learn
    from app.model.scikit.estimator import SklearnEstimator  # noqa: PLC0415
    from app.model.scikit.trusted_types import TRUSTED, defined_in  # noqa: PLC0415

    return SklearnEstimator(name, found.thing, found.module, TRUSTED.union(defined_in(modules), trusted_types))


def _check_file_model(kind: type[FileModel]) -> None:
    """Raise SettingsError for a class without `takes`, or with options that no request could have."""
    if getattr(kind, "takes", None) not in TAKES:
        raise _unusable(MODELS, kind, f"needs `takes`, one of {', '.join(TAKES)}")
    if not getattr(kind, "media_types", ()):
        raise _unusable(MODELS, kind, "needs `media_types`, those of the files that it accepts")
    try:
        kind.options()
    except (TypeError, NameError) as error:
        raise _unusable(MODELS, kind, f"has options that no request can give: {error}") from None


def find_sources(modules: Iterable[str]) -> dict[str, type[DataSource]]:
    """Return the public data sources of the modules, by name; raise SettingsError for one that can't be used."""
    sources = {name: found.thing for name, found in _find(SOURCES, "source", modules, _is_source).items()}
    for kind in sources.values():
        params = getattr(kind, "Params", None)
        if not (inspect.isclass(params) and issubclass(params, msgspec.Struct)):
            raise _unusable(SOURCES, kind, "has no `Params`, a msgspec Struct of the parameters that requests may set")
    return sources


def find_routes(modules: Iterable[str]) -> list[RouteModule]:
    """Return the modules with routes of applications; raise SettingsError for one without a function `routes`."""
    _search_here()
    found = []
    for module in dict.fromkeys(name for name in map(str.strip, modules) if name):
        make = _contents(ROUTES, module).get("routes")
        if not callable(make):
            raise SettingsError(f"{ROUTES}: there is no function `routes` in {module!r}; it takes the application")
        found.append(RouteModule(module, make))
    return found


def _search_here() -> None:
    """Find modules in the working directory; gunicorn adds it to the path, a Celery worker does not."""
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)


def _find(variable: str, what: str, modules: Iterable[str], is_kind: Callable[[object], bool]) -> dict[str, _Found]:
    """Return the public objects of a kind in the modules: classes by their `name`, others by their variable."""
    _search_here()
    found: dict[str, _Found] = {}
    for module in filter(None, map(str.strip, modules)):
        contents = _contents(variable, module)
        try:
            kinds = {key: thing for key, thing in contents.items() if not key.startswith("_") and is_kind(thing)}
        except ImportError as error:
            raise _not_importable(variable, module, error) from error
        if not kinds:
            raise SettingsError(f"{variable}: there is no {what} in {module!r}")
        for key, thing in kinds.items():
            name = getattr(thing, "name", "") if inspect.isclass(thing) else key
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise _unusable(variable, thing, "needs a `name` for requests: at most 64 of a-z, 0-9, - and _")
            if found.setdefault(name, _Found(thing, module)).thing is not thing:
                raise SettingsError(f"{variable}: two {what}s are called {name!r}")
    if not found:
        raise SettingsError(f"{variable}: no module with a {what} is named")
    return found


def _contents(variable: str, module: str) -> dict[str, Any]:
    try:
        return vars(importlib.import_module(module))
    except (Exception, SystemExit) as error:  # a user's file may fail in any way
        raise _not_importable(variable, module, error) from error


def _not_importable(variable: str, module: str, error: BaseException) -> SettingsError:
    """Return the error, with the extra to install if the module needs one."""
    missing = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    advice = f"; install it with EXTRAS={extra}" if (extra := EXTRAS.get(missing)) else ""
    return SettingsError(f"{variable}: can't import {module!r}: {type(error).__name__}: {error}{advice}")


def _unusable(variable: str, thing: Any, problem: str) -> SettingsError:
    kind = thing if inspect.isclass(thing) else type(thing)
    return SettingsError(f"{variable}: {kind.__module__}.{kind.__qualname__} {problem}")


def _is_model(thing: object) -> bool:
    """Whether this is a model, finished or not; a base class is abstract and has no name."""
    if not inspect.isclass(thing) or not issubclass(thing, Regressor | Classifier | FileModel):
        return False
    return not inspect.isabstract(thing) or hasattr(thing, "name")


def _is_sklearn(thing: object) -> bool:
    """Whether this is a regressor or classifier of scikit-learn, which is imported if it may be one."""
    if inspect.isclass(thing) or not hasattr(thing, "get_params") or "sklearn" not in sys.modules:
        return False
    from app.model.scikit.estimator import is_estimator  # noqa: PLC0415  see _estimator

    return is_estimator(thing)


def _is_source(thing: object) -> bool:
    return inspect.isclass(thing) and hasattr(thing, "read") and hasattr(thing, "name")
