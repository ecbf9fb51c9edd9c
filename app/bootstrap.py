"""The composition root: builds the house from its settings; shared by web, workers and command line."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from app.data.dummy import Dummy, DummyParams
from app.model.base import Regressor
from app.service import Service, SourceKind
from app.settings import Settings, SettingsError
from app.store import Store

if TYPE_CHECKING:
    from app.ledger import Ledger


@dataclass(frozen=True)
class House:
    """The parts that both entrances need; in sync mode there is no ledger."""

    settings: Settings
    service: Service
    store: Store
    ledger: Ledger | None

    @property
    def queue_ledger(self) -> Ledger:
        """The ledger, where there must be one; raise SettingsError."""
        if self.ledger is None:
            raise SettingsError("TRINITY_LEDGER_URL: a queue needs a ledger")
        return self.ledger


def build(settings: Settings) -> House:
    """Wire the parts; nothing is connected yet. Raise SettingsError when a model can't be had."""
    models = find_models(settings.models.split(","))
    if settings.default_model not in models:
        raise SettingsError(
            f"TRINITY_DEFAULT_MODEL: no model {settings.default_model!r}; there are {', '.join(sorted(models))}"
        )
    store = Store(Path(settings.store))
    sources = {"dummy": SourceKind(DummyParams, Dummy)}
    service = Service(models, settings.default_model, store, sources, settings.max_design)
    return House(settings, service, store, _ledger(settings) if settings.ledger_url else None)


def _ledger(settings: Settings) -> Ledger:
    from app.ledger import Ledger, connect  # noqa: PLC0415  sync mode keeps Redis out of memory

    return Ledger(connect(settings.ledger_url or ""), settings.result_ttl, settings.max_pending)


def find_models(modules: Iterable[str]) -> dict[str, type[Regressor]]:
    """Return the concrete regressors that the modules hold, by name; raise SettingsError."""
    if (here := str(Path.cwd())) not in sys.path:  # gunicorn has it there, a Celery worker has not
        sys.path.insert(0, here)
    models: dict[str, type[Regressor]] = {}
    for module in filter(None, map(str.strip, modules)):
        try:
            contents = vars(importlib.import_module(module))
        except (ImportError, TypeError) as error:  # TypeError: a relative name
            raise SettingsError(f"TRINITY_MODELS: can't import {module!r}: {error}") from error
        for name, kind in contents.items():
            if name.startswith("_") or not _is_model(kind):
                continue
            if not hasattr(kind, "name"):
                raise SettingsError(f"TRINITY_MODELS: {module}.{name} has no `name`, which its URLs need")
            if models.setdefault(kind.name, kind) is not kind:
                raise SettingsError(f"TRINITY_MODELS: two models are called {kind.name!r}")
    if not models:
        raise SettingsError("TRINITY_MODELS: no module with a model is named")
    return models


def _is_model(thing: object) -> TypeGuard[type[Regressor]]:
    return inspect.isclass(thing) and issubclass(thing, Regressor) and not inspect.isabstract(thing)
