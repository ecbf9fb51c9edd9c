"""A fitted estimator of scikit-learn, stored as a skops file, never as a pickle."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import skops.io
from numpy.typing import NDArray

from app.errors import ModelFailed
from app.model.base import NotNumbers
from app.model.dataframes import Array
from app.model.estimator import Size, Stored
from app.model.scikit.inputs import Form, Texts, rows_of
from app.model.scikit.library_errors import call_estimator
from app.schemas.columns import NUMERIC, Column
from app.schemas.tasks import Label, Stacks, Task

SKOPS_FILE = "model.skops"
HELD_FACTOR = 2
"""A loaded estimator takes at most so many times the bytes of its file."""


class FitLayout(NamedTuple):
    """The form in which a fit passed rows and y to the estimator."""

    form: Form
    outputs: int | None
    """The number of outputs if y was (n, k), None if it was (n,)."""
    coded: bool
    """Whether it was fitted to codes instead of labels."""


class SklearnModel:
    """A fitted estimator with the facts about its columns and outputs."""

    stacks: Stacks | None = None
    isolated = False

    def __init__(
        self,
        name: str,
        estimator: Any,
        columns: Sequence[Column],
        classes: list[Label] | None,
        layout: FitLayout,
        file: bytes,
    ) -> None:
        """`file` is the result of `dump_estimator` for the estimator."""
        self.name = name
        self.estimator = estimator
        self.classes = classes
        self.width = max(1, len(columns))
        self._columns = columns
        self._layout = layout
        self._file = file
        self._held_bytes = HELD_FACTOR * len(file)
        self._texts: Texts = {}
        self._code_of = None if classes is None else _codes(estimator.classes_, classes, coded=layout.coded)

    @property
    def task(self) -> Task:
        """The kind of its predictions."""
        return "regression" if self.classes is None else "classification"

    @property
    def has_probabilities(self) -> bool:
        """Whether the estimator has `predict_proba`, which may depend on its parameters."""
        return self.classes is not None and hasattr(self.estimator, "predict_proba")

    @property
    def place(self) -> str:
        """Its name and class."""
        return f"{self.name} ({type(self.estimator).__module__}.{type(self.estimator).__qualname__})"

    def with_texts(self, texts: Texts) -> SklearnModel:
        """Return the same model for rows whose codes mean these texts."""
        bound = copy.copy(self)
        bound._texts = texts  # noqa: SLF001  of this class
        return bound

    def predict(self, X: Array, /) -> Array:
        """Return numbers in the shape of the fit's y, or codes; raise the estimator's errors, or NotNumbers."""
        found = np.asarray(call_estimator(self.estimator.predict, self._rows(X)))
        if self._code_of is not None:
            codes: Array = self._code_of[self._places(found)].astype(np.float64)
            return codes
        if found.dtype.kind not in "biuf":
            raise NotNumbers(f"predict returned an array of {found.dtype}, expected numbers")
        if not np.isfinite(found).all():
            raise ValueError("A prediction is not a finite number.")
        outputs = self._layout.outputs
        expected = (len(X),) if outputs is None else (len(X), outputs)
        if found.size == np.prod(expected):
            found = found.reshape(expected)  # some return (n,) for a y of (n, 1), and others (n, 1) for (n,)
        return found.astype(np.float64, copy=False)

    def probabilities(self, X: Array) -> Array:
        """Return the probability of each class, in the order of `classes`."""
        found = np.asarray(call_estimator(self.estimator.predict_proba, self._rows(X)), dtype=np.float64)
        return found[:, np.argsort(self._code_of)] if self._code_of is not None else found

    def _rows(self, X: Array) -> Any:
        return rows_of(X, self._columns, self._texts, self._layout.form)

    def _places(self, labels: Any) -> Any:
        """Return the positions of predicted labels among the estimator's own classes, which are sorted."""
        known = self.estimator.classes_
        places = np.searchsorted(known, labels).clip(0, len(known) - 1)
        if labels.ndim != 1 or not (known[places] == labels).all():
            raise NotNumbers("predict returned something that is no label of the fit")
        return places

    def size(self, rows: int) -> Size:
        """Return one term for each column, and the bytes of the rows."""
        return Size(self.width, rows * self.width * 8)

    def held_bytes(self) -> int:
        """Return an upper bound, from the bytes of the file: it has arrays in the same form as memory."""
        return self._held_bytes

    def own_metrics(self, X: Array, y: Array, weight: Array | None) -> Any:  # noqa: ARG002  part of the protocol
        """Return nothing: the metrics are those of its task."""
        return None

    def save(self) -> Stored:
        """Return the skops file."""
        learned = self._layout._asdict()
        return Stored({}, learned, {SKOPS_FILE: self._file}, self._columns, self.classes)

    def without_file(self) -> Self:
        """Return it without the file from which it was loaded, which is not stored again."""
        self._file = b""
        return self

    @property
    def attributes(self) -> Collection[str]:
        """Return nothing, for the same reason as `unkept`."""
        return ()

    def unkept(self, restored: Collection[str] | None = None) -> list[str]:  # noqa: ARG002  part of the protocol
        """Return nothing: a skops file has all of an object."""
        return []

    def terms(self) -> list[str]:
        """Name the intercept and the columns of a linear estimator of numbers."""
        return ["1", *(column.name for column in self._columns)] if self.coefficients() is not None else []

    def coefficients(self) -> Array | None:
        """Return intercept and coefficients (terms,) or (terms, k) of a linear regression without steps before it."""
        weights, constant = getattr(self.estimator, "coef_", None), getattr(self.estimator, "intercept_", None)
        plain = self._layout.form == "matrix" and all(column.kind in NUMERIC for column in self._columns)
        if not plain or self.classes is not None or not isinstance(weights, np.ndarray) or constant is None:
            return None
        if weights.shape[-1] != len(self._columns):
            return None
        rows = np.atleast_2d(weights)
        table = np.vstack([np.broadcast_to(np.asarray(constant, np.float64), (len(rows),)), rows.T])
        return table[:, 0] if self._layout.outputs is None else table

    def diagnostics(self) -> Mapping[str, int | float]:
        """Return nothing."""
        return {}

    def warnings(self) -> list[str]:
        """Return nothing."""
        return []


def dump_estimator(estimator: Any, trusted: Collection[str]) -> bytes:
    """Return the skops file of an estimator; raise ModelFailed if it cannot be stored, or could not be loaded."""
    try:
        file: bytes = skops.io.dumps(estimator)
    except (skops.io.exceptions.UnsupportedTypeException, NotImplementedError) as error:
        raise ModelFailed(f"the estimator cannot be stored: {error}") from error
    _require_trusted(file, trusted)
    return file


def load_estimator(file: bytes, trusted: Collection[str]) -> Any:
    """Return the estimator in a skops file; raise ModelFailed for types that are not trusted."""
    _require_trusted(file, trusted)
    return skops.io.loads(file, trusted=[*trusted])


def _require_trusted(file: bytes, trusted: Collection[str]) -> None:
    if unknown := sorted(set(skops.io.get_untrusted_types(data=file)) - set(trusted)):
        raise ModelFailed(
            f"the estimator holds {', '.join(unknown)}: define it in a module of TRINITY_MODELS, or name it in "
            "TRINITY_TRUSTED_TYPES if it is safe to load"
        )


def _codes(own: Any, classes: list[Label], *, coded: bool) -> NDArray[np.intp]:
    """Return the code of each of an estimator's own classes."""
    if coded:
        return np.asarray(own, dtype=np.intp)
    code_of = {label: code for code, label in enumerate(classes)}
    return np.array([code_of[label] for label in np.asarray(own).tolist()], dtype=np.intp)
