"""The local store: the same service that web processes and workers call, without HTTP and without a queue."""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from typing import Any

import msgspec

from app.bootstrap import build
from app.cli.backend import VerbResult, outputs_of
from app.data.table import read_csv
from app.errors import ModelFailed, TrinityError
from app.schemas.ids import new_id
from app.schemas.requests import Request, Work, version_of
from app.schemas.verbs import VERBS, Verb
from app.service.descriptions import describe_model, public_manifest
from app.settings import load


class Local:
    """Models over the store that the settings name."""

    def __init__(self) -> None:
        self._house = build(load())
        self._service = self._house.service

    def models(self) -> list[dict[str, Any]]:
        """Return every model."""
        return [msgspec.to_builtins(describe_model(self._service, name)) for name in sorted(self._service.models)]

    def model(self, name: str) -> dict[str, Any]:
        """Return one model; raise NotFound."""
        found: dict[str, Any] = msgspec.to_builtins(describe_model(self._service, name))
        return found

    def version(self, name: str, version: str) -> dict[str, Any]:
        """Return what is known of a version; raise NotFound."""
        self._service.model(name)
        store = self._house.store
        return public_manifest(store.manifest(name, store.resolve(name, version_of(version))))

    def outputs(self, done: VerbResult) -> list[str]:
        """Return the names of the predictions' columns."""
        return outputs_of(self.version(done.model, str(done.version)))

    def work(self, verb: Verb, table: bytes, model: str | None, **query: Any) -> VerbResult:
        """Do a verb on a CSV file; raise what refuses it, ModelFailed with the place where a model's code failed."""
        if VERBS[verb].publishes:
            self._house.check_store()
        version = query.get("version")
        wanted = None if version is None else version_of(version)
        request = Request(model, wanted, query.get("params") or {}, read_csv(table, query["target"]))
        work = self._service.check(verb, request)
        return VerbResult(work.model, *self._run(work))

    def _run(self, work: Work) -> tuple[int, dict[str, Any]]:
        try:
            return self._service.run(work, new_id(), time.time())
        except TrinityError:
            raise
        except Exception as error:  # a model is anybody's code
            place = traceback.extract_tb(error.__traceback__)[-1]
            raise ModelFailed(
                f"the model {work.model!r} raised {type(error).__name__} ({Path(place.filename).name}:{place.lineno})"
            ) from error
