"""The data of the page: models and versions from the store. Unreadable data results in a notice, not an error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from http import HTTPStatus
from itertools import islice
from typing import NamedTuple

from app.errors import Conflict, NotFound, TrinityError
from app.model.estimator import AnyEstimator
from app.schemas.columns import Column
from app.schemas.problems import STATUSES
from app.schemas.registry import Move
from app.schemas.requests import parse_version
from app.schemas.tasks import Task
from app.serve.page.charts import charts
from app.serve.page.class_charts import MAX_DRAWN, ClassScore, class_scores
from app.serve.page.forms import Field, column_fields, fields
from app.serve.page.svg import Chart
from app.service import Service
from app.service.gate import metrics_of
from app.storage.aliases import CHAMPION, LATEST
from app.storage.array_files import Arrays
from app.storage.manifest import Manifest

LISTED_VERSIONS = 8  # of each model
LISTED_MOVES = 6  # of the aliases of each model
SHOWN_OUTPUTS = 24  # of a version, to choose from
SHOWN_COLUMNS = 40  # of a version
UNREADABLE = (TrinityError, OSError)


class PageQuery(NamedTuple):
    """The query of the page."""

    model: str | None = None
    version: str | None = None
    output: str | None = None


class ListedVersion(NamedTuple):
    """A version in the list; `manifest` is None when it is damaged, `problem` says why it cannot be used."""

    number: int
    manifest: Manifest | None
    aliases: list[str]
    problem: str = ""


class ListedModel(NamedTuple):
    """A model, the fields for a fit's parameters, and its newest versions.

    `total` counts all versions. `unread` says what cannot be read.
    """

    name: str
    description: str
    fields: list[Field]
    versions: list[ListedVersion]
    total: int
    estimator: str
    task: Task
    moves: list[Move]
    """The newest moves of its aliases."""
    unread: str = ""
    takes: Sequence[str] = ()
    """The media types of the files that it takes; none for one that takes rows."""
    metrics: Sequence[str] = ()
    """By which a gate may compare versions; the first is the default."""


class ShownVersion(NamedTuple):
    """The displayed version, with its charts; without charts `why_not` has the reason."""

    manifest: Manifest
    charts: list[Chart]
    why_not: str
    output: int
    outputs: list[str]
    sample_rows: int
    columns: list[Column]
    inputs: list[Field]
    problem: str
    """Why it cannot be used, '' for one that can."""
    champion: int | None
    """The version that requests without a version use; None: the latest."""
    takes: Sequence[str] = ()
    """The media types of the model's files; empty for a model of rows."""
    scores: Sequence[ClassScore] = ()
    """For a classifier, precision and recall of each class in the fit."""


class PageData(NamedTuple):
    """All models and the version to show; `notice` and `status` report a model or version that cannot be shown."""

    models: list[ListedModel]
    chosen: str
    shown: ShownVersion | None
    notice: str = ""
    status: HTTPStatus = HTTPStatus.OK


def page_data(service: Service, default_model: str, query: PageQuery) -> PageData:
    """Return the data of the page. This reads files and draws charts: call it in a thread."""
    try:
        names = service.models.names()
    except OSError:
        names = [*service.models.estimators]
    models = []
    for name in sorted(names, key=lambda name: (name != default_model, name)):
        with suppress(NotFound, Conflict):  # removed meanwhile
            models.append(_model(service, name))
    notice, status = "", HTTPStatus.OK
    for attempt in (query, PageQuery()):
        try:
            chosen = _chosen(models, service, attempt)
            return PageData(models, chosen, _shown(service, chosen, attempt), notice, status)
        except UNREADABLE as error:
            notice, status = notice or _notice(error), max(status, _status(error))
    return PageData(models, default_model, None, notice, status)


def _notice(error: TrinityError | OSError) -> str:
    """Return an error as text; the system's own texts hold paths, which are not for callers."""
    return error.detail if isinstance(error, TrinityError) else "The store can’t be read now."


def _status(error: TrinityError | OSError) -> HTTPStatus:
    return STATUSES[error.kind] if isinstance(error, TrinityError) else HTTPStatus.SERVICE_UNAVAILABLE


def _chosen(models: Iterable[ListedModel], service: Service, query: PageQuery) -> str:
    """Return the model in the query, by default the first that has a version; raise NotFound."""
    if query.model is not None:
        return service.model(query.model)[0]
    return next((model.name for model in models if model.total), service.model(None)[0])


def _model(service: Service, name: str) -> ListedModel:
    estimator = service.models[name]
    unread = ""
    numbers: list[int] = []
    aliases: dict[str, int] = {}
    moves: list[Move] = []
    try:
        numbers = service.store.versions(name)
        aliases = service.store.aliases(name)
        # each fit moves `latest`: the list of versions says that
        moved = (move for move in service.store.registry.history(name) if move.alias != LATEST)
        moves = list(islice(moved, LISTED_MOVES))
    except OSError:
        unread = f"The {'aliases' if numbers else 'versions'} can’t be read now."
    named = {number: [alias for alias, at in aliases.items() if at == number] for number in numbers[-LISTED_VERSIONS:]}
    listed = [_listed(service, name, number, named[number]) for number in reversed(named)]
    return ListedModel(
        name,
        estimator.description,
        fields(estimator.parameters()),
        listed,
        len(numbers),
        estimator.name,
        estimator.task,
        moves,
        unread,
        _media_types(estimator),
        metrics_of(estimator),
    )


def _listed(service: Service, name: str, number: int, aliases: list[str]) -> ListedVersion:
    try:
        manifest = service.store.manifest(name, number)
    except UNREADABLE:
        return ListedVersion(number, None, aliases)
    return ListedVersion(number, manifest, aliases, _problem(service, manifest))


def _problem(service: Service, manifest: Manifest) -> str:
    try:
        service.models.check_usable(manifest)
    except Conflict as error:
        return error.detail
    number, last, why = service.stand_ins().get(manifest.model, (None, None, ""))
    return f"{why}; version {last} answers in its place" if number == manifest.version else ""


def _shown(service: Service, name: str, query: PageQuery) -> ShownVersion | None:
    """Return the version in the query or the latest, None for a model without versions; raise UNREADABLE errors."""
    if query.version is None and not service.store.versions(name):
        return None
    manifest = service.store.manifest(name, service.store.resolve(name, parse_version(query.version or None)))
    output = _output(manifest, query.output)
    columns = manifest.schema.input_columns()
    try:
        sample = service.store.sample(manifest)
        why_not = "" if sample else "No sample of the data was kept with this version."
        if manifest.classes is not None and len(manifest.classes) > MAX_DRAWN:
            why_not = f"There are {len(manifest.classes)} classes, too many to draw."
    except UNREADABLE as error:
        sample, why_not = {}, _notice(error)
    return ShownVersion(
        manifest,
        charts(manifest, sample, output) if sample else [],
        why_not,
        output,
        manifest.schema.outputs[:SHOWN_OUTPUTS],
        len(sample["y"]) if sample else 0,
        columns[:SHOWN_COLUMNS],
        _input_fields(service, manifest, columns, sample),
        _problem(service, manifest),
        _champion(service, name),
        _takes(service, manifest),
        class_scores(manifest, sample),
    )


def _takes(service: Service, manifest: Manifest) -> Sequence[str]:
    """Return the media types of a model's files, empty for a model of rows."""
    with suppress(Conflict):
        return _media_types(service.models.of(manifest))
    return ()


def _media_types(estimator: AnyEstimator) -> Sequence[str]:
    return () if estimator.files is None else tuple(estimator.files.media_types)


def _input_fields(service: Service, manifest: Manifest, columns: list[Column], sample: Arrays) -> list[Field]:
    """Return what a request for a prediction may say: a field for each column, or for each option beside a file."""
    with suppress(Conflict):
        kind = service.models.of(manifest).files
        if kind is not None:
            return fields(kind.options())
    return column_fields(columns, _example(sample) or [None] * len(columns), _most_choices(service, manifest))


def _most_choices(service: Service, manifest: Manifest) -> int | None:
    """Return from how many different texts on they are not categories, for a model that takes others too."""
    with suppress(Conflict):
        rows: int = manifest.data.get("rows", 0)
        return rows // 2 if service.models.of(manifest).reads_texts else None
    return None


def _champion(service: Service, name: str) -> int | None:
    with suppress(OSError):
        return service.store.aliases(name).get(CHAMPION)
    return None


def _output(manifest: Manifest, text: str | None) -> int:
    """Return the index of the output to draw, which the query counts from 1; raise NotFound."""
    if text is None:
        return 0
    count = len(manifest.schema.outputs)
    numbers = [str(number) for number in range(1, count + 1)]
    if text not in numbers:
        raise NotFound(f"there is no such output; they are numbered from 1 to {count}")
    return numbers.index(text)


def _example(sample: Arrays) -> list[float]:
    """Return X of a row in the middle of the sample; an empty list if there is none."""
    return sample["X"][len(sample["X"]) // 2].tolist() if sample else []
