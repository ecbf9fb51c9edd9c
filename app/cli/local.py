"""The local store: the same service that web processes and workers call, without HTTP and without a queue."""

from __future__ import annotations

import re
import time
import traceback
from pathlib import Path
from typing import Any

import msgspec

from app.bootstrap import build
from app.cli.where import Done, Verb
from app.data.table import read_csv
from app.errors import ModelFailed, TrinityError
from app.ids import new_id
from app.schemas import Request, Work
from app.service.described import described, shown
from app.settings import load


class Local:
    """Models over the store that the settings name."""

    def __init__(self) -> None:
        self._house = build(load())
        self._service = self._house.service

    def models(self) -> list[dict[str, Any]]:
        """Return every model."""
        return [msgspec.to_builtins(described(self._service, name)) for name in sorted(self._service.models)]

    def model(self, name: str) -> dict[str, Any]:
        """Return one model; raise NotFound."""
        found: dict[str, Any] = msgspec.to_builtins(described(self._service, name))
        return found

    def version(self, name: str, version: str) -> dict[str, Any]:
        """Return what is known of a version; raise NotFound."""
        self._service.model(name)
        store = self._house.store
        wanted = int(version) if re.fullmatch(r"[1-9]\d{0,8}", version) else version
        return shown(store.manifest(name, store.resolve(name, wanted)))

    def work(self, verb: Verb, table: bytes, model: str | None, **query: Any) -> Done:
        """Do a verb on a CSV file; raise what refuses it, ModelFailed with the place where a model's code failed."""
        if verb == "fit":
            self._house.check_store()
        request = Request(model, query.get("version"), query.get("params") or {}, read_csv(table, query["target"]))
        work = self._service.check(verb, request)
        return Done(work.model, *self._run(work))

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
