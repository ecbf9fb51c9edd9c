"""The model to check, and the rows for the checks."""

from __future__ import annotations

import importlib
import sys
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec

from app.data.csv_reader.csv_records import CsvRecords
from app.data.csv_reader.options import CsvOptions
from app.data.dummy import Dummy
from app.data.records import TableRecords
from app.errors import Invalid, NotFound
from app.model.estimator import AnyEstimator, FitData, FittedModel
from app.schemas.requests import Request, Source
from app.schemas.tables import Matrix, Table
from app.service.columns import learn_schema
from app.service.design_size import DesignLimit
from app.service.discovery import find_models
from app.service.model_calls import Fit, check_estimator, fit_model, predict_model
from app.service.restoring import CheckedRows, Restore, restore_here, some_rows
from app.service.sources import check_params, check_source, read_source
from app.service.tables import fit_choice, fit_data
from app.storage.manifest import Schema

ROWS = 100  # of the dummy source
INPUTS = (3, 1)  # of them; some models take one input only
SOURCES = {Dummy.name: Dummy}
MAX_DESIGN_BYTES = 1024**3


class Subject(msgspec.Struct, kw_only=True, frozen=True):
    """The subject of a check: a model of some modules, its parameters, and a CSV file of rows for it."""

    modules: list[str]
    folder: str = ""
    """The folder of the modules, if they can't be imported otherwise."""
    name: str = ""
    """The model, or its class; '' if there is only one."""
    params: dict[str, Any] = {}
    rows: str = ""
    """The path of a CSV file; without it, rows of the dummy source are made."""
    target: list[str] = []
    files: list[str] = []
    """The paths of files for a model whose input is one: a zip file or a folder to fit, others to predict."""
    trusted_types: list[str] = []

    def find(self) -> AnyEstimator:
        """Return the estimator; raise NotFound or SettingsError."""
        if self.folder and self.folder not in sys.path:
            sys.path.insert(0, self.folder)
        found = find_models(self.modules, self.trusted_types)
        if not self.name and len(found) == 1:
            return next(iter(found.values()))
        wanted = {estimator.source.rpartition(".")[2]: estimator for estimator in found.values()} | found
        if self.name not in wanted:
            where = ", ".join(self.modules)
            raise NotFound(f"there is no model {self.name!r} in {where}; name one of {', '.join(found)}")
        return wanted[self.name]


class Case(NamedTuple):
    """An estimator with parameters and rows to fit it to."""

    estimator: AnyEstimator
    params: dict[str, Any]
    table: Table
    schema: Schema

    @classmethod
    def of(cls, subject: Subject, estimator: AnyEstimator) -> Self:
        """Return the case of a subject; raise Invalid for rows or parameters that the model does not accept."""
        if subject.files:
            raise Invalid.at("/data", f"the model {estimator.name!r} takes rows, not files")
        params = check_params(estimator.parameters(), subject.params, "/params")
        check_estimator(estimator, params)
        table = _own_rows(estimator, params, subject) if subject.rows else _dummy_rows(estimator, params)
        return cls(estimator, params, table, learn_schema(table))

    @property
    def data(self) -> FitData:
        """The rows in the form of a fit."""
        return fit_data(self.table, self.schema)

    def fit(self) -> FittedModel:
        """Return a model that is fitted to the rows; raise Invalid, or anything else."""
        return self.fit_aloud().model

    def fit_aloud(self) -> Fit:
        """Do as `fit`, and also return the model's warnings."""
        return fit_model(self.estimator, self.params, self.data)

    def fitted(self) -> FittedModel:
        """Do as `fit`; the model reads the rows with their own texts."""
        return self.fit().with_texts(self.table.categories)

    def predict(self, model: FittedModel) -> Matrix:
        """Return the model's predictions for a copy of the rows."""
        return predict_model(model, self.table.X.copy(), self.schema)

    def checked(self, _: FittedModel) -> CheckedRows:
        """Return a few of the rows."""
        return some_rows(self.table, self.schema, own_texts=self.estimator.reads_texts)

    @property
    def restore(self) -> Restore:
        """Restores in this process: it runs this check alone."""
        return restore_here

    def to(self, table: Table) -> Case:
        """Return the case with other rows."""
        return self._replace(table=table, schema=learn_schema(table))


def loaded(names: tuple[str, ...]) -> list[str]:
    """Return which of these modules are loaded."""
    return [name for name in names if name in sys.modules]


def module_of(path: Path) -> tuple[str, str]:
    """Return the folder to import from and the full name of the module in a file, which may be in a package."""
    folder, name = path.resolve().parent, path.stem
    while (folder / "__init__.py").is_file():
        name, folder = f"{folder.name}.{name}", folder.parent
    importlib.invalidate_caches()
    return str(folder), name


def _own_rows(estimator: AnyEstimator, params: dict[str, Any], subject: Subject) -> Table:
    request = Request(target=subject.target)
    choice = fit_choice(estimator, request, partial(DesignLimit(MAX_DESIGN_BYTES).check_fit, estimator, params))
    return CsvRecords(Path(subject.rows).read_bytes(), CsvOptions()).read(choice)


def _dummy_rows(estimator: AnyEstimator, params: dict[str, Any]) -> Table:
    """Return rows of the dummy source: with several inputs, or with one if the model refuses several."""
    kind = "numbers" if estimator.task == "regression" else "classes"
    for inputs in INPUTS:
        source = check_source(SOURCES, Source(Dummy.name, {"number": ROWS, "inputs": inputs, "kind": kind}))
        choice = fit_choice(estimator, source, partial(DesignLimit(MAX_DESIGN_BYTES).check_fit, estimator, params))
        given = read_source(SOURCES, source, choice.labels, takes_missing=estimator.takes_missing)
        table = TableRecords(given, "/data").read(choice)
        try:
            fit_model(estimator, params, fit_data(table, learn_schema(table)))
        except Invalid:
            continue
        except Exception:  # noqa: BLE001  the check of the fit reports it
            return table
        return table
    return table
