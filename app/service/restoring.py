"""Restores a model from the state that its version would store; it must predict as before, or nothing is published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec
import numpy as np

from app.errors import ModelFailed
from app.model.estimator import AnyEstimator, FittedModel, Stored
from app.model.isolation.isolated_calls import CallFailed
from app.schemas.tables import Matrix, Table
from app.service.model_calls import fault, predict_model, predict_probabilities
from app.storage.manifest import Schema

ROWS = 8
TOLERANCE = 1e-12
"""Relative to the greatest prediction: BLAS may add in another order for arrays at other addresses in memory."""


class Checked(Protocol):
    """The data that a model predicts, and then its restored copy."""

    def predictions(self, model: FittedModel) -> Sequence[Any]:
        """Return all predictions of a model for it; raise the model's errors."""

    def agree(self, after: Sequence[Any], before: Sequence[Any], again: Callable[[], Sequence[Any]]) -> bool:
        """Return whether the restored model predicts as before.

        `again` lets the original model predict once more.
        """


class CheckedRows(NamedTuple):
    """Rows that are predicted twice, the texts of their codes, and the schema of their columns."""

    X: Matrix
    texts: Mapping[int, Sequence[str]]
    schema: Schema

    def predictions(self, model: FittedModel) -> list[Matrix]:
        """Return numbers, or codes of labels (which differ by a whole number or not at all), and probabilities."""
        reading = model.with_texts(self.texts)
        found = [predict_model(reading, self.X, self.schema)]
        return [*found, predict_probabilities(reading, self.X)] if reading.has_probabilities else found

    def agree(self, after: Sequence[Any], before: Sequence[Any], _: object = None) -> bool:
        """Return whether they are the same but for rounding."""
        return all(agree(np.asarray(each, dtype=np.float64), was) for each, was in zip(after, before, strict=True))


class Restored(NamedTuple):
    """The findings about a restored model."""

    attributes: list[str] | None = None
    """None if it could not be loaded."""
    predictions: Sequence[Any] = ()
    """All its predictions."""
    held_bytes: int = 0
    """Its measured bytes of memory."""
    raised: str = ""
    """The name of the error, if there was one."""


Restore: TypeAlias = Callable[[AnyEstimator, Stored, Checked], Restored]
"""Restores a model and predicts; raises CallFailed if that ends its process, or Unavailable."""


def restore_here(estimator: AnyEstimator, stored: Stored, checked: Checked) -> Restored:
    """Restore and predict in this process."""
    return restored_from(estimator, lambda: (estimator.load(as_read(stored)), 0), checked)


def check_restored(
    estimator: AnyEstimator, model: FittedModel, stored: Stored, checked: Checked, restore: Restore = restore_here
) -> int:
    """Raise ModelFailed unless a model restored from the stored state predicts as `model` does.

    Return its bytes of memory.
    """
    expected = checked.predictions(model)
    advice = "; ".join(model.unkept())
    try:
        restored = restore(estimator, stored, checked)
    except CallFailed as error:
        raise _not_restored(model, str(error), advice) from error
    except MemoryError as error:
        raise _not_restored(model, "raised MemoryError", advice) from error
    if restored.attributes is not None and (lost := "; ".join(model.unkept(restored.attributes))):
        raise fault(model, lost)
    if restored.raised:
        raise _not_restored(model, f"raised {restored.raised}", advice)
    if not checked.agree(restored.predictions, expected, lambda: checked.predictions(model)):
        raise _not_restored(model, "predicted otherwise than before", advice)
    return restored.held_bytes


def restored_from(estimator: AnyEstimator, load: Callable[[], tuple[FittedModel, int]], checked: Checked) -> Restored:
    """Load the model, measure its memory, and predict; raise MemoryErrors, and return the names of other errors."""
    attributes: list[str] | None = None
    try:
        model, held_bytes = load()
        attributes = sorted(model.attributes)
        found = checked.predictions(model)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  a model may raise anything
        return Restored(attributes, raised=_named(error.__cause__ or error))
    if estimator.format == "arrays":  # a class has its own figure for mapped files and later allocations
        held_bytes = max(held_bytes, model.held_bytes())
    return Restored(attributes, found, held_bytes)


def _named(error: BaseException) -> str:
    """Return the name of an error without its message, which may quote data; CallFailed has a message of Trinity."""
    name = type(error).__name__
    return f"{name} (it {error})" if isinstance(error, CallFailed) and error.failure is None else name


def some_rows(table: Table, of: Schema, *, own_texts: bool) -> CheckedRows:
    """Return copies of a few evenly spaced rows, because some models recognise the array of their fit.

    With `own_texts` they have only the texts that occur in them.
    """
    X = table.X[np.unique(np.linspace(0, len(table.X) - 1, ROWS).round().astype(np.intp))]
    texts: dict[int, Sequence[str]] = {}
    for place, words in table.categories.items() if own_texts else ():
        there = ~np.isnan(X[:, place])
        used, X[there, place] = np.unique(X[there, place], return_inverse=True)
        texts[place] = [words[int(code)] for code in used]
    return CheckedRows(X, texts, of)


def agree(after: Matrix, before: Matrix) -> bool:
    """Return whether predictions are equal within rounding."""
    return np.allclose(after, before, rtol=TOLERANCE, atol=TOLERANCE * np.abs(before).max())


def as_read(stored: Stored) -> Stored:
    """Return the state that the store would return."""
    params, learned = msgspec.json.decode(msgspec.json.encode((stored.params, stored.learned)))
    return stored._replace(params=params, learned=learned)


def _not_restored(model: FittedModel, what: str, advice: str) -> ModelFailed:
    return fault(model, f"restored from what is stored, the model {what}" + (f": {advice}" if advice else ""))
