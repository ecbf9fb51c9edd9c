"""The base of all classes of models: parameters by the signature of `__init__`, and persistence without pickle."""

from functools import cache
from typing import Any, ClassVar, Self, get_type_hints

import msgspec
import numpy as np

from app.model.sklearn_compat import BaseEstimator
from app.schemas.decoding import convert

STORABLE = "arrays of numbers, numbers, text, booleans, None and lists of them"


class Persistent(BaseEstimator):
    """A model whose attributes that `fit` learns end in `_`; `learned` returns them, `restore` sets them."""

    name: ClassVar[str]
    """The model's name in URLs."""

    # Parameters

    @classmethod
    @cache
    def parameters(cls) -> type[msgspec.Struct]:
        """Return the parameters as a Struct made from the signature of `__init__`: types, limits, defaults."""
        hints = get_type_hints(cls.__init__, include_extras=True)
        fields: list[Any] = []
        for parameter in cls.init_parameters():
            field = (parameter.name, hints.get(parameter.name, Any))
            fields.append(field if parameter.default is parameter.empty else (*field, parameter.default))
        return msgspec.defstruct(
            f"{cls.__name__}Parameters", fields, forbid_unknown_fields=True, frozen=True, kw_only=True
        )

    def check_parameters(self) -> None:
        """Raise ValueError when a parameter has a wrong type or lies outside its limits."""
        values = {
            key: value.item() if isinstance(value, np.generic) else value for key, value in self.get_params().items()
        }
        try:
            convert(values, type(self).parameters())
        except msgspec.ValidationError as error:
            raise ValueError(f"{type(self).__name__}: {error}") from error

    # Persistence

    def learned(self) -> dict[str, Any]:
        """Return the learned attributes by name; raise TypeError for values that cannot be stored."""
        return {
            key: _storable(key, value)
            for key, value in vars(self).items()
            if key.endswith("_") and not key.startswith("_")
        }

    @classmethod
    def restore(cls, params: dict[str, Any], learned: dict[str, Any]) -> Self:
        """Build a fitted model from its parameters and the result of `learned`."""
        model = cls(**params)
        for key, value in learned.items():
            setattr(model, key, value)
        model.prepare()
        return model

    def prepare(self) -> None:
        """Compute derived state that is not stored. `restore` calls this; `fit` should call it at its end."""

    def held_bytes(self) -> int:
        """Return the bytes that a fitted model takes in memory: those of its arrays; override it if it holds more."""
        return sum(value.nbytes for value in vars(self).values() if isinstance(value, np.ndarray))


def _storable(key: str, value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind not in "OV":
        return value
    if isinstance(value, np.number | np.bool_):
        return np.asarray(value)  # not a float: it must come back with its dtype
    if isinstance(value, bool | int | float | str | None):
        return value
    if isinstance(value, list | tuple):
        return [_storable(key, item) for item in value]
    kind = f"array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
    raise TypeError(f"{key} cannot be stored ({kind}): a model can keep {STORABLE}")
