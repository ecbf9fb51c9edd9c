"""The parameters of a scikit-learn estimator that requests may set, with the constraints of its class.

`_parameter_constraints` is private to scikit-learn, but all of its classes have it; other classes have annotations, or
only a default.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from numbers import Integral, Real
from typing import Annotated, Any, Literal, Union, get_type_hints

import msgspec
import numpy as np
from msgspec import Meta

NEVER = frozenset(
    {
        "memory",  # a folder of the server, in which joblib would write
        "input",  # "filename" reads files of the server
        "steps",
        "transformers",
        "estimators",
        "n_jobs",
        "verbose",
        "param_grid",  # names other parameters, these too
        "param_distributions",
        "transform_input",  # needs metadata routing, which the service does not turn on
        "token_pattern",  # a regular expression may run forever
        "nthread",
        "device",
        "callbacks",
        "verbosity",
        "transformer_weights",  # a number for each name
    }
)
MAX_SEED = 2**32 - 1
MAX_DEPTH = 2  # of lists in lists, as ITEMS has them
ANYTHING = int | float | str | bool | None
ITEMS = tuple[ANYTHING | tuple[ANYTHING, ...], ...]
"""A list, or a list of lists such as the categories of each column."""
_SCALARS: Mapping[type, Any] = {bool: bool, int: int, float: float, str: str}


def parameters_of(estimator: Any, name: str) -> type[msgspec.Struct]:
    """Return the JSON-able leaves of `get_params()` as a Struct: types, limits, allowed values, defaults."""
    fields: list[Any] = []
    for key, value, owner in leaves(estimator):
        kind = _annotation(owner, key.rpartition("__")[2], value)
        if kind is not None:
            fields.append((key, kind, frozen(value)))
    return msgspec.defstruct(f"{name}Parameters", fields, forbid_unknown_fields=True, frozen=True, kw_only=True)


def leaves(estimator: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, value and owner of each parameter that JSON can hold and a request may set."""
    found = estimator.get_params(deep=True)
    for key in sorted(found):
        owner_name, _, last = key.rpartition("__")
        owner = found[owner_name] if owner_name else estimator
        if last in NEVER or not key.isidentifier() or last not in owner.get_params(deep=False):
            continue
        value = _plain(found[key])
        if _is_json(value, MAX_DEPTH):
            yield key, value, owner


def parts(estimator: Any) -> list[Any]:
    """Return an estimator and all objects in its parameters."""
    inner = estimator.get_params(deep=True).values()
    return [estimator, *(value for value in inner if hasattr(value, "get_params") and not isinstance(value, type))]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def frozen(value: Any) -> Any:
    """Return a value with tuples instead of lists."""
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def native(value: Any, owner: Any, name: str) -> Any:
    """Return a value of a request as a class asks for it: some take lists, and no other sequences."""
    constraints = getattr(owner, "_parameter_constraints", {}).get(name)
    return _thawed(value) if isinstance(constraints, list) and list in constraints else value


def _thawed(value: Any) -> Any:
    return [_thawed(each) for each in value] if isinstance(value, tuple) else value


def _is_json(value: Any, depth: int) -> bool:
    """Whether a value is one of JSON, of lists in lists to a depth."""
    if isinstance(value, list | tuple):
        return depth > 0 and all(_is_json(each, depth - 1) for each in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int | str)


def _annotation(owner: Any, name: str, value: Any) -> Any:
    """Return the type of a parameter; None for one that no request can set."""
    constraints = getattr(owner, "_parameter_constraints", {}).get(name)
    if isinstance(constraints, list):
        return _union(constraints, value)
    for kind in type(owner).__mro__:
        if name in (hints := _hints(kind)):
            kinds = _simple(hints[name])
            return _joined(kinds) if kinds else None
    if isinstance(value, list | tuple):
        return ITEMS
    return ANYTHING if value is None else _SCALARS[type(value)]


def _hints(kind: type) -> dict[str, Any]:
    """Return the annotations of a class' own constructor."""
    try:
        return get_type_hints(vars(kind)["__init__"])
    except (KeyError, NameError, TypeError):
        return {}


def _simple(hinted: Any) -> list[Any]:
    """Return the types of an annotation that JSON can represent."""
    return [each for each in getattr(hinted, "__args__", [hinted]) if each in {bool, int, float, str, type(None)}]


def _union(constraints: Iterable[Any], value: Any) -> Any:
    """Return the JSON types of scikit-learn's constraints; None if there are none, or if the default is deprecated."""
    wholes: list[Any] = []
    numbers: list[Any] = []
    words: list[str] = []
    others: list[Any] = []
    for each in constraints:
        match type(each).__name__:
            case "Interval":
                (wholes if each.type is Integral else numbers).append(each)
            case "StrOptions" | "Options" if all(isinstance(option, str) for option in each.options):
                words += [option for option in each.options if option not in getattr(each, "deprecated", ())]
            case _:
                others += _other(each)
    if isinstance(value, str) and str not in others and value not in words:
        return None  # such as "deprecated"
    kinds = [_number(kind, intervals) for kind, intervals in ((int, wholes), (float, numbers)) if intervals]
    if words and str not in others:
        kinds.append(Literal[tuple(sorted(words))])
    listed: list[Any] = [ITEMS] if list in others else []
    taken: set[Any] = {kind for kind, intervals in ((int, wholes), (float, numbers)) if intervals}
    kinds += [each for each in dict.fromkeys(others) if each not in {*taken, list}] + listed
    return _joined(kinds) if kinds and (kinds != [None]) else None


def _other(constraint: Any) -> list[Any]:
    """Return the types of a constraint that is neither an interval nor a choice of words."""
    named: dict[Any, list[Any]] = {
        "boolean": [bool],
        "random_state": [Annotated[int, Meta(ge=0, le=MAX_SEED)], None],
        "cv_object": [Annotated[int, Meta(ge=2)], None],
        "array-like": [list],
        None: [None],
        bool: [bool],
        str: [str],
        Integral: [int],
        Real: [float],
        float: [float],
        list: [list],
        tuple: [list],
    }
    try:
        return named.get(constraint, [])
    except TypeError:  # not hashable
        return []


def _number(kind: type, intervals: list[Any]) -> Any:
    """Return a number within an interval; one of several intervals is not limited."""
    if len(intervals) > 1:
        return kind
    (interval,) = intervals
    limits: dict[str, Any] = {}
    for bound, closed, low, high in (
        (interval.left, interval.closed in {"left", "both"}, "ge", "gt"),
        (interval.right, interval.closed in {"right", "both"}, "le", "lt"),
    ):
        if bound is not None and math.isfinite(bound):
            limits[low if closed else high] = kind(bound)
    return Annotated[kind, Meta(**limits)] if limits else kind


def _joined(kinds: list[Any]) -> Any:
    return Union[tuple(kinds)]  # noqa: UP007  of a list
