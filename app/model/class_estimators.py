"""The common base of estimators that are classes: they describe themselves by the class."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Any, Generic, TypeVar

import msgspec

from app.model.persistent import Persistent

K = TypeVar("K", bound=Persistent)


@dataclass(frozen=True)
class ClassEstimator(Generic[K]):
    """A class as an estimator."""

    kind: type[K]

    @property
    def name(self) -> str:
        """The `name` of the class."""
        return self.kind.name

    @property
    def description(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.kind) or "").partition("\n")[0]

    @property
    def source(self) -> str:
        """The full name of the class."""
        return f"{self.kind.__module__}.{self.kind.__qualname__}"

    @property
    def modules(self) -> Sequence[str]:
        """The modules of the class and its bases."""
        return [base.__module__ for base in self.kind.__mro__]

    def parameters(self) -> type[msgspec.Struct]:
        """Return the parameters of the constructor."""
        return self.kind.parameters()

    def check(self, params: Mapping[str, Any]) -> None:
        """Call the constructor; raise its errors."""
        self.kind(**params)


def parameter_misfit(kind: type[Persistent], base_class: type, params: Mapping[str, Any]) -> str:
    """Return which parameters differ from those of a class, '' for none. An overridden `restore` handles all."""
    if any("restore" in vars(base) for base in kind.__mro__[: kind.__mro__.index(base_class)]):
        return ""
    parameters = {each.name: each for each in kind.init_parameters()}
    unknown = [name for name in params if name not in parameters]
    if unknown:
        has = f"it has {', '.join(parameters)}" if parameters else "it has none"
        return f"was fitted with {_named(unknown)}, unknown to its class now: {has}"
    required = [name for name, each in parameters.items() if each.default is Parameter.empty]
    missing = [name for name in required if name not in params]
    return f"was fitted without {_named(missing)}, which its class needs now" if missing else ""


def _named(names: list[str]) -> str:
    return f"the parameter{'s' if len(names) > 1 else ''} {' and '.join(map(repr, names))}"
