"""Estimators of scikit-learn from imported skops files: checked, loaded, and fitted again as clones."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import skops.io
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import InconsistentVersionWarning

from app.errors import Fault, Invalid, TrinityError
from app.model.dataframes import Array
from app.model.estimator import Stored
from app.model.imported.approval import approval
from app.model.imported.fitted_columns import inputs_of
from app.model.imported.imported_estimator import HELD_BYTES, STACKS
from app.model.imported.imported_model import Hints, labels_of, refuse_classes, task_of
from app.model.imported.sklearn_checks import check_estimator
from app.model.imported.skops_schema import types_named
from app.model.scikit.estimator import SklearnEstimator
from app.model.scikit.fitted import SKOPS_FILE, FitLayout, SklearnModel
from app.model.scikit.inputs import Texts, form_of, rows_of
from app.model.scikit.trusted_types import TRUSTED
from app.schemas.columns import Column
from app.schemas.tasks import Label, Stacks, Task

MAX_CLASSES = 1000
UNSAFE = frozenset(
    {
        *(f"sklearn.svm._classes.{name}" for name in ("SVC", "SVR", "NuSVC", "NuSVR", "OneClassSVM")),
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "scipy.sparse._csr.csr_array",
        "scipy.sparse._csr.csr_matrix",
    }
)
"""Types whose own code trusts the file without checks, and that are not checked here."""
SAFE = TRUSTED - UNSAFE


class FoundEstimator:
    """A fitted estimator from a file, and facts about it."""

    def __init__(self, content: bytes, approved: Collection[str], hints: Hints) -> None:
        self.content = content
        # of the whole process, and not safe in threads: only the one in which a file is tried out may do this
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.estimator = load_checked(content, approved)
        self.warnings = _version_warnings(caught)
        self.task: Task = _task(self.estimator, hints)
        self.coded = False
        self.classes: list[Label] | None = None
        if self.task == "classification":
            own = _own_classes(self.estimator)
            self.classes = labels_of(len(own), own, hints)
            # labels of the request replace the estimator's numbers from 0
            self.coded = not _same(self.classes, own)
        else:
            refuse_classes(hints)
        self.named_inputs, self.inputs = inputs_of(self.estimator)

    def outputs(self, columns: Sequence[Column], X: Array, texts: Texts) -> int | None:
        """Return how many numbers it predicts for a row, None for one number or a label; raise its errors."""
        if self.task == "classification":
            return None
        rows = rows_of(X[:1], columns, texts, form_of(self.estimator, columns))
        found = np.asarray(self.estimator.predict(rows))
        return found.shape[1] if found.ndim == 2 and found.shape[1] > 1 else None  # noqa: PLR2004  (rows, outputs)

    def model(self, name: str, columns: Sequence[Column], outputs: int | None) -> SklearnModel:
        """Return the model for these columns; `outputs` is None if it predicts one number for each row."""
        layout = FitLayout(form_of(self.estimator, columns), outputs, self.coded)
        return SklearnModel(name, self.estimator, columns, self.classes, layout, self.content)


def check_types(path: Path, approved: Collection[str]) -> None:
    """Raise Invalid for a file with types that are not safe; it lists the types to approve."""
    named = types_named(path)
    try:
        unknown = set(skops.io.get_untrusted_types(file=path)) - SAFE
    except TrinityError:
        raise
    except Exception as error:  # noqa: BLE001  skops raises anything for a damaged file
        raise _damaged(error) from None
    refused = sorted((unknown | (named & UNSAFE)) - set(approved))
    if refused:
        words = f"the file holds types that are not known to be safe: {', '.join(refused)[:1000]}"
        raise Invalid(f"{words}; {approval(refused)}", *(Fault("/file", name[:200]) for name in refused[:50]))


def load_checked(content: bytes, approved: Collection[str]) -> Any:
    """Return the estimator in a file whose types were checked; raise Invalid if it is not sound."""
    trusted = sorted({*SAFE, *approved})
    try:
        estimator = skops.io.loads(content, trusted=trusted)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  skops raises anything for a damaged file
        raise _damaged(error) from None
    check_estimator(estimator)
    return estimator


def refuse_other_minor_version(found: Sequence[str]) -> None:
    """Raise Invalid for a warning of other versions that is about more than their last part."""
    for each in found:
        if "another minor version" in each:
            instead = f"write it again with scikit-learn {sklearn.__version__}, or import it without `strict`"
            raise Invalid.at("/strict", f"{each.partition(': ')[0]}: {instead}")


def _version_warnings(caught: Sequence[warnings.WarningMessage]) -> list[str]:
    versions = {
        each.message.original_sklearn_version for each in caught if isinstance(each.message, InconsistentVersionWarning)
    }
    here = sklearn.__version__
    return [
        f"the file was written with scikit-learn {version[:20]}, {_difference(version, here)} than {here} here: "
        "check what it predicts"
        for version in sorted(map(str, versions))
    ]


def _difference(version: str, here: str) -> str:
    return "another" if version.split(".")[:2] == here.split(".")[:2] else "another minor version"


def _damaged(error: Exception) -> Invalid:
    words = str(error).partition("\n")[0][:200].encode("utf-8", "replace").decode()
    return Invalid.at("/file", f"the skops file cannot be loaded: {type(error).__name__}: {words}")


def _task(estimator: Any, hints: Hints) -> Task:
    """Return the task of an estimator; raise Invalid if it is not fitted, or of neither kind."""
    found: Task | None = None
    try:
        found = "classification" if is_classifier(estimator) else "regression" if is_regressor(estimator) else None
    except (AttributeError, TypeError, ValueError):
        found = None
    if found is None or not hasattr(estimator, "predict"):
        raise Invalid.at("/file", f"{type(estimator).__name__} is neither a classifier nor a regressor")
    return task_of(found, hints)


def _own_classes(estimator: Any) -> list[Label]:
    """Return the labels of a classifier; raise Invalid if it has several outputs or is not fitted."""
    own = getattr(estimator, "classes_", None)
    if not isinstance(own, np.ndarray) or own.ndim != 1 or not 0 < len(own) <= MAX_CLASSES:
        raise Invalid.at("/file", "the classifier has no list of classes: it is not fitted, or has several outputs")
    labels: list[Any] = own.tolist()
    if all(isinstance(label, float) and label.is_integer() for label in labels):
        labels = [int(label) for label in labels]
    if len({type(label) for label in labels}) != 1 or not isinstance(labels[0], bool | int | str):
        raise Invalid.at("/file", "the labels of the classifier are not all texts, whole numbers or truth values")
    return labels


def _same(labels: Sequence[Label], others: Sequence[Label]) -> bool:
    """Whether labels are the same and of one type: True is not 1."""
    return list(labels) == list(others) and [*map(type, labels)] == [*map(type, others)]


class ImportedPipeline(SklearnEstimator):
    """An imported estimator, loaded when needed: its versions predict, and a clone can be fitted."""

    task: Task
    description = "A model from a file of scikit-learn (skops)."

    def __init__(
        self,
        name: str,
        task: Task,
        source: str,
        read: Callable[[], bytes],
        approved: Collection[str],
        provenance: Mapping[str, Any],
        text_columns: Collection[str] = (),
    ) -> None:
        """`read` returns the file of the version that a fit starts from, and `text_columns` were texts in it."""
        self.name = name
        self.task = task
        self.provenance = dict(provenance)
        self.text_columns = frozenset(text_columns)
        self._source = source
        self._read = read
        self._approved = approved
        self._module = ""
        self._trusted = frozenset({*SAFE, *approved})

    @property
    def source(self) -> str:
        """The digest of the file."""
        return self._source

    @cached_property
    def _template(self) -> Any:
        # the learned state takes memory, and no fit needs it
        return clone(load_checked(self._read(), self._approved))

    def load(self, stored: Stored) -> SklearnModel:
        """Return the model of a version."""
        file = bytes(stored.files[SKOPS_FILE])
        estimator = load_checked(file, self._approved)
        learned = {key: value for key, value in stored.learned.items() if key not in {HELD_BYTES, STACKS}}
        model = SklearnModel(self.name, estimator, stored.columns, stored.classes, FitLayout(**learned), file)
        stacks: Stacks = stored.learned.get(STACKS, "no")
        model.stacks = stacks
        return model
