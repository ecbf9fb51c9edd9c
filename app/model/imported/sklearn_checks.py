"""Checks of an estimator of scikit-learn from an imported file, after it was loaded and before it predicts."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from app.errors import Invalid
from app.model.imported.lightgbm_model import check_booster_text
from app.model.imported.trees import UnsoundTree, check_predictor, check_tree
from app.model.imported.xgboost_model import check_booster

MAX_OBJECTS = 20_000_000
_OPAQUE = (ModuleType, type, FunctionType, BuiltinFunctionType, MethodType, str, bytes, int, float)
_READS_FILES = "`input` of {} is {!r}: it would read files of the server; set it to 'content'"
_CACHES = "`memory` of {} is set: it would write a cache on the server; set it to None"


def check_estimator(estimator: Any) -> None:
    """Raise Invalid for an estimator with trees that are not sound, or with parameters that use the server's files.

    Parameters for printed output and numbers of threads are set to the service's values.
    """
    for thing in objects_in(estimator):
        if type(thing).__name__ == "Booster":
            check_any_booster(thing)
        if not hasattr(thing, "get_params"):
            continue
        try:
            _check_parameters(thing)
            _check_trees(thing)
            _check_vocabulary(thing)
        except UnsoundTree as error:
            raise Invalid.at("/file", f"{type(thing).__name__}: {error}") from None
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            words = f"{type(thing).__name__} is damaged: {type(error).__name__}"
            raise Invalid.at("/file", words) from None


def check_any_booster(booster: Any) -> None:
    """Raise Invalid for a booster of XGBoost or LightGBM within an estimator whose trees are not sound."""
    library = type(booster).__module__.partition(".")[0]
    if library == "xgboost":
        check_booster(json.loads(booster.save_raw("json"))["learner"])
    elif library == "lightgbm":
        check_booster_text(booster.model_to_string())


def objects_in(root: Any) -> Iterator[Any]:
    """Yield an object and all objects in it, each once; classes, functions and modules are skipped."""
    waiting, seen = [root], {id(root)}
    while waiting:
        thing = waiting.pop()
        yield thing
        for held in _held(thing):
            if id(held) not in seen and not isinstance(held, _OPAQUE):
                seen.add(id(held))
                waiting.append(held)
        if len(seen) > MAX_OBJECTS:
            raise Invalid.at("/file", f"the model has more than {MAX_OBJECTS} objects")


def _held(thing: Any) -> Iterable[Any]:
    if isinstance(thing, np.ndarray):  # the garbage collector does not look into arrays
        return thing.ravel().tolist() if thing.dtype.kind == "O" else ()
    return gc.get_referents(thing)


def _check_parameters(thing: Any) -> None:
    name = type(thing).__name__
    if getattr(thing, "input", "content") != "content":
        raise Invalid.at("/file", _READS_FILES.format(name, thing.input))
    if getattr(thing, "memory", None) is not None:
        raise Invalid.at("/file", _CACHES.format(name))
    for parameter, value in (("n_jobs", 1), ("verbose", 0)):
        if getattr(thing, parameter, value) not in {None, value}:
            setattr(thing, parameter, value)


def _check_trees(thing: Any) -> None:
    """Check the trees of an estimator, and that an ensemble passes as many columns to its trees as in their fit."""
    if hasattr(thing, "tree_"):
        check_tree(thing.tree_, _width(thing))
    if hasattr(thing, "_predictors"):
        flags = getattr(thing._bin_mapper, "is_categorical_", None)  # noqa: SLF001  there is no other way to it
        for predictor in _flat(thing._predictors):  # noqa: SLF001
            check_predictor(predictor, _width(thing), flags)
    members = [each for each in _flat(getattr(thing, "estimators_", ())) if hasattr(each, "tree_")]
    columns = getattr(thing, "estimators_features_", None)
    for number, member in enumerate(members):
        if columns is None:
            expected = _width(thing)
        else:
            chosen = np.asarray(columns[number])
            expected = len(chosen)
            if (chosen < 0).any() or (chosen >= _width(thing)).any():
                raise UnsoundTree("a tree is given columns that are not there")
        if _width(member) != expected:
            raise UnsoundTree("a tree was fitted to another number of columns than it is given")


def _check_vocabulary(thing: Any) -> None:
    """Check that the words of a vectorizer have the columns 0 to n - 1: others would be outside its matrices."""
    vocabulary = getattr(thing, "vocabulary_", None)
    if vocabulary is None:
        return
    columns = [int(column) for column in vocabulary.values()]
    if sorted(columns) != list(range(len(columns))):
        raise ValueError("the columns of a vocabulary are not 0 to n - 1")


def _width(thing: Any) -> int:
    """Return the number of columns of X that an estimator checks; TypeError if it does not check it."""
    width = thing.n_features_in_
    if not isinstance(width, int | np.integer) or isinstance(width, bool) or not 0 < width < 2**31:
        raise TypeError("n_features_in_ is no number of columns")
    return int(width)


def _flat(values: Any) -> list[Any]:
    if isinstance(values, np.ndarray):
        return list(values.ravel())
    if not isinstance(values, list | tuple):
        return []
    return [
        each for value in values for each in (_flat(value) if isinstance(value, list | tuple | np.ndarray) else [value])
    ]
