"""The local store as a backend: the service of the web processes and workers, without HTTP and a queue."""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from app.bootstrap import build
from app.cli.backend import FileResult, VerbResult
from app.cli.local_registry import LocalRegistry
from app.errors import ModelFailed, TrinityError
from app.schemas.file_names import file_name
from app.schemas.ids import new_id
from app.schemas.query import OpenQuery, Query
from app.schemas.requests import Work, parse_version
from app.schemas.verbs import VERBS, Verb
from app.serve.bodies.csv_body import hold_out, parse_csv
from app.serve.bodies.model_file import take_model_file
from app.serve.bodies.query import take_file_request
from app.serve.bodies.reader import check_size
from app.serve.bodies.stored_files import SentFile
from app.serve.bodies.uploads import HELD_OUT_UPLOAD, MAX_SAMPLE_BYTES, check_sample
from app.service.descriptions import describe_model, public_manifest
from app.service.result_files import result_files
from app.settings import load
from app.storage.payload_store import UPLOAD


class LocalBackend(LocalRegistry):
    """The models and the store of the settings."""

    def __init__(self) -> None:
        self._components = build(load())
        self._service = self._components.service
        super().__init__(self._service)

    def models(self, name: str | None = None) -> Any:
        """Return every model, or one; raise NotFound."""
        if name is None:
            return [self.models(each) for each in self._service.models.names()]
        return msgspec.to_builtins(describe_model(self._service, name))

    def version(self, name: str, version: str) -> dict[str, Any]:
        """Return a version's manifest; raise NotFound."""
        self._service.model(name)
        store = self._components.store
        return public_manifest(store.manifest(name, store.resolve(name, parse_version(version))))

    def import_file(self, name: str, path: Path, filename: str, sample: Path | None, query: Query) -> VerbResult:
        """Import a file, which is read in pieces; raise Invalid if it cannot be imported, TooLarge or OSError."""
        self._components.check_store()
        job_id, rows = new_id(), None if sample is None else _read_sample(sample)
        stored = self._stored(path, job_id, UPLOAD, self._components.settings.max_import)
        try:
            sent = stored._replace(filename=file_name(filename), sample=rows, query=query)
            work = self._service.check_import(name, *take_model_file(sent))
            return VerbResult(work.model, *self._service.run(work, job_id, time.time()))
        finally:
            self._components.payloads.drop(stored.reference)

    def run(
        self, verb: Verb, content: bytes, model: str | None, query: Query, held_out: bytes | None = None
    ) -> VerbResult:
        """Run a verb on a CSV file; a fit may have the rows of a gate in another.

        Raise TrinityError, as ModelFailed with the line where the model's code failed.
        """
        if VERBS[verb].publishes:
            self._components.check_store()
        request = parse_csv(verb, content, query)
        request.model = model
        if held_out is not None:
            hold_out(verb, request, held_out)
        return self._done(self._service.check(verb, request), new_id())

    @contextmanager
    def run_file(
        self,
        verb: Verb,
        path: Path,
        model: str,
        version: str | None,
        options: Mapping[str, str],
        _progress: Callable[..., None],
        held_out: Path | None = None,
    ) -> Iterator[FileResult]:
        """Run a verb on a file and return its result; no file of it stays in the store. Raise as `run` does.

        A fit may have a second file, with which its gate compares versions.
        """
        if VERBS[verb].publishes:
            self._components.check_store()
        payloads, job_id, references = self._components.payloads, new_id(), list[str]()
        query: OpenQuery = {**options, **({} if version is None else {"version": version})}
        try:
            max_bytes = self._components.settings.max_file
            sent = self._stored(path, job_id, UPLOAD, max_bytes)
            references.append(sent.reference)
            gate = None
            if held_out is not None:
                gate = self._stored(held_out, job_id, HELD_OUT_UPLOAD, max_bytes, path.stat().st_size).input
                references.append(gate.reference)
            work = self._service.check_file(verb, model, sent.input, take_file_request(verb, query), query, gate)
            done = self._done(work, job_id)
            results = result_files(self._components.settings, payloads)
            found = results.found(msgspec.json.encode(done.result), job_id)
            references += [each.reference for each in found]
            paths = {each.file.name: payloads.path(each.reference) for each in found}
            yield FileResult(*done, [msgspec.to_builtins(each.file) for each in found], partial(_copy, paths))
        finally:
            for reference in references:
                payloads.drop(reference)

    def _stored(self, path: Path, job_id: str, suffix: str, max_bytes: int, before_bytes: int = 0) -> SentFile:
        """Put a file into the store in pieces, after others of `before_bytes`; raise TooLarge or OSError."""
        copied = self._components.payloads.copy(
            f"{job_id}{suffix}", path, lambda size: check_size(before_bytes + size, max_bytes)
        )
        return SentFile(job_id, copied.reference, copied.head, file_name(path.name), None, {})

    def _done(self, work: Work, job_id: str) -> VerbResult:
        try:
            return VerbResult(work.model, *self._service.run(work, job_id, time.time()))
        except TrinityError:
            raise
        except Exception as error:  # a user's model may raise any exception
            frame = traceback.extract_tb(error.__traceback__)[-1]
            raise ModelFailed(
                f"the model {work.model!r} raised {type(error).__name__} ({Path(frame.filename).name}:{frame.lineno})"
            ) from error


def _copy(paths: Mapping[str, Path], file: BinaryIO, name: str) -> None:
    """Copy the file of a result that has this name."""
    with paths[name].open("rb") as result:
        shutil.copyfileobj(result, file)


def _read_sample(path: Path) -> bytes:
    with path.open("rb") as file:
        return check_sample(file.read(MAX_SAMPLE_BYTES + 1))
