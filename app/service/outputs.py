"""The outputs of a version, numbers or labels and probabilities of classes, and their results."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, islice
from typing import Any

import numpy as np

from app.data.concatenation import concatenate_tables
from app.errors import Invalid
from app.schemas.parts import to_list
from app.schemas.requests import OUTPUTS, PROBABILITIES, Y
from app.schemas.tables import Matrix, Table
from app.schemas.tasks import Label
from app.schemas.verbs import VERBS, Verb
from app.service.model_calls import predict_model, predict_probabilities
from app.service.versions import Fitted
from app.storage.manifest import Manifest

DEFAULT_OUTPUTS = (Y,)


def check_outputs(verb: Verb, outputs: Sequence[str], manifest: Manifest) -> list[str]:
    """Return the outputs that a request names, without duplicates; raise Invalid for one that the version lacks."""
    if VERBS[verb].needs_y:
        raise Invalid.at("/outputs", f"a {verb} has no outputs to choose")
    for i, name in enumerate(outputs):
        if name not in OUTPUTS:
            raise Invalid.at(f"/outputs/{i}", f"no output {name[:64]!r}; there are {', '.join(OUTPUTS)}")
        if name not in manifest.outputs:
            kind = "a regression" if manifest.classes is None else "this classifier"
            raise Invalid.at(f"/outputs/{i}", f"{kind} has no {name}; there is {', '.join(manifest.outputs)}")
    return list(dict.fromkeys(outputs))


def predict_result(fitted: Fitted, table: Table, outputs: Sequence[str]) -> dict[str, Any]:
    """Return the result of a prediction for a table; raise as `predict_model` does."""
    return _result(_predict(fitted, table, outputs or DEFAULT_OUTPUTS), table, fitted.manifest.classes)


def batch_results(fitted: Fitted, tables: Sequence[Table], outputs: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Return the results of several predictions in one call, each with its table and outputs."""
    classes = fitted.manifest.classes
    wanted = [each or DEFAULT_OUTPUTS for each in outputs]
    found = _predict(fitted, concatenate_tables(tables), list(chain(*wanted)))
    values = {name: iter(each) for name, each in found.items()}
    results: list[dict[str, Any]] = []
    for table, names in zip(tables, wanted, strict=True):
        own = {name: list(islice(each, len(table.X))) for name, each in values.items()}
        results.append(_result({name: own[name] for name in names}, table, classes))
    return results


def _predict(fitted: Fitted, table: Table, outputs: Sequence[str]) -> dict[str, list[Any]]:
    """Return y as numbers or labels, and the probabilities of classes, as lists, if they are requested."""
    found: dict[str, list[Any]] = {}
    model, manifest = fitted.reading(table), fitted.manifest
    if Y in outputs:
        y = predict_model(model, table.X, manifest.schema)
        found[Y] = to_list(y) if manifest.classes is None else _labels(y, manifest.classes)
    if PROBABILITIES in outputs:
        found[PROBABILITIES] = to_list(predict_probabilities(model, table.X))
    return found


def _labels(codes: Matrix, classes: Sequence[Label]) -> list[Label]:
    """Return the labels of codes."""
    known = np.fromiter(classes, object, len(classes))
    return to_list(known[codes.astype(np.intp)])


def _result(lists: dict[str, Any], table: Table, classes: list[Label] | None) -> dict[str, Any]:
    """Return predictions with the classes of the probabilities, and with the columns of the table to return."""
    if PROBABILITIES in lists:
        lists["classes"] = classes
    if table.kept:
        lists["kept"] = table.kept
    return lists
