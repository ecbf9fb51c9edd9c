"""Classes of models whose input is a file as estimators, and their fitted models."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import numpy as np

from app.errors import ModelFailed
from app.model.class_estimators import ClassEstimator, parameter_misfit
from app.model.dataframes import Array
from app.model.estimator import FitData, Size, Stored
from app.model.files import FileModel, InputFile, OutputFile
from app.model.isolated_files import IsolatedFiles
from app.model.isolation.child import in_child
from app.model.isolation.scratch import Scratch, temporary_folder
from app.model.json_values import NotJson, json_values
from app.schemas.columns import Kind
from app.schemas.decoding import convert
from app.schemas.tasks import Better, Format, Stacks, Task
from app.storage.array_files import pack_arrays, unpack_arrays
from app.storage.manifest import ARRAYS_FILE


class FileEstimator(ClassEstimator[FileModel]):
    """A class of file models as an estimator. The service's checks of tables do not apply to it."""

    format: Format = "arrays"
    kinds: frozenset[Kind] = frozenset()
    takes_missing = False
    reads_texts = False
    text_columns: Collection[str] = ()
    takes_weights = False
    cannot_fit = ""
    _isolated: IsolatedFiles | None

    def __init__(self, kind: type[FileModel], scratch: Scratch = temporary_folder) -> None:
        """`scratch` gives folders to calls in processes of their own, if the class asks for these.

        In a child of such a call, calls run in that process.
        """
        super().__init__(kind)
        isolated = None if kind.isolated is None or in_child() else IsolatedFiles(kind, kind.isolated, scratch)
        object.__setattr__(self, "_isolated", isolated)  # estimators do not change, and those of one class are equal

    @property
    def task(self) -> Task:
        """The type of its files."""
        return self.kind.takes

    @property
    def files(self) -> type[FileModel]:
        """The class."""
        return self.kind

    @property
    def metrics(self) -> Mapping[str, Better]:
        """The value of the class."""
        return self.kind.metrics

    def size(self, params: Mapping[str, Any], inputs: int | Sequence[int | None], rows: int) -> Size:  # noqa: ARG002  a file has no rows
        """Return the least size: the model itself limits the memory for files."""
        return Size(1, 1)

    def fit(self, params: Mapping[str, Any], data: FitData) -> NoReturn:  # noqa: ARG002  the interface of all estimators
        """Refuse rows."""
        raise ValueError(f"the model {self.name!r} is fitted to files, not to rows")

    def fit_files(self, params: Mapping[str, Any], folder: Path | None) -> FittedFileModel:
        """Fit a new instance to the files of a folder."""
        if self._isolated is not None:
            return self.load(self._isolated.fit(params, folder))
        instance = self.kind(**params)
        instance.fit(folder)
        return FittedFileModel(instance)

    def load(self, stored: Stored) -> FittedFileModel:
        """Restore an instance from its parameters and what it learned."""
        arrays = unpack_arrays(stored.files[ARRAYS_FILE])
        return FittedFileModel(self.kind.restore(stored.params, {**stored.learned, **arrays}), self._isolated)

    def misfit(self, params: Mapping[str, Any]) -> str:
        """Say which parameters are not those of the class: with others a version would predict otherwise."""
        return parameter_misfit(self.kind, FileModel, params)


class FittedFileModel:
    """A fitted instance of a class of file models."""

    classes = None
    width = 1
    stacks: Stacks = "no"  # rows; for files the class sets how many share a call
    has_probabilities = False
    isolated = False
    attributes = ()

    def __init__(self, instance: FileModel, isolated: IsolatedFiles | None = None) -> None:
        """With `isolated` its calls run in processes of their own."""
        self.instance = instance
        self._isolated = isolated

    @property
    def task(self) -> Task:
        """The type of its files."""
        return self.instance.takes

    @property
    def place(self) -> str:
        """The name of the class, and the file and line of its `predict`."""
        code = inspect.unwrap(type(self.instance).predict).__code__
        return f"{self.instance.name} ({Path(code.co_filename).name}:{code.co_firstlineno})"

    def predict_files(self, files: Sequence[InputFile], options: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Predict for files, with the options of a request; raise ValueError for a file that it refuses."""
        if self._isolated is not None:
            results: list[dict[str, Any]] = self._isolated.predict(self.save(), files, options)
            return results
        checked = convert(options, self.instance.options())
        predict: Any = self.instance.predict
        found: Any = predict(files, **msgspec.structs.asdict(checked))
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            wrong: list[dict[str, Any]] = found  # its caller says so
            return wrong
        return [self._as_json(each, "predict") for each in found]

    def score_files(self, folder: Path) -> dict[str, float | None]:
        """Return the score on the files of a folder; raise ValueError for files that it refuses."""
        if self._isolated is not None:
            return self._isolated.score(self.save(), folder)
        return self._numbers(self.instance.score(folder), "score")

    def with_texts(self, texts: Mapping[int, Sequence[str]]) -> FittedFileModel:  # noqa: ARG002  it has no columns
        """Return the same model."""
        return self

    def predict(self, X: Array, /) -> NoReturn:  # noqa: ARG002  the interface of all models
        """Refuse rows."""
        raise ValueError(f"the model {self.instance.name!r} predicts for files, not for rows")

    probabilities = predict

    def own_metrics(self, X: Array, y: Array, weight: Array | None) -> Any:  # noqa: ARG002  as for `predict`
        """Refuse rows."""
        return self.predict(X)

    def size(self, rows: int) -> Size:  # noqa: ARG002  a file has no rows
        """Return the least size."""
        return Size(1, 1)

    def held_bytes(self) -> int:
        """Return the instance's value."""
        return self.instance.held_bytes()

    def save(self) -> Stored:
        """Return parameters, plain values, and the arrays in a file of their own."""
        learned = self.instance.learned()
        arrays = {key: value for key, value in learned.items() if isinstance(value, np.ndarray)}
        plain = {key: value for key, value in learned.items() if key not in arrays}
        return Stored(self.instance.get_params(), plain, {ARRAYS_FILE: pack_arrays(arrays)}, [])

    def unkept(self, restored: object = None) -> list[str]:  # noqa: ARG002  see below
        """Return nothing: a file model may keep other attributes, which `prepare` computes again."""
        return []

    def terms(self) -> list[str]:
        """Return no terms."""
        return []

    def coefficients(self) -> None:
        """Return no coefficients."""

    def diagnostics(self) -> Mapping[str, int | float | None]:
        """Return its metrics of the fit."""
        return self._numbers(self.instance.fit_metrics(), "fit_metrics")

    def _numbers(self, found: Any, method: str) -> dict[str, float | None]:
        """Return numbers as JSON has them; raise ModelFailed for anything else."""
        numbers = self._as_json(found, method) if isinstance(found, dict) else None
        if numbers is None or not all(each is None or isinstance(each, int | float) for each in numbers.values()):
            raise ModelFailed(f"{method} of the model {self.instance.name!r} returned no dict of numbers")
        return numbers

    def _as_json(self, found: dict[str, Any], method: str) -> dict[str, Any]:
        """Return a result as JSON has it, with its files; raise ModelFailed for what it cannot hold."""
        values = {key: None if isinstance(each, OutputFile) else each for key, each in found.items()}
        try:
            plain: dict[str, Any] = json_values(values)
        except NotJson as error:
            words = f"{method} of the model {self.instance.name!r} returned what JSON cannot hold: {error}"
            raise ModelFailed(words) from error
        files = {str(key): each for key, each in found.items() if isinstance(each, OutputFile)}
        return plain | files

    def warnings(self) -> list[str]:
        """Return nothing."""
        return []
