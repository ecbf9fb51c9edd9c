"""The composition root: builds the house from its settings; shared by web, workers and command line."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from app.data.dummy import Dummy, DummyParams
from app.model.base import Regressor
from app.payloads import Payloads
from app.service import Service, SourceKind
from app.settings import Settings, SettingsError
from app.store import Store

if TYPE_CHECKING:
    from app.ledger import Claims, Counting, Keeping, Ledger, Limits

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class House:
    """The parts that the entrances need."""

    settings: Settings
    service: Service
    store: Store
    payloads: Payloads

    def check_store(self) -> None:
        """Raise SettingsError unless versions can be written."""
        try:
            self.store.check()
        except OSError as error:
            raise SettingsError(f"TRINITY_STORE: can't write to {self.settings.store!r}: {error.strerror}") from None

    def ledger(self) -> Ledger:
        """Return the jobs as a web process sees them; nothing is connected yet."""
        from app.ledger import Ledger, connect  # noqa: PLC0415  sync mode keeps Redis out of memory

        return Ledger(connect(self.ledger_url), self.payloads, self._limits())

    def claims(self, node: str, child: str) -> Claims:
        """Return the jobs as a worker's process sees them."""
        from app.ledger import WORKER_TIMEOUT_S, Claims, connect  # noqa: PLC0415

        redis = connect(self.ledger_url, WORKER_TIMEOUT_S)
        return Claims(redis, self.payloads, self._limits(), node, child)

    def counting(self) -> Counting:
        """Return what is counted in the ledger."""
        from app.ledger import Counting, connect  # noqa: PLC0415

        return Counting(connect(self.ledger_url))

    def keeping(self, node: str) -> Keeping:
        """Return the jobs as a worker's keeper sees them."""
        from app.ledger import WORKER_TIMEOUT_S, Keeping, connect  # noqa: PLC0415

        return Keeping(connect(self.ledger_url, WORKER_TIMEOUT_S), self._limits(), node)

    @property
    def ledger_url(self) -> str:
        """Where the ledger is, when there must be one; raise SettingsError."""
        if self.settings.ledger_url is None:
            raise SettingsError("TRINITY_LEDGER_URL: a queue needs a ledger")
        return self.settings.ledger_url

    def _limits(self) -> Limits:
        from app.ledger import Limits  # noqa: PLC0415

        settings = self.settings
        return Limits(settings.result_ttl, settings.max_pending, settings.max_attempts, settings.lease)


def build(settings: Settings) -> House:
    """Wire the parts; nothing is connected yet. Raise SettingsError when a model can't be had."""
    models = find_models(settings.models.split(","))
    if settings.default_model not in models:
        raise SettingsError(
            f"TRINITY_DEFAULT_MODEL: no model {settings.default_model!r}; there are {', '.join(sorted(models))}"
        )
    store = Store(Path(settings.store))
    sources = {"dummy": SourceKind(DummyParams, Dummy)}
    service = Service(
        models,
        settings.default_model,
        store,
        sources,
        max_design_bytes=settings.max_design,
        max_answer_bytes=settings.max_body,
        max_loaded_bytes=settings.max_loaded,
        sample_rows=settings.sample_rows,
    )
    return House(settings, service, store, Payloads(Path(settings.store)))


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
