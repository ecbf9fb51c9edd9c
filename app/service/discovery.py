"""Find the models and the data sources in the modules that the settings name."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from app.model.base import Classifier, Regressor
from app.model.estimator import AnyEstimator
from app.model.own import OwnEstimator
from app.service.sources import DataSource
from app.settings import SettingsError

MODELS = "TRINITY_MODELS"
SOURCES = "TRINITY_SOURCES"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def find_models(modules: Iterable[str]) -> dict[str, AnyEstimator]:
    """Return the public models of the modules, by name; raise SettingsError for one that can't be served."""
    models = _find(MODELS, "model", modules, _is_model)
    for kind in models.values():
        if inspect.isabstract(kind):
            raise _unusable(MODELS, kind, f"has no {' and no '.join(sorted(kind.__abstractmethods__))}")
    return {name: OwnEstimator(kind) for name, kind in models.items()}


def find_sources(modules: Iterable[str]) -> dict[str, type[DataSource]]:
    """Return the public data sources of the modules, by name; raise SettingsError for one that can't be used."""
    sources: dict[str, type[DataSource]] = _find(SOURCES, "source", modules, _is_source)
    for kind in sources.values():
        params = getattr(kind, "Params", None)
        if not (inspect.isclass(params) and issubclass(params, msgspec.Struct)):
            raise _unusable(SOURCES, kind, "has no `Params`, a msgspec Struct of the parameters that requests may set")
    return sources


def _find(variable: str, what: str, modules: Iterable[str], is_kind: Callable[[object], bool]) -> dict[str, Any]:
    """Return the public classes of the modules that are of a kind, by their `name`."""
    if (here := str(Path.cwd())) not in sys.path:  # gunicorn has it there, a Celery worker has not
        sys.path.insert(0, here)
    found: dict[str, Any] = {}
    for module in filter(None, map(str.strip, modules)):
        try:
            contents = vars(importlib.import_module(module))
        except (Exception, SystemExit) as error:  # a user's file may fail in any way
            raise SettingsError(f"{variable}: can't import {module!r}: {type(error).__name__}: {error}") from error
        kinds = [kind for name, kind in contents.items() if not name.startswith("_") and is_kind(kind)]
        if not kinds:
            raise SettingsError(f"{variable}: there is no {what} in {module!r}")
        for kind in kinds:
            name = getattr(kind, "name", "")
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise _unusable(variable, kind, "needs a `name` for requests: at most 64 of a-z, 0-9, - and _")
            if found.setdefault(name, kind) is not kind:
                raise SettingsError(f"{variable}: two {what}s are called {name!r}")
    if not found:
        raise SettingsError(f"{variable}: no module with a {what} is named")
    return found


def _unusable(variable: str, kind: type, problem: str) -> SettingsError:
    return SettingsError(f"{variable}: {kind.__module__}.{kind.__qualname__} {problem}")


def _is_model(thing: object) -> bool:
    """Whether this is a model, finished or not; a base class is abstract and has no name."""
    if not inspect.isclass(thing) or not issubclass(thing, Regressor | Classifier):
        return False
    return not inspect.isabstract(thing) or hasattr(thing, "name")


def _is_source(thing: object) -> bool:
    return inspect.isclass(thing) and hasattr(thing, "read") and hasattr(thing, "name")
