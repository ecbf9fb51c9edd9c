"""Find the models in the modules that the settings name."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TypeGuard

from app.model.base import Regressor
from app.settings import SettingsError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def find_models(modules: Iterable[str]) -> dict[str, type[Regressor]]:
    """Return the concrete regressors that the modules hold, by name; raise SettingsError."""
    if (here := str(Path.cwd())) not in sys.path:  # gunicorn has it there, a Celery worker has not
        sys.path.insert(0, here)
    models: dict[str, type[Regressor]] = {}
    for module in filter(None, map(str.strip, modules)):
        for kind in _models_in(module):
            if models.setdefault(kind.name, kind) is not kind:
                raise SettingsError(f"TRINITY_MODELS: two models are called {kind.name!r}")
    if not models:
        raise SettingsError("TRINITY_MODELS: no module with a model is named")
    return models


def _models_in(module: str) -> list[type[Regressor]]:
    """Return the public models of a module; raise SettingsError for a module or a model that can't be served."""
    try:
        contents = vars(importlib.import_module(module))
    except (Exception, SystemExit) as error:  # a file of the user's may fail in any way
        raise SettingsError(f"TRINITY_MODELS: can't import {module!r}: {type(error).__name__}: {error}") from error
    kinds = [kind for name, kind in contents.items() if not name.startswith("_") and _is_model(kind)]
    for kind in kinds:
        where = f"TRINITY_MODELS: {module}.{kind.__qualname__}"
        if not _NAME.fullmatch(getattr(kind, "name", "")):
            raise SettingsError(f"{where}: its `name` stands in URLs: a-z, 0-9, - and _, at most 64 of them")
        if inspect.isabstract(kind):
            raise SettingsError(f"{where} has no {' and no '.join(sorted(kind.__abstractmethods__))}")
    if not kinds:
        raise SettingsError(f"TRINITY_MODELS: there is no model in {module!r}")
    return kinds


def _is_model(thing: object) -> TypeGuard[type[Regressor]]:
    """Whether this is a model, finished or not; a base class is abstract and has no name."""
    if not inspect.isclass(thing) or not issubclass(thing, Regressor):
        return False
    return not inspect.isabstract(thing) or hasattr(thing, "name")
