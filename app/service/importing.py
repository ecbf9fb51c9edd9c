"""Imports: a file is checked, tried out in a separate process, and published as the next version of a model."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from app.data.csv_reader.csv_records import CsvRecords
from app.data.csv_reader.options import CsvOptions
from app.errors import Damaged, Fault, Invalid
from app.model.imported.archives import check_archive
from app.model.imported.formats import POINTER
from app.model.imported.imported_estimator import HELD_BYTES, file_name
from app.model.imported.trial import TrialLimits, TrialRequest, TrialResult, output_names
from app.model.imported.trial_rows import Sample
from app.model.isolation.isolated_calls import CallFailed, IsolatedCalls
from app.schemas.columns import KINDS, Column
from app.schemas.decoding import convert
from app.schemas.requests import OUTPUTS, ModelFile, Work, Y
from app.schemas.tables import Table
from app.service.choice import FitChoice, UseChoice
from app.service.columns import learn_schema
from app.service.publishing import publish
from app.storage.durable_files import Permit
from app.storage.manifest import Manifest, Schema
from app.storage.model_store import Store
from app.storage.payload_store import Payloads
from app.telemetry.context import REQUEST

SAMPLE = "sample"
SAMPLE_ROWS = 1000
PREDICT_S = 5.0  # for a few rows: a slower model is of no use
LOAD_S = 5.0
LOAD_BYTES_PER_S = 4 * 1024**2  # additional time for large files: ten times what they need
PRELOAD = ("numpy", "sklearn", "pandas", "skops.io", "onnxruntime", "xgboost", "lightgbm")
_RUN_TRIAL = "app.model.imported.trial:run_trial"


class Importer:
    """Creates versions from files. A file can only harm the process that tries it out, not those of the service."""

    def __init__(
        self,
        store: Store,
        payloads: Payloads,
        calls: IsolatedCalls,
        *,
        approved: Collection[str],
        max_loaded_bytes: int,
    ) -> None:
        self._store = store
        self._payloads = payloads
        self._calls = calls
        self.approved = frozenset(approved)
        """The types and domains beside those that are safe."""
        self._max_loaded_bytes = max_loaded_bytes

    def run(
        self, work: Work, file: ModelFile, job: str, created_s: float, permit: Permit
    ) -> tuple[int, dict[str, Any]]:
        """Try a file out and publish it; return the version and the result. Raise Invalid, Unavailable or Damaged."""
        path = self._payloads.path(file.reference)
        trial = self.try_out(path, file)
        with _content(path) as content:
            digest = hashlib.sha256(content).hexdigest()
            if not file.reference.endswith(digest):
                raise Damaged("the file is damaged on disk; send it again")
            manifest = self._manifest(work, file, trial, digest)
            manifest.job, manifest.created = job, datetime.fromtimestamp(created_s, UTC)
            version = publish(self._store, manifest, {file_name(file.format): content}, permit).version
        return version, _result(version, manifest, trial)

    def close(self) -> None:
        """End the process in which files are tried out."""
        self._calls.close()

    def try_out(self, path: Path, file: ModelFile) -> TrialResult:
        """Return the findings of a child process about a file; raise Invalid or Unavailable."""
        request = TrialRequest(
            file.classes,
            file.task,
            file.columns,
            None if file.sample is None else sample_of(file.sample, file.written),
            sorted(self.approved),
            file.strict,
        )
        if file.format == "skops":
            check_archive(path)  # checking its directory needs no other process
        limits = TrialLimits(LOAD_S + path.stat().st_size / LOAD_BYTES_PER_S, PREDICT_S)
        asked = msgspec.to_builtins(request)
        try:
            found = self._calls.call(_RUN_TRIAL, path=str(path), form=file.format, request=asked, limits=limits)
        except CallFailed as error:
            raise error.refusal("the file") from None
        trial = convert(found, TrialResult)
        if (held := trial.learned[HELD_BYTES]) > self._max_loaded_bytes:
            limit = f"the limit is {self._max_loaded_bytes} (TRINITY_MAX_LOADED)"
            raise Invalid.at(POINTER, f"the model takes {held} bytes of memory, {limit}")
        return trial

    def _manifest(self, work: Work, file: ModelFile, trial: TrialResult, digest: str) -> Manifest:
        sample = {"rows": trial.rows} if trial.rows else None
        return Manifest(
            model=work.model,
            estimator=f"sha256:{digest}",
            task=trial.task,
            classes=trial.classes,
            outputs=list(OUTPUTS) if trial.has_probabilities else [Y],
            params={},
            schema=Schema(
                inputs=[column.name for column in trial.columns],
                outputs=output_names(trial.outputs),
                vector=trial.vector,
                named_inputs=trial.named_inputs,
                columns=trial.columns,
                unused=trial.unused,
            ),
            terms=[],
            metrics={},
            warnings=trial.warnings,
            data={"origin": {"source": "import"}, "rows": 0},
            libraries=trial.libraries,
            created=datetime.now(UTC),
            job="",
            by=REQUEST.get().key_name,
            provenance={"file": file.name, "bytes": _size(file), "sha256": digest, "sample": sample},
            format=file.format,
            stacks=trial.stacks,
            held_bytes=trial.learned[HELD_BYTES],
            learned=trial.learned,
        )


def read_sample(content: bytes, options: CsvOptions, ignore: Sequence[str] = ()) -> tuple[Table, Table]:
    """Return the rows of a CSV file, and the same rows with each cell as its text; raise Invalid or Malformed."""
    records, kinds = CsvRecords(content, options), frozenset(KINDS)
    try:
        table = records.read(FitChoice(kinds, takes_missing=True, ignore=ignore))
    except Invalid as error:
        raise Invalid(
            error.detail, *(Fault(f"/{SAMPLE}{fault.pointer}", fault.detail) for fault in error.faults)
        ) from None
    known = learn_schema(_with_y(table))
    texts = [Column(column.name, "text") for column in known.columns]
    schema = msgspec.structs.replace(known, columns=texts, outputs=[], vector=False)
    written = records.read(UseChoice(schema, kinds, takes_missing=True, any_texts=True))
    return _first_rows(table), _first_rows(written)


def _first_rows(table: Table) -> Table:
    return msgspec.structs.replace(table, X=np.ascontiguousarray(table.X[:SAMPLE_ROWS]))


def _with_y(table: Table) -> Table:
    return msgspec.structs.replace(table, y=np.zeros(len(table.X)))  # a sample needs no y, a schema does


def _result(version: int, manifest: Manifest, trial: TrialResult) -> dict[str, Any]:
    return {
        "version": version,
        "terms": [],
        "coefficients": [],
        "metrics": {},
        "warnings": manifest.warnings,
        "format": manifest.format,
        "task": trial.task,
        "classes": trial.classes,
        "inputs": manifest.schema.inputs,
        "stacks": trial.stacks,
        "held_bytes": trial.learned[HELD_BYTES],
        "load_seconds": trial.load_s,
    }


def sample_of(table: Table, written: Table | None) -> Sample:
    """Return the rows of a sample as the process that tries a file out takes them."""
    schema = learn_schema(_with_y(table))
    named = table.inputs is not None and table.named
    cells: dict[int, list[str | None]] = {}
    for i, column in enumerate(schema.columns):
        if written is not None and column.kind != "text":
            texts = written.categories[i]
            cells[i] = [None if np.isnan(code) else texts[int(code)] for code in written.X[:, i].tolist()]
    return Sample(table.X.tolist(), schema.columns, named, table.unused, dict(table.categories), cells)


def _size(file: ModelFile) -> int:
    return int(file.reference.split(":")[1])


@contextmanager
def _content(path: Path) -> Iterator[memoryview]:
    """Give the bytes of a file without reading them all into memory."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        view = memoryview(mapped)
        try:
            yield view
        finally:
            view.release()
