"""The members of the query for the file of a fitted model, over HTTP and on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from app.data.csv_reader.options import take_options
from app.data.written_labels import as_labels, labels_in_json
from app.errors import Invalid
from app.model.imported.class_labels import CLASSES, check_labels
from app.model.imported.formats import format_of
from app.model.imported.trial_rows import MAX_NAME_CHARACTERS
from app.schemas.query import OpenQuery, refuse_rest, take_one
from app.schemas.requests import ModelFile, Request
from app.schemas.tasks import Label, Task
from app.serve.bodies.query import take_names, take_request
from app.serve.bodies.stored_files import SentFile
from app.service.importing import read_sample

TASKS: Mapping[str, Task] = {
    "regression": "regression",
    "regressor": "regression",
    "classification": "classification",
    "classifier": "classification",
}
FLAGS = {"true": True, "false": False}
T = TypeVar("T")


def take_model_file(sent: SentFile) -> tuple[ModelFile, Request]:
    """Return a file with the members of its request, and the options of its job; raise Invalid."""
    query: OpenQuery = dict(sent.query)
    form = format_of(sent.head, sent.filename, take_one(query, "format"))
    classes, columns, ignore = _classes(query), _columns(query), take_names(query, "ignore")
    task, strict = _one_of(query, "kind", TASKS), _one_of(query, "strict", FLAGS)
    options = take_options(query)
    refuse_rest({member: value for member, value in query.items() if member not in {"timeout", "webhook"}})
    sample, written = (None, None) if sent.sample is None else read_sample(sent.sample, options, ignore)
    file = ModelFile(
        sent.id,
        sent.reference,
        form,
        sent.filename,
        columns,
        classes,
        task,
        strict or False,
        sample,
        written,
    )
    return file, take_request("predict", query)


def _columns(query: OpenQuery) -> list[str] | None:
    """Take the names of columns; raise Invalid for those that a table could not have."""
    if "columns" not in query:
        return None
    names = take_names(query, "columns", keeps_empty=True)
    if "" in names:
        raise Invalid.at("/columns", f"column {names.index('') + 1} has no name")
    if twice := next((name for i, name in enumerate(names) if name in names[:i]), None):
        raise Invalid.at("/columns", f"the name {twice[:64]!r} is given twice")
    if long := next((name for name in names if len(name) > MAX_NAME_CHARACTERS), None):
        raise Invalid.at("/columns", f"{long[:64]!r}… has {len(long)} characters; it may have {MAX_NAME_CHARACTERS}")
    return names


def _classes(query: OpenQuery) -> list[Label] | None:
    """Take labels: a list with commas, or one in JSON, which has their types; raise Invalid."""
    if "classes" not in query:
        return None
    given = query["classes"]
    if isinstance(given, str) and given.lstrip().startswith("["):
        labels = labels_in_json(given)
        del query["classes"]
    else:
        labels = as_labels(take_names(query, "classes", keeps_empty=True))
    check_labels(labels, CLASSES)
    return labels


def _one_of(query: OpenQuery, name: str, values: Mapping[str, T]) -> T | None:
    """Take a member that has one of these values."""
    text = take_one(query, name)
    if text is None:
        return None
    if text not in values:
        raise Invalid.at(f"/{name}", f"{text[:64]!r} is not one of {', '.join(values)}")
    return values[text]
